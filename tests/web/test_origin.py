import pytest
from django.test import RequestFactory

from glassbed.web.origin import PROXY_HEADERS, comes_from_this_machine, is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)),
        *(("192.168.1.5", False), ("::", False), ("prints.example", False), ("", False)),
    ],
)
def test_this_machine_is_known_by_its_address_or_its_one_name(host, expected):
    assert is_loopback(host) is expected


def request(peer, **headers):
    return RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)


def test_who_sits_at_this_machine_comes_from_it():
    assert comes_from_this_machine(request("127.0.0.1"))
    assert not comes_from_this_machine(request("192.168.1.5"))


@pytest.mark.parametrize("header", sorted(PROXY_HEADERS))
def test_what_a_proxy_passed_on_comes_from_elsewhere(header):
    assert not comes_from_this_machine(request("127.0.0.1", **{header: "for=203.0.113.7"}))


def test_a_socket_without_an_address_is_not_taken_for_this_machine():
    assert not comes_from_this_machine(request(""))
