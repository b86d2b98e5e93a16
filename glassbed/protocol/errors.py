"""The errors that a person may read. A class's docstring is its message: what is wrong and what to do."""

from collections.abc import Callable


class GlassbedError(Exception):
    """Something went wrong. Try again; if it stays, tell the operator."""

    def __init__(self, *sentence: str | None, **values: object) -> None:
        super().__init__(*sentence)
        self.values = values

    def __str__(self) -> str:
        return self.said(str)

    def said(self, translated: Callable[[str], str]) -> str:
        """Return the message in the language of `translated`, with its values at their places."""
        sentence = translated(str(self.args[0]) if self.args else (type(self).__doc__ or "").strip())
        return sentence % self.values if self.values else sentence


class NotFound(GlassbedError):
    """There is nothing here that you may see. It may have been deleted, or was never yours."""


class NotAllowed(GlassbedError):
    """You may see this, but not do this. Ask the owner for a higher level."""


class Conflict(GlassbedError):
    """This does not fit the present state any more. Reload the page and look again."""


class Invalid(GlassbedError):
    """That can't be accepted as it is. Correct what is named and send it again."""


class Unavailable(GlassbedError):
    """The other side does not answer at the moment. Nothing was lost; try again in a while."""


class PolicyRefused(GlassbedError):
    """The privacy policy does not allow this. The operator can see which rule in the log."""


class ProtocolViolation(GlassbedError):
    """The other side sent something that the protocol does not know. The connection was closed."""
