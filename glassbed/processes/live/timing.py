"""How long `live` waits for what."""

import msgspec


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. Tests shorten them; nothing else does."""

    first_frame_s: float = 5.0
    silence_s: float = 60.0  # three missed pings
    socket_s: float = (
        600.0  # a viewer's socket lives no longer, then it asks again: a lost revocation ends here
    )
    goodbye_s: float = 1.0  # for the last frame and the close frame of a slow reader
    watch_renewed_s: float = 20.0
    watch_expires_s: float = 45.0
    full_apart_s: float = 0.25  # between two requests for a full sample of one printer
    answer_s: float = 2.0  # of another live process
    record_s: float = 10.0  # of the recorder, commit included
    command_grace_s: float = 3.0  # of the bridge, after the lease's end; the web process waits 12 s in all
    sweep_s: float = 1.0
