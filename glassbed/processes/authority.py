"""Our own small certificate authority, for networks without a public name (`tls = local`).

The root is made once and can be downloaded; its fingerprint goes into the pairing command of bridges.
"""

import datetime as dt
import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_DAYS = 3650
LEAF_DAYS = 90
RENEW_DAYS = 30
MODE = 0o600


def folder(home: Path) -> Path:
    return home / "tls"


def root_certificate(home: Path) -> x509.Certificate:
    """Return the root, made at first use. Losing its key means pairing every bridge again."""
    return _root(home)[1]


def fingerprint(home: Path) -> str:
    """Return `sha256:` and the hexadecimal digest of the root's DER form."""
    return "sha256:" + root_certificate(home).fingerprint(hashes.SHA256()).hex()


def certificate_for(home: Path, public_url: str) -> tuple[Path, Path]:
    """Return certificate chain and key for the instance's name, made anew when they run out or the name changed."""
    host = urlsplit(public_url).hostname or "localhost"
    cert_file, key_file = folder(home) / "server.pem", folder(home) / "server.key"
    if not _is_good(cert_file, key_file, host):
        _make_leaf(home, host, cert_file, key_file)
    return cert_file, key_file


def _is_good(cert_file: Path, key_file: Path, host: str) -> bool:
    if not cert_file.exists() or not key_file.exists():
        return False
    certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=RENEW_DAYS)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return certificate.not_valid_after_utc > soon and _name(host) in list(names)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _root(home: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key_file, cert_file = folder(home) / "root.key", folder(home) / "root.pem"
    if key_file.exists() and cert_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key, x509.load_pem_x509_certificate(cert_file.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Glassbed local authority")])
    usage = x509.KeyUsage(*(flag in ("key_cert_sign", "crl_sign") for flag in _USAGES))
    certificate = (
        _builder(name, name, key.public_key(), ROOT_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_file, _pem(key))
    _write(cert_file, certificate.public_bytes(serialization.Encoding.PEM))
    return key, certificate


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _make_leaf(home: Path, host: str, cert_file: Path, key_file: Path) -> None:
    root_key, root = _root(home)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    names = [_name(host), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        _builder(subject, root.subject, key.public_key(), LEAF_DAYS)
        .add_extension(x509.SubjectAlternativeName(list(dict.fromkeys(names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )
    _write(key_file, _pem(key))
    pem = serialization.Encoding.PEM
    _write(cert_file, certificate.public_bytes(pem) + root.public_bytes(pem))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Write whole or not at all, readable by us alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
