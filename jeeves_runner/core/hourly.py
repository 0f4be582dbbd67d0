"""Starts by the hours of a zone's clocks, day by day: a calendar of what comes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.load import Load

_DAY: Final = timedelta(days=1)
_QUARTER: Final = timedelta(minutes=15)
"""All offsets of today's zones are multiples of it."""
_QUARTERS_OF_DAY: Final = 96


class Hour(NamedTuple):
    """An hour as clocks show it."""

    begin: datetime
    """When it begins; aware, UTC. Of one that clocks repeat, the first time."""
    starts: int
    """How many runs start in it; of one that clocks repeat, both times."""
    worst: int
    """How many start in the worst minute of it."""


class Day(NamedTuple):
    """A day as clocks show it."""

    date: date
    """Which one."""
    hours: Sequence[Hour | None]
    """Its 24 hours; None: clocks skip that one."""
    starts: int
    """How many runs start on it."""
    is_shifted: bool
    """Whether clocks are shifted on it: it is longer or shorter than others."""


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins; aware, UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def by_hour(load: Load, first: date, days: int, zone: ZoneInfo) -> list[Day]:
    """The starts of so many days from ``first`` on."""
    quarters: dict[datetime, Hour] = {}
    for minute, starts in load.items():
        at = minute.replace(minute=minute.minute // 15 * 15)
        quarters[at] = _joined(quarters.get(at), Hour(at, starts, starts))
    return [_day(quarters, first + _DAY * n, zone) for n in range(days)]


def _day(quarters: Mapping[datetime, Hour], day: date, zone: ZoneInfo) -> Day:
    hours: list[Hour | None] = [None] * 24
    begin, end = midnight(day, zone), midnight(day + _DAY, zone)
    length = (end - begin) // _QUARTER
    for n in range(length):
        at = begin + _QUARTER * n
        local = on_clocks(at, zone).hour
        hours[local] = _joined(hours[local], quarters.get(at) or Hour(at, 0, 0))
    return Day(day, hours, sum(each.starts for each in hours if each), length != _QUARTERS_OF_DAY)


def _joined(known: Hour | None, more: Hour) -> Hour:
    if known is None:
        return more
    return Hour(known.begin, known.starts + more.starts, max(known.worst, more.worst))
