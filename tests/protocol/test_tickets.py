"""A ticket opens its own socket, in its time, unchanged; nothing else does."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.protocol import tickets
from glassbed.protocol.errors import NotAllowed
from glassbed.protocol.messages import Printer

SECRET, OTHER = b"s" * 32, b"t" * 32
NOW = 1_790_000_000.0
IDS = st.uuids().map(str)
WORDS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
PRINTERS = st.builds(Printer, id=IDS, driver=WORDS, address=WORDS)
BRIDGES = st.builds(
    tickets.BridgeTicket,
    bridge=IDS,
    printers=st.lists(PRINTERS, max_size=3).map(tuple),
    issued_at=st.just(NOW),
    expires_at=st.floats(NOW + 1, NOW + tickets.LONGEST_LIFETIME_S),
)
VIEWERS = st.builds(
    tickets.ViewerTicket,
    person=IDS,
    session=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
    printers=st.lists(IDS, max_size=3).map(tuple),
    issued_at=st.just(NOW),
    expires_at=st.floats(NOW + 1, NOW + tickets.LONGEST_LIFETIME_S),
)


def a_viewer(**changes):
    fields = {
        "person": "01890a5d-ac96-774b-bcce-b302099a8057",
        "session": "s",
        "printers": (),
        "issued_at": NOW,
        "expires_at": NOW + 60,
    }
    return tickets.ViewerTicket(**fields | changes)


@given(BRIDGES, VIEWERS)
def test_what_was_signed_is_read(bridge, viewer):
    assert tickets.read_bridge(tickets.sign(bridge, SECRET), SECRET, NOW) == bridge
    assert tickets.read_viewer(tickets.sign(viewer, SECRET), SECRET, NOW) == viewer


@given(BRIDGES, VIEWERS)
def test_a_ticket_of_one_kind_is_none_of_the_other(bridge, viewer):
    with pytest.raises(NotAllowed):
        tickets.read_viewer(tickets.sign(bridge, SECRET), SECRET, NOW)
    with pytest.raises(NotAllowed):
        tickets.read_bridge(tickets.sign(viewer, SECRET), SECRET, NOW)


@given(VIEWERS)
def test_another_key_signs_nothing_here(viewer):
    with pytest.raises(NotAllowed):
        tickets.read_viewer(tickets.sign(viewer, OTHER), SECRET, NOW)


@given(VIEWERS, st.data())
def test_one_changed_character_anywhere_spoils_it(viewer, data):
    text = tickets.sign(viewer, SECRET)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_.=+/ é").filter(lambda letter: letter != text[place]))
    with pytest.raises(NotAllowed):
        tickets.read_viewer(text[:place] + letter + text[place + 1 :], SECRET, NOW)


@given(st.text(max_size=200))
def test_any_text_is_refused(text):
    with pytest.raises(NotAllowed):
        tickets.read_viewer(text, SECRET, NOW)


def test_a_signed_payload_of_another_version_is_refused():
    payload = b'{"person":"x","later":1}'
    mac = tickets._mac(tickets.ViewerTicket, payload, SECRET)
    text = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (payload, mac))
    with pytest.raises(NotAllowed):
        tickets.read_viewer(text, SECRET, NOW)


@pytest.mark.parametrize(
    ("now", "expires_at", "is_good"),
    [
        (NOW + 59.9, NOW + 60, True),
        (NOW + 60, NOW + 60, False),
        (NOW, NOW + tickets.LONGEST_LIFETIME_S, True),
        (NOW, NOW + tickets.LONGEST_LIFETIME_S + 1, False),
    ],
)
def test_a_ticket_is_good_until_it_expires_and_never_for_long(now, expires_at, is_good):
    text = tickets.sign(a_viewer(expires_at=expires_at), SECRET)
    if is_good:
        assert tickets.read_viewer(text, SECRET, now).expires_at == expires_at
    else:
        with pytest.raises(NotAllowed, match="run out"):
            tickets.read_viewer(text, SECRET, now)


def test_a_short_key_is_a_mistake_that_is_seen():
    with pytest.raises(ValueError, match="at least 32"):
        tickets.sign(a_viewer(), b"short")
