"""How runs of the last day ended, by half hours: those that have passed are counted once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import apsw

from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.clock import from_timestamp
from jeeves_runner.db.end_counts import ended_between

SLOT: Final = timedelta(minutes=30)
DAY: Final = timedelta(hours=24)
SLOTS: Final = DAY // SLOT + 1
"""A day begins and ends within a half hour."""

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
        """The half hours of the last 24 hours, the oldest first, of which only what lies in them counts."""
        newest = from_timestamp(now.timestamp() // SLOT.total_seconds() * SLOT.total_seconds())
        oldest, *whole = [newest - SLOT * number for number in reversed(range(SLOTS))]
        missing = [begin for begin in whole if begin not in self._past]

        def counted(conn: apsw.Connection) -> tuple[Slot, dict[datetime, Slot]]:
            first = Slot(oldest, ended_between(conn, now - DAY, oldest + SLOT))
            return first, {begin: Slot(begin, ended_between(conn, begin, begin + SLOT)) for begin in missing}

        first, fresh = await self._reads.read(counted)
        found = {**self._past, **fresh}
        slots = [found[begin] for begin in whole]
        self._past = {slot.begin: slot for slot in slots if slot.begin + SLOT + _SETTLED <= now}
        return [first, *slots]
