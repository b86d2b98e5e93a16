import datetime as dt
import ipaddress
import ssl

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from glassbed.bridge.home import Pairing
from glassbed.bridge.identity import Identity
from glassbed.bridge.pairing import pair
from glassbed.bridge.tls import fetch_ca, matches, trust
from glassbed.protocol.errors import Invalid, Unavailable

pytestmark = pytest.mark.integration


def approve(server, state="approved"):
    for pairing in server.pairings.values():
        pairing["state"] = state


async def test_a_person_pairs_by_code_and_compares_the_words(server, new_bridge, wait_until, home):
    bridge = new_bridge()
    await bridge.start("pair", f"http://127.0.0.1:{server.port}", "--name", "workshop")
    await wait_until(lambda: server.pairings and b"Approve only" in bridge.output)
    shown = bridge.output.decode()
    assert "ABCD-EFGH" in shown
    assert f"http://127.0.0.1:{server.port}/bridges/approve/ABCD-EFGH" in shown
    assert "▀" in shown or "█" in shown
    assert Identity.load(home).words in shown
    approve(server)
    assert await bridge.wait() == 0
    (pairing,) = server.pairings.values()
    assert pairing["body"]["name"] == "workshop"
    assert "local_token" not in pairing["body"]
    assert home.pairing().bridge_id in server.bridges
    assert (home.path / "key").read_bytes() not in bridge.output


async def test_a_paired_bridge_connects_says_how_it_is_and_can_be_forgotten(
    server, new_bridge, wait_until, home
):
    pairing, running, status, second, other = (new_bridge() for _ in range(5))
    await pairing.start("pair", f"http://127.0.0.1:{server.port}")
    await wait_until(lambda: server.pairings)
    approve(server)
    await pairing.wait()
    await running.start()
    await wait_until(lambda: server.links)
    await wait_until(lambda: home.status().state == "connected")
    await status.start("status")
    assert await status.wait() == 0
    assert b"connected, for 0 min" in status.output
    await second.start("run")
    assert await second.wait() == 1
    assert b"already running" in second.output
    assert await running.stop() == 0
    await other.start("forget")
    assert await other.wait() == 1
    assert home.path.exists()
    await other.start("forget", "--yes")
    assert await other.wait() == 0
    assert not home.path.exists()


async def test_a_refused_bridge_says_so_and_keeps_no_pairing(server, new_bridge, wait_until, home):
    bridge = new_bridge()
    await bridge.start("pair", f"http://127.0.0.1:{server.port}")
    await wait_until(lambda: server.pairings)
    approve(server, "refused")
    assert await bridge.wait() == 1
    assert b"refused this bridge" in bridge.output
    assert home.pairing() is None


async def test_an_unpaired_bridge_does_not_run_and_a_paired_one_does_not_pair_again(new_bridge, home):
    bridge = new_bridge()
    await bridge.start("run")
    assert await bridge.wait() == 3
    assert b"glassbed bridge pair" in bridge.output
    home.keep_pairing(Pairing(server="https://a.example", bridge_id="b"))
    await bridge.start("pair", "https://b.example")
    assert await bridge.wait() == 1
    assert b"paired already" in bridge.output


async def test_the_local_bridge_pairs_itself_and_waits_to_be_adopted(server, new_bridge, wait_until, home):
    server.local_token = "from-the-supervisor"
    env = {
        "GLASSBED_LOCAL_SERVER": f"http://127.0.0.1:{server.port}",
        "GLASSBED_LOCAL_TOKEN": server.local_token,
    }
    bridge = new_bridge(env=env)
    await bridge.start("--local")
    await wait_until(lambda: server.pairings)
    assert b"ABCD-EFGH" not in bridge.output
    approve(server)
    await wait_until(lambda: server.links)
    await bridge.stop()
    home.keep_pairing(Pairing(server="http://127.0.0.1:1", bridge_id=home.pairing().bridge_id))
    await bridge.start("run", "--local")
    await wait_until(lambda: server.connections == 2)
    assert len(server.pairings) == 1


async def test_pairing_works_on_a_board_whose_clock_is_wrong(server, identity):
    server.skew_s = 9_000_000
    async with aiohttp.ClientSession() as session:
        bridge_id = await pair(
            f"http://127.0.0.1:{server.port}",
            identity,
            name="late",
            session=session,
            trust=trust(None),
            show=lambda offer: approve(server),
        )
    assert bridge_id in server.bridges


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://x", "no address"),
        ("http://a/b", "no address"),
        ("http://127.0.0.1:9", "does not answer"),
    ],
)
async def test_an_address_that_is_no_server_is_told_in_words(new_bridge, address, words):
    bridge = new_bridge()
    await bridge.start("pair", address)
    assert await bridge.wait() == 1
    assert words in bridge.output.decode()
    assert "Traceback" not in bridge.output.decode()


# -- TLS -------------------------------------------------------------------------------------------


def certificate(name, key, issuer, issuer_key, *, is_ca, address=None):
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if is_ca:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    if address:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path):
    """An authority of the server's own, and a context with a certificate of it for an address."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = certificate("Glassbed", ca_key, None, ca_key, is_ca=True)

    def context(address):
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = certificate("server", key, ca.subject, ca_key, is_ca=False, address=address)
        path = tmp_path / f"{address}.pem"
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(private + leaf.public_bytes(pem))
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        return made

    context.pem = ca.public_bytes(serialization.Encoding.PEM).decode()
    context.fingerprint = "sha256:" + ca.fingerprint(hashes.SHA256()).hex()
    return context


@pytest.fixture
async def tls_server(server, authority):
    """The server again, on a second port that speaks TLS."""
    from aiohttp import web

    made = []

    async def start(address="127.0.0.1"):
        site = web.TCPSite(server._runner, "127.0.0.1", 0, ssl_context=authority(address))
        await site.start()
        made.append(site)
        server.ca_pem = authority.pem
        return f"https://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"

    return start


async def test_a_bridge_that_pins_the_fingerprint_pairs_and_connects_over_tls(
    server, tls_server, authority, new_bridge, wait_until, home
):
    url = await tls_server()
    bridge = new_bridge()
    await bridge.start("pair", url, "--fingerprint", authority.fingerprint)
    await wait_until(lambda: server.pairings)
    approve(server)
    assert await bridge.wait() == 0
    assert home.pairing().ca_pem == authority.pem.strip()
    await bridge.start()
    await wait_until(lambda: server.links)


async def test_a_wrong_fingerprint_stops_the_pairing_before_anything_is_said(
    server, tls_server, new_bridge, home
):
    bridge = new_bridge()
    await bridge.start("pair", await tls_server(), "--fingerprint", "sha256:" + "0" * 64)
    assert await bridge.wait() == 1
    assert b"Do not go on" in bridge.output
    assert not server.pairings
    assert home.pairing() is None


async def test_an_authority_of_its_own_is_not_believed_without_its_fingerprint(
    server, tls_server, new_bridge
):
    bridge = new_bridge()
    await bridge.start("pair", await tls_server())
    assert await bridge.wait() == 1
    assert b"Certificate" in bridge.output
    assert not server.pairings


async def test_a_pinned_authority_does_not_excuse_a_wrong_name(server, tls_server, authority, new_bridge):
    bridge = new_bridge()
    await bridge.start("pair", await tls_server("127.0.0.2"), "--fingerprint", authority.fingerprint)
    assert await bridge.wait() == 1
    assert not server.pairings


async def test_a_server_without_an_authority_and_one_that_is_off_are_told_apart(server, authority):
    with pytest.raises(Invalid, match="fingerprint"):
        await fetch_ca(f"http://127.0.0.1:{server.port}", authority.fingerprint)
    with pytest.raises(Invalid, match="without --fingerprint"):
        await fetch_ca(f"http://127.0.0.1:{server.port}/nowhere", authority.fingerprint)
    with pytest.raises(Unavailable):
        await fetch_ca("http://127.0.0.1:9", authority.fingerprint)


def test_fingerprints_are_compared_whatever_their_spelling(authority):
    digits = authority.fingerprint.removeprefix("sha256:")
    pairs = ":".join(digits[i : i + 2] for i in range(0, 64, 2)).upper()
    assert matches(authority.pem, authority.fingerprint)
    assert matches(authority.pem, pairs)
    assert not matches(authority.pem, digits[:-1])
    assert not matches("no certificate", digits)
