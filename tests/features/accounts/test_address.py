"""Whose address counts: only as many proxies are believed as the operator declared."""

import dataclasses

import pytest
from django.conf import settings
from django.test import RequestFactory

from glassbed.features.accounts.address import client_address

PEER, PROXY, CLIENT = "192.0.2.1", "192.0.2.2", "203.0.113.7"


def asked(monkeypatch, proxies, forwarded=None):
    monkeypatch.setattr(settings, "GLASSBED", dataclasses.replace(settings.GLASSBED, trusted_proxy=proxies))
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=PEER, headers=headers))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, None, PEER),
        (0, CLIENT, PEER),  # nobody was declared who may say so
        (1, None, PEER),
        (1, "", PEER),
        (1, " , ", PEER),
        (1, CLIENT, CLIENT),
        (1, f"10.0.0.1, {CLIENT}", CLIENT),  # what the client wrote itself stands before
        (2, CLIENT, PEER),  # fewer than declared: somebody came around the first proxy
        (2, f"{CLIENT}, {PROXY}", CLIENT),
        (2, f"10.0.0.1,{CLIENT} , {PROXY}", CLIENT),
    ],
)
def test_an_address_is_believed_as_far_as_proxies_were_declared(monkeypatch, proxies, forwarded, expected):
    assert asked(monkeypatch, proxies, forwarded) == expected
