"""Settings that are addresses: what they may be, and what of them is shown or handed on."""

import pytest

from glassbed.foundation.config import Config, settings, shown, without_password
from glassbed.protocol.errors import Invalid


def load(tmp_path, **values):
    given = {f"GLASSBED_{name.upper()}": value for name, value in values.items()}
    return Config.load({"GLASSBED_HOME": str(tmp_path), **given})


@pytest.mark.parametrize(
    "address",
    ["https://x.example/sub", "https://x.example/?a=b", "https://x.example/#a", "https://me@x.example"],
)
def test_the_public_address_is_a_whole_site(tmp_path, address):
    with pytest.raises(Invalid, match="GLASSBED_PUBLIC_URL must be an address without a path"):
        load(tmp_path, public_url=address)


@pytest.mark.parametrize("address", ["https://x.example", "https://x.example/", "http://[::1]:8400"])
def test_a_public_address_may_end_with_a_slash(tmp_path, address):
    assert load(tmp_path, public_url=address).public_url == address.rstrip("/")


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("nats_url", "nats://TOKEN@bus.example:4222", "nats://…@bus.example:4222"),
        ("nats_url", "nats://me:pw@bus.example:4222", "nats://me:…@bus.example:4222"),
        ("nats_url", "nats://bus.example:4222", "nats://bus.example:4222"),
        ("database_url", "postgresql://db.example/prints?password=pw", "postgresql://db.example/prints"),
    ],
)
def test_what_opens_a_door_is_not_shown(tmp_path, name, address, expected):
    field = next(field for field in settings() if field.name == name)
    assert shown(load(tmp_path, **{name: address}), field) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgresql://owner:pw@db.example:5432/prints", "postgresql://owner@db.example:5432/prints"),
        ("postgresql://owner@/prints?host=/run", "postgresql://owner@/prints?host=/run"),
        ("postgresql://db/prints?password=pw&port=1", "postgresql://db/prints?port=1"),
    ],
)
def test_an_address_goes_on_without_its_password(tmp_path, address, expected):
    assert without_password(address) == expected
    assert load(tmp_path, database_url=expected).database_url == expected
