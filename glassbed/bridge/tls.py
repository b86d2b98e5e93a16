"""Which certificates the bridge believes: the system's authorities, or the one pinned by its fingerprint."""

import hashlib
import hmac
import ssl

import aiohttp

from glassbed.protocol.errors import Invalid, Unavailable

CA_PATH = "/.well-known/glassbed-ca.pem"
_CA_LIMIT_BYTES = 64 * 1024
_PREFIX = "sha256:"


def trust(ca_pem: str | None) -> ssl.SSLContext:
    """Return a context that checks the host name and trusts the pinned authority alone, if there is one."""
    context = ssl.create_default_context(cadata=ca_pem) if ca_pem else ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def matches(ca_pem: str, fingerprint: str) -> bool:
    """Compare the SHA-256 of the certificate's DER form with "sha256:<hex>"; colons and case are ignored."""
    wanted = fingerprint.strip().lower().removeprefix(_PREFIX).replace(":", "")
    try:
        found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(ca_pem)).hexdigest()
    except ValueError:
        return False
    return hmac.compare_digest(wanted.encode(), found.encode())


async def fetch_ca(server: str, fingerprint: str) -> str:
    """Fetch the server's own authority over an unproven connection and believe it only by its fingerprint."""
    timeout = aiohttp.ClientTimeout(total=15)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(server + CA_PATH, ssl=False, allow_redirects=False) as response,
        ):
            if response.status != 200:  # noqa: PLR2004 -- HTTP
                raise Invalid(
                    "This server has no certificate authority of its own: pair without --fingerprint."
                )
            content = await response.content.read(_CA_LIMIT_BYTES)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(f"{server} does not answer. Is the address right?") from error
    ca_pem = content.decode("ascii", "replace").strip()
    if not matches(ca_pem, fingerprint):
        raise Invalid(
            "The server's certificate does not have this fingerprint. Do not go on: "
            "either the fingerprint was mistyped, or somebody stands in between."
        )
    return ca_pem
