"""Our own certificate authority: made once, renewed in time, closed to others."""

import datetime as dt
import ipaddress

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from glassbed.processes import authority


def leaf(files):
    return x509.load_pem_x509_certificate(files[0].read_bytes())


def names(certificate):
    return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def test_a_root_is_made_once_and_named_by_its_fingerprint(tmp_path):
    root = authority.root_certificate(tmp_path)
    assert authority.root_certificate(tmp_path) == root
    assert authority.fingerprint(tmp_path) == "sha256:" + root.fingerprint(hashes.SHA256()).hex()
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://print.example:8443", x509.DNSName("print.example")),
        ("https://192.0.2.7:8443", x509.IPAddress(ipaddress.ip_address("192.0.2.7"))),
    ],
)
def test_a_certificate_is_for_the_instances_name_and_this_machine(tmp_path, url, name):
    certificate = leaf(authority.certificate_for(tmp_path, url))
    assert names(certificate)[0] == name
    assert x509.IPAddress(ipaddress.ip_address("127.0.0.1")) in names(certificate)
    certificate.verify_directly_issued_by(authority.root_certificate(tmp_path))


def test_a_good_certificate_is_kept_and_another_name_makes_a_new_one(tmp_path):
    first = leaf(authority.certificate_for(tmp_path, "https://print.example"))
    assert leaf(authority.certificate_for(tmp_path, "https://print.example")) == first
    assert leaf(authority.certificate_for(tmp_path, "https://other.example")) != first


def test_a_certificate_is_renewed_a_month_before_it_ends(tmp_path):
    first = leaf(authority.certificate_for(tmp_path, "https://print.example"))
    with time_machine.travel(first.not_valid_after_utc - dt.timedelta(days=29)):
        assert leaf(authority.certificate_for(tmp_path, "https://print.example")) != first


def test_keys_are_closed_to_others(tmp_path):
    _, key = authority.certificate_for(tmp_path, "https://print.example")
    for file in (key, authority.folder(tmp_path) / "root.key"):
        assert file.stat().st_mode & 0o077 == 0
