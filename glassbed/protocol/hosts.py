"""The printer hosts that a bridge can drive, as a person chooses them. The code is in drivers/, at the bridge."""

import msgspec


class Host(msgspec.Struct, frozen=True):
    """A kind of printer host."""

    title: str


HOSTS: dict[str, Host] = {
    "octoprint": Host("OctoPrint"),
    "moonraker": Host("Klipper (Moonraker)"),
    "simulated": Host("Simulated printer"),
}
