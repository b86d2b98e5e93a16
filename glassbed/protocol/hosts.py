"""The printer hosts that a bridge can drive, as a person chooses them. The code is in drivers/, at the bridge."""

import msgspec


class Host(msgspec.Struct, frozen=True):
    """A kind of printer host."""

    title: str
    needs_key: bool = True
    can_ask_key: bool = False  # a person at the host may grant one


HOSTS: dict[str, Host] = {
    "octoprint": Host("OctoPrint", can_ask_key=True),
    "moonraker": Host("Klipper (Moonraker)", needs_key=False),
    "simulated": Host("Simulated printer", needs_key=False),
}
