"""How runs of the last day ended, by half hours: those that have passed are counted once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import apsw

from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.clock import from_timestamp
from jeeves_runner.db.end_counts import ended_between

SLOT: Final = timedelta(minutes=30)
SLOTS: Final = 48

_SETTLED: Final = timedelta(minutes=1)
"""So long after its end a half hour has all its rows: an end is recorded within seconds."""


class Slot(NamedTuple):
    """A half hour."""

    begin: datetime
    """When it begins: at the hour, or half past, of UTC."""
    ended: Mapping[str, int]
    """How many rows ended in it, by status."""


class PastEnds:
    """Used in the event loop."""

    def __init__(self, reads: ReadPool) -> None:
        self._reads = reads
        self._past: dict[datetime, Slot] = {}

    async def last_day(self, now: datetime) -> Sequence[Slot]:
        """The half hours of the last day, the oldest first; the last one goes on."""
        newest = from_timestamp(now.timestamp() // SLOT.total_seconds() * SLOT.total_seconds())
        begins = [newest - SLOT * number for number in reversed(range(SLOTS))]
        missing = [begin for begin in begins if begin not in self._past]
        counted = await self._reads.read(lambda conn: _counted(conn, missing))
        found = {**self._past, **counted}
        slots = [found[begin] for begin in begins]
        self._past = {slot.begin: slot for slot in slots if slot.begin + SLOT + _SETTLED <= now}
        return slots


def _counted(conn: apsw.Connection, begins: Sequence[datetime]) -> dict[datetime, Slot]:
    return {begin: Slot(begin, ended_between(conn, begin, begin + SLOT)) for begin in begins}
