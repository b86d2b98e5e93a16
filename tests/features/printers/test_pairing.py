import time
from base64 import urlsafe_b64encode
from datetime import timedelta

import people
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from glassbed.features.printers.models import Bridge, Pairing
from glassbed.features.printers.queries import tickets_secret
from glassbed.foundation.purpose import purpose
from glassbed.protocol.tickets import read_bridge

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


def text(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Asking:
    """A bridge that asks to be somebody's, over its own API."""

    def __init__(self, **fields):
        self.key = Ed25519PrivateKey.generate()
        self.client = people.visitor()
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
    assert people.browser_of(operator).post("/bridges/local/").status_code == 404


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
