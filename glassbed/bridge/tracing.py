"""Collects the trace of one print, second by second, into minutes."""

from glassbed.protocol.messages import TraceChunk
from glassbed.protocol.reading import Reading
from glassbed.protocol.trace import FIELDS, SECONDS, TraceSample, decode, encode

_NOTHING = TraceSample()


class TraceCollector:
    """The unfinished minute of a print that began at `started_at`, on the server's clock."""

    def __init__(self, print_id: str, started_at: float) -> None:
        self.print_id = print_id
        self._started_at = started_at
        self.minute: int | None = None
        self._samples: list[TraceSample] = []

    def restore(self, minute: int, samples: bytes) -> None:
        """Go on with a minute that a restart interrupted."""
        self.minute, self._samples = minute, list(decode(samples))

    def packed(self) -> bytes:
        """The unfinished minute, to be restored later."""
        return encode(self._samples) if self._samples else b""

    def add(self, reading: Reading, now: float) -> TraceChunk | None:
        """Note a reading for this second; return the minute before when a new one begins."""
        minute, second = divmod(max(int(now - self._started_at), 0), SECONDS)
        finished = self.finish() if self.minute is not None and minute > self.minute else None
        if self.minute is None:
            self.minute = minute
        if minute == self.minute and second >= len(self._samples):
            self._samples += [_NOTHING] * (second - len(self._samples))
            self._samples.append(TraceSample(*(getattr(reading, name) for name in FIELDS)))
        return finished

    def finish(self) -> TraceChunk | None:
        """Close the minute, if it holds anything."""
        minute, samples = self.minute, self._samples
        self.minute, self._samples = None, []
        if minute is None or not samples:
            return None
        return TraceChunk(print_id=self.print_id, minute=minute, samples=encode(samples))
