"""The events of the last minutes, in their order, each with a number: so that those who were away go on where
they were."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from jeeves_runner.views.events import BriefKind

KEPT: Final = 600.0
"""Seconds for which an event is kept."""

MOST: Final = 50_000
"""Events that are kept."""

MOST_BYTES: Final = 32 << 20
"""Bytes of their texts that are kept."""


class Event(NamedTuple):
    """Something that has changed."""

    number: int
    """One more than that of the event before."""
    kind: BriefKind
    """What it is about."""
    about: str
    """The very thing: a newer event about it says all that this one does."""
    job_id: str | None
    """The job that it belongs to, if it does to one."""
    at: float
    """When it was made, in seconds of the monotonic clock."""
    text: bytes
    """As it is sent."""


class Ring:
    """Events up to an age, a number and a size, whichever is met first. All times are arguments."""

    def __init__(self, *, seconds: float = KEPT, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._seconds = seconds
        self._most = most
        self._most_bytes = most_bytes
        self._events: deque[Event] = deque()
        self._bytes = 0
        self.newest = 0
        """The number of the newest event that there was; 0 before the first."""
        self._forgotten = 0

    def add(self, events: Sequence[Event]) -> None:
        """Events whose numbers follow on ``newest``."""
        self._events += events
        self._bytes += sum(len(event.text) for event in events)
        if events:
            self.newest = events[-1].number
            self.forget(events[-1].at)

    def forget(self, now: float) -> None:
        """Let go of what is too old or too much."""
        while self._events and (
            now - self._events[0].at > self._seconds
            or len(self._events) > self._most
            or self._bytes > self._most_bytes
        ):
            gone = self._events.popleft()
            self._forgotten = gone.number
            self._bytes -= len(gone.text)

    def leave_a_gap(self) -> None:
        """From here on events are missed: no stream goes on from before it."""
        self._events.clear()
        self._bytes = 0
        self.newest += 1
        self._forgotten = self.newest

    def holds_all_after(self, number: int) -> bool:
        """Whether those who have all events up to that number can have all that follow it."""
        return self._forgotten <= number <= self.newest

    def after(self, number: int) -> list[Event]:
        """What follows a number that it holds all after, in its order: of what is about the same thing, the
        newest."""
        found: list[Event] = []
        seen: set[str] = set()
        for event in reversed(self._events):
            if event.number <= number:
                break
            if event.about not in seen:
                seen.add(event.about)
                found.append(event)
        found.reverse()
        return found
