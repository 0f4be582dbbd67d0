"""How many runs start in each minute, and which minute is the worst."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Final, NamedTuple

from jeeves_runner.core.schedule.day_times import SECONDS_OF_DAY, cut
from jeeves_runner.core.schedule.schedule import Schedule

_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)

_FEW: Final = 8
"""How often a schedule may occur in a day for its occurrences to be visited one by one."""


class Peak(NamedTuple):
    """The minute in which most runs start."""

    minute: datetime
    """When it begins; aware, UTC. Of several the first."""
    starts: int
    """How many start in it."""


Load = Mapping[datetime, int]
"""Starts by the minute in which they fall; a minute without any is not in it."""


class Counted(NamedTuple):
    """Occurrences of a job that count as starts."""

    schedule: Schedule
    """When they are; jobs with equal schedules share one."""
    since: datetime
    """Earlier ones do not count; aware."""
    until: datetime
    """Those at this time or later do not either."""


def per_minute(starts: Iterable[datetime]) -> Load:
    """The starts of each minute, in the order in which minutes first appear."""
    return Counter(start.replace(second=0, microsecond=0) for start in starts)


def load_of(jobs: Iterable[Counted], begin: datetime, end: datetime) -> Load:
    """The starts of each minute in [begin, end), ascending; each of ``jobs`` is of one job.

    A day of a schedule costs 100 us at most, however often it occurs and however many jobs have it.
    """
    groups = Counter(each._replace(since=max(each.since, begin), until=min(each.until, end)) for each in jobs)
    load: Counter[datetime] = Counter()
    frequent: list[tuple[Counted, int]] = []
    for counted, number in groups.items():
        times = few_times(*counted)
        if times is None:
            frequent.append((counted, number))
        else:
            for time_of_start in times:
                load[time_of_start.replace(second=0)] += number
    for day in days_between(begin, end) if frequent else ():
        tally = _Tally()
        for (schedule, since, until), number in frequent:
            tally.add(seconds_between(schedule, day, since, until), number)
        midnight = datetime.combine(day, time(), UTC)
        load.update({midnight + _MINUTE * minute: starts for minute, starts in tally.minutes()})
    return dict(sorted(load.items()))


def peak(load: Load) -> Peak | None:
    """The worst minute; None if nothing starts."""
    if not load:
        return None
    minute = min(load, key=lambda each: (-load[each], each))
    return Peak(minute, load[minute])


def days_between(begin: datetime, end: datetime) -> Iterator[date]:
    """The days of UTC that [begin, end) reaches into."""
    day = begin.astimezone(UTC).date()
    while datetime.combine(day, time(), UTC) < end:
        yield day
        day += _DAY


def few_times(schedule: Schedule, begin: datetime, end: datetime) -> list[datetime] | None:
    """The occurrences in [begin, end), if they are so few that to visit each costs less than a look at all
    seconds of each day; else None."""
    most = _FEW * max(0, (end - begin) // _DAY + 1)
    times = list(islice(schedule.between(begin - _INSTANT, end - _INSTANT), most + 1))
    return times if len(times) <= most else None


def seconds_between(schedule: Schedule, day: date, begin: datetime, end: datetime) -> int:
    """The occurrences of a day of UTC that lie in [begin, end), as ``day_times`` writes them."""
    midnight = datetime.combine(day, time(), UTC)
    first = max(0, -((midnight - begin) // _SECOND))  # rounded up
    last = min(SECONDS_OF_DAY, -((midnight - end) // _SECOND))
    if first >= last:
        return 0
    times = schedule.seconds_on(day)
    return times if (first, last) == (0, SECONDS_OF_DAY) else cut(times, first, last)


class _Tally:
    """Counts for each second of a day how often it was added.

    The counts are written in binary, one integer for each digit: bit n of the k-th integer is the k-th digit
    of the count of the n-th second. So all seconds are added at once.
    """

    def __init__(self) -> None:
        self._digits: list[int] = []

    def add(self, times: int, number: int) -> None:
        """Add ``times``, as ``day_times`` writes them, ``number`` times."""
        for place in range(number.bit_length() if times else 0):
            if number >> place & 1:
                self._add(times, place)

    def minutes(self) -> Iterator[tuple[int, int]]:
        """The minutes of the day in which something was added, and how often."""
        texts = [f"{digit:0{SECONDS_OF_DAY}b}"[::-1] for digit in self._digits]
        for minute in range(SECONDS_OF_DAY // 60):
            first = minute * 60
            starts = sum(text.count("1", first, first + 60) << place for place, text in enumerate(texts))
            if starts:
                yield minute, starts

    def _add(self, carried: int, place: int) -> None:
        while carried:
            self._digits += [0] * (place + 1 - len(self._digits))
            digit = self._digits[place]
            self._digits[place], carried = digit ^ carried, digit & carried
            place += 1
