import time
from base64 import urlsafe_b64encode
from datetime import timedelta

import people
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from features.notes import noted

from glassbed.features.printers import actions, bridge_api, pairing
from glassbed.features.printers.models import Bridge, Pairing
from glassbed.features.printers.queries import tickets_secret
from glassbed.foundation.purpose import purpose
from glassbed.protocol.errors import Conflict
from glassbed.protocol.tickets import read_bridge

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture(autouse=True)
def counted_anew():
    """How often one address may ask is counted for the whole process: no test uses up what another needs."""
    cache.clear()
    yield
    cache.clear()


def text(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Asking:
    """A bridge that asks to be somebody's, over its own API."""

    def __init__(self, client=None, **fields):
        self.key = Ed25519PrivateKey.generate()
        self.client = client or people.visitor()
        body = {
            "public_key": text(self.key.public_key().public_bytes_raw()),
            "name": "Cellar",
            "version": "1",
            "platform": "Linux",
            **fields,
        }
        self.asked = self.client.post("/bridge/pair", body, content_type="application/json")
        self.reply = self.asked.json()

    def poll(self, key=None, at=None, of=None):
        at = at or int(time.time())
        pairing = of or self.reply["pairing_id"]
        signature = (key or self.key).sign(f"glassbed-pair:{pairing}:{at}".encode())
        body = {"at": at, "signature": text(signature)}
        return self.client.post(f"/bridge/pair/{pairing}", body, content_type="application/json")


def ticket(bridge, key, *, at=None, said=None):
    at = at if at is not None else int(time.time())
    signature = key.sign((said or f"glassbed-ticket:{bridge}:{at}:n").encode())
    body = {"bridge_id": str(bridge), "at": at, "nonce": "n", "signature": text(signature)}
    return people.visitor().post("/bridge/ticket", body, content_type="application/json")


def approve(person, code, **form):
    return people.browser_of(person).post("/bridges/pair/", {"code": code, **form})


def test_a_bridge_is_paired_by_its_code():
    person, bridge = people.make_person(), Asking()
    assert bridge.asked.status_code == 201
    assert bridge.reply["approve_url"].endswith(f"/bridges/pair/?code={bridge.reply['code']}")
    assert bridge.poll().status_code == 202
    shown = people.browser_of(person).get(f"/bridges/pair/?code={bridge.reply['code'].lower()}")
    assert "Cellar" in shown.content.decode()
    assert bridge.poll().status_code == 202
    approve(person, bridge.reply["code"].replace("-", " "), name="Workshop")
    answer = bridge.poll()
    with purpose("printing", person=person.pk):
        mine = Bridge.objects.get()
    assert answer.json() == {"bridge_id": str(mine.pk)}
    assert (mine.name, bytes(mine.public_key)) == ("Workshop", bridge.key.public_key().public_bytes_raw())


def test_a_poll_with_another_key_finds_nothing():
    bridge, other = Asking(), Asking()
    assert bridge.poll(key=other.key).status_code == 404
    assert bridge.poll(of=other.reply["pairing_id"]).status_code == 404


def test_a_code_is_good_for_one_person_once():
    first, second, bridge = people.make_person(), people.make_person(), Asking()
    approve(first, bridge.reply["code"])
    response = approve(second, bridge.reply["code"])
    assert "No bridge shows this code now" in response.content.decode()
    with purpose("printing", person=second.pk):
        assert Bridge.objects.count() == 0


def test_a_code_runs_out_after_ten_minutes():
    person, bridge = people.make_person(), Asking()
    with purpose("pairing"):
        row = Pairing.objects.get(pk=bridge.reply["pairing_id"])
        assert timedelta(minutes=9) < row.expires_at - timezone.now() <= timedelta(minutes=10)
        Pairing.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert "No bridge shows this code" in approve(person, bridge.reply["code"]).content.decode()
    assert bridge.poll().status_code == 410


def test_a_refused_bridge_is_told():
    bridge = Asking()
    approve(people.make_person(), bridge.reply["code"], refuse="1")
    assert bridge.poll().status_code == 410


def test_a_bridge_that_asks_again_has_a_new_code():
    bridge = Asking()
    again = Asking.__new__(Asking)
    again.__init__(public_key=text(bridge.key.public_key().public_bytes_raw()))
    assert again.reply["code"] != bridge.reply["code"]
    assert again.reply["pairing_id"] != bridge.reply["pairing_id"]


@pytest.mark.parametrize("key", ["", "AAAA", "not base64!", "A" * 60])
def test_a_key_that_is_none_is_refused(key):
    assert Asking(public_key=key).asked.status_code == 422


# -- the bridge on the server's own machine ------------------------------------------------------------------


def ask_locally():
    return Asking(local_token=settings.GLASSBED.secret("local-bridge").hex())


@pytest.fixture
def nobody_waits(servers):
    with servers.superuser() as admin:
        admin.execute("DELETE FROM printers_pairing WHERE is_local")


def test_a_wrong_local_token_is_refused(nobody_waits):
    assert Asking(local_token="0" * 64).asked.status_code == 403
    assert Asking(local_token="").asked.status_code == 403


def test_only_the_operator_adopts_the_local_bridge(nobody_waits):
    bridge = ask_locally()
    assert people.browser_of(people.make_person()).post("/bridges/local/").status_code == 403
    assert bridge.poll().status_code == 202
    operator = people.make_person(is_operator=True)
    assert people.browser_of(operator).post("/bridges/local/").status_code == 302
    with purpose("printing", person=operator.pk):
        mine = Bridge.objects.get()
    assert (mine.is_local, bridge.poll().json()) == (True, {"bridge_id": str(mine.pk)})
    assert people.browser_of(operator).post("/bridges/local/").status_code == 302  # a second click: the same
    with purpose("printing", person=operator.pk):
        assert Bridge.objects.get() == mine


def test_the_local_bridge_can_not_be_had_by_its_code(nobody_waits):
    """A code that was seen in a log or guessed must not hand the server's own machine to anybody."""
    bridge = ask_locally()
    approve(people.make_person(), bridge.reply["code"])
    assert bridge.poll().status_code == 202


# -- tickets ---------------------------------------------------------------------------------------------------


def test_a_bridge_that_proves_its_key_gets_a_ticket_for_its_printers():
    owner = people.make_person()
    host = people.make_bridge(owner)
    printer = people.make_printer(owner, host.bridge)
    people.make_printer(owner)
    reply = ticket(host.bridge.pk, host.key).json()
    found = read_bridge(reply["ticket"], tickets_secret(), time.time())
    assert found.bridge == str(host.bridge.pk)
    assert [p.id for p in found.printers] == [str(printer.pk)]
    assert abs(reply["server_time"] - time.time()) < 5


def test_a_wrong_signature_gets_no_ticket():
    host, other = (people.make_bridge(people.make_person()) for _ in range(2))
    assert ticket(host.bridge.pk, other.key).status_code == 403
    now = int(time.time())
    assert (
        ticket(host.bridge.pk, host.key, said=f"glassbed-ticket:{host.bridge.pk}:{now - 1}:n").status_code
        == 403
    )
    assert ticket(host.bridge.pk, host.key, said=f"glassbed-pair:{host.bridge.pk}:{now}:n").status_code == 403


def test_a_revoked_bridge_gets_no_ticket():
    owner = people.make_person()
    host = people.make_bridge(owner)
    assert people.browser_of(owner).post(f"/bridges/{host.bridge.pk}/revoke/").status_code == 302
    assert ticket(host.bridge.pk, host.key).status_code == 403


@pytest.mark.parametrize("off_s", [-200, 200, -1_000_000_000])
def test_a_bridge_whose_clock_is_off_learns_the_time(off_s):
    host = people.make_bridge(people.make_person())
    response = ticket(host.bridge.pk, host.key, at=int(time.time()) + off_s)
    assert response.status_code == 409
    assert abs(response.json()["server_time"] - time.time()) < 5
    assert "ticket" not in response.json()


def test_a_clock_that_is_off_by_a_minute_is_good_enough():
    host = people.make_bridge(people.make_person())
    assert ticket(host.bridge.pk, host.key, at=int(time.time()) - 60).status_code == 200


# -- asking needs no account, so it is bounded ---------------------------------------------------------------------


def test_one_address_asks_a_few_times_only_and_the_local_bridge_always_may(nobody_waits):
    assert [Asking().asked.status_code for _ in range(bridge_api.LIMIT_ASKS)] == [201] * bridge_api.LIMIT_ASKS
    refused = Asking()
    assert refused.asked.status_code == 503
    assert "Too many bridges" in refused.reply["error"]
    assert ask_locally().asked.status_code == 201
    elsewhere = people.visitor()
    elsewhere.defaults["REMOTE_ADDR"] = "192.0.2.9"
    assert Asking(client=elsewhere).asked.status_code == 201


def test_so_many_codes_wait_at_once_and_no_more(servers, monkeypatch):
    with servers.superuser() as admin:
        admin.execute("DELETE FROM printers_pairing WHERE bridge_id IS NULL")
    monkeypatch.setattr(pairing, "OPEN_LIMIT", 2)
    first, second, third = Asking(), Asking(), Asking()
    assert [asked.asked.status_code for asked in (first, second, third)] == [201, 201, 503]
    assert "at the moment" in third.reply["error"]
    approve(people.make_person(), first.reply["code"])
    assert Asking().asked.status_code == 201


def test_a_code_that_was_used_or_is_old_makes_no_bridge_though_the_page_was_open():
    """Two pages of the same code: the second is looked at again when its button is pressed."""
    person, bridge = people.make_person(), Asking()
    with purpose("pairing", person=person.pk):
        row = Pairing.objects.get(pk=bridge.reply["pairing_id"])
        for past in ({"refused_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}):
            with pytest.raises(Conflict, match="used or too old"):
                actions.approve_pairing(
                    Pairing(**{"pk": row.pk, "expires_at": row.expires_at} | past),
                    person.pk,
                    name="x",
                    as_of=timezone.now(),
                )
    approve(person, bridge.reply["code"])
    with purpose("pairing", person=person.pk), pytest.raises(Conflict):
        actions.approve_pairing(Pairing.objects.get(pk=row.pk), person.pk, name="x", as_of=timezone.now())


def test_a_bridge_without_a_name_is_named_and_a_long_one_is_cut():
    person = people.make_person()
    for name in ("", "n" * 100):
        approve(person, Asking(name=name, version="v" * 100, platform="p" * 100).reply["code"])
    with purpose("printing", person=person.pk):
        made = sorted((row.name, len(row.version), len(row.platform)) for row in Bridge.objects.all())
    assert made == [("Bridge", 40, 80), ("n" * 60, 40, 80)]


def test_a_paired_bridge_is_noted():
    person = people.make_person()
    approve(person, Asking().reply["code"])
    assert noted(person) == ["account_opened", "bridge_paired"]
