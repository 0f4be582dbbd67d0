"""The only place that reads a clock, and the one text form times have in the database.

Times are aware ``datetime`` values in UTC inside the program and ISO 8601 text with
milliseconds and ``Z`` outside (``2026-11-24T03:03:35.123Z``): such texts sort as the times do.
"""

import re
import time
from datetime import UTC, datetime
from typing import ClassVar, Final, Protocol

_FORM: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z")


class Clock(Protocol):
    """What the program may know about time; tests pass their own."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC, cut to milliseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back and stand still while the machine sleeps."""
        ...

    def boottime(self) -> float:
        """Seconds since boot, sleep included."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return _to_the_millisecond(datetime.now(UTC))

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()


def thread_seconds() -> float:
    """How many seconds of a processor the calling thread has taken."""
    return time.thread_time()


class Slice:
    """A stretch of computing in the event loop, after which others there have their turn."""

    LENGTH: ClassVar = 0.002
    """Its seconds: so few because another task may need a few turns of the loop to wake up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        self._ends = self._clock.monotonic() + self.LENGTH

    @property
    def is_over(self) -> bool:
        return self._clock.monotonic() > self._ends


def from_timestamp(seconds: float) -> datetime:
    """The wall clock as another process has read it, cut to milliseconds like ``now``."""
    return _to_the_millisecond(datetime.fromtimestamp(seconds, UTC))


def _to_the_millisecond(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def to_text(instant: datetime) -> str:
    """The database's form of an aware time."""
    text = (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).isoformat(timespec="milliseconds")
    return text[:-6] + "Z"


def from_text(text: str) -> datetime:
    """The aware UTC time of a text in the database's form; ValueError for anything else."""
    if _FORM.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no time such as 2026-11-24T03:03:35.123Z")
    return datetime.fromisoformat(text)
