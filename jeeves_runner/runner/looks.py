"""Looks at files that may change, as seldom as their costs demand. One look serves all that watch a place."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from jeeves_runner.clock import Clock, thread_seconds
from jeeves_runner.core.changes import pauses
from jeeves_runner.runner.fingerprints import MOST, Fingerprint, fingerprint
from jeeves_runner.side_thread import SILENT, SideThread
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

EVERY: Final = 1.0
"""Seconds between two looks at a place, at least ..."""
SHARE: Final = 0.02
"""... and so many that all looks together take no more than this of a processor ..."""
_REST: Final = 5
"""... and so many times as long as one of them takes, so that a slow disk is not asked all the time."""

_PATIENCE: Final = 120.0
"""Seconds after which files do not answer: there may be very many of them."""
_AGAIN: Final = 10.0
"""Seconds until files are asked again that could not be."""


class Look(NamedTuple):
    """What was seen of a place."""

    found: Fingerprint
    """How it was found."""
    began: float
    """When the look began, by a clock in seconds that is never set; what changed later may have been seen."""
    ended: float
    """When it was over: what changed later was not seen."""
    cost: float
    """How many seconds of a processor it took."""


class _Place:
    """A place that is looked at."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.thread = SideThread(f"files in {path}")
        self.asking: asyncio.Task[Look] | None = None
        self.asked_at = 0.0
        self.wanted_at = 0.0
        self.due = 0.0
        self.look: Look | None = None
        self.trouble = Trouble(log, over=f"{path}, whose changes start jobs, is looked at again")
        self.is_too_large = False


class Looks:
    """All places that are watched. Used in the event loop; each place is asked in a thread of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._places: dict[str, _Place] = {}

    def follow(self, paths: Collection[str]) -> None:
        """Look at these places from now on, and at no others."""
        for path in [each for each in self._places if each not in paths]:
            _leave(self._places.pop(path))
        for path in paths:
            if path not in self._places:
                self._places[path] = _Place(path)

    def want(self, path: str, since: float) -> None:
        """Have a place looked at soon that was not looked at since then."""
        place = self._places[path]
        place.wanted_at = max(place.wanted_at, since)

    def last(self, path: str) -> Look | None:
        """The newest look at a place; None where it has not been looked at."""
        return self._places[path].look

    def attend(self) -> None:
        """Take what has been found, and ask what is due."""
        taken: list[_Place] = []
        for place in self._places.values():
            if place.asking is None:
                awake = self._clock.monotonic()
                if awake >= place.due or place.wanted_at > place.asked_at:
                    place.asked_at = awake
                    place.asking = asyncio.ensure_future(self._ask(place))
            elif place.asking.done():
                if self._take(place, place.asking):
                    taken.append(place)
                place.asking = None
        if taken:
            self._let_rest(taken)

    def close(self) -> None:
        """Look at nothing any more."""
        self.follow(())

    async def _ask(self, place: _Place) -> Look:
        path, clock = place.path, self._clock
        return await place.thread.call(lambda: _look(path, clock), _PATIENCE)

    def _take(self, place: _Place, asked: asyncio.Task[Look]) -> bool:
        """Take what a look has found; whether it has found anything."""
        try:
            look = asked.result()
        except OSError as error:
            why = SILENT if isinstance(error, TimeoutError) else str(error)
            place.trouble.met(f"{place.path}, whose changes start jobs, cannot be looked at: {why}")
            place.due = self._clock.monotonic() + _AGAIN
            return False
        place.trouble.over()
        place.look = look
        if not look.found.is_whole and not place.is_too_large:
            log.warning("of %s, whose changes start jobs, only %d entries are watched", place.path, MOST)
        place.is_too_large = not look.found.is_whole
        return True

    def _let_rest(self, taken: Sequence[_Place]) -> None:
        """Say when these are looked at again. What all places cost is counted once for all of them, for there
        may be thousands."""
        awake = self._clock.monotonic()
        looks = {each.path: each.look for each in self._places.values() if each.look is not None}
        waits = pauses({path: look.cost for path, look in looks.items()}, SHARE, EVERY)
        for place in taken:
            look = looks[place.path]
            place.due = awake + max(waits[place.path], _REST * (look.ended - look.began))


def _look(path: str, clock: Clock) -> Look:
    """In a thread: look at a place."""
    began, before = clock.monotonic(), thread_seconds()
    found = fingerprint(path)
    return Look(found, began, clock.monotonic(), thread_seconds() - before)


def _leave(place: _Place) -> None:
    if place.asking is not None:
        place.asking.cancel()
