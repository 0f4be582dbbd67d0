"""Local times taken out of a schedule: dates, ranges of dates, and the times of cron expressions.

Exclusions are matched against the local time a schedule names, before clock shifts are looked at:
what is excluded at 02:30 stays excluded when 02:30 is skipped or repeated.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from jeeves_runner.core.cron import BEGIN_OF_TIME, END_OF_TIME, HORIZON_YEARS, Cron
from jeeves_runner.core.cron_fields import ScheduleError

DateRange = tuple[date, date]
"""First and last excluded day, both included."""

Span = tuple[datetime, datetime]
"""Half open: the second time is the first one outside."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_REFERENCE_YEARS = range(2001, 2029, HORIZON_YEARS - 1)
"""Starting points that together see every pairing of date and weekday."""


def parse_dates(text: str) -> DateRange:
    """``2026-12-25`` or ``2026-12-24..2026-12-26``; raises :class:`ScheduleError`."""
    first_text, dots, last_text = text.partition("..")
    first = _parse_date(first_text.strip(), text)
    last = _parse_date(last_text.strip(), text) if dots else first
    if last < first:
        raise ScheduleError(f"{text!r} ends before it begins", key="exclude")
    return first, last


def _parse_date(word: str, text: str) -> date:
    try:
        if _DATE.fullmatch(word):
            return date.fromisoformat(word)
    except ValueError:
        pass  # a day that no calendar has; reported like any other bad word
    raise ScheduleError(
        f"{text!r} is neither a date nor a cron expression",
        hint="write 2026-12-25, 2026-12-24..2026-12-26 or a cron expression such as '* * 25 12 *'",
        key="exclude",
    )


class Remaining:
    """The times of ``cron`` that no exclusion covers."""

    __slots__ = ("_covered", "_cron", "_crons", "_firsts", "_ranges", "elapsed")

    def __init__(self, cron: Cron, ranges: Iterable[DateRange], crons: tuple[Cron, ...]) -> None:
        self.elapsed = cron.elapsed
        self._cron = cron
        self._crons = crons
        self._ranges = _merged(ranges)
        self._firsts = [first for first, _ in self._ranges]
        self._covered: dict[tuple[Cron, ...], bool] = {}

    def at_or_after(self, local: datetime) -> datetime | None:
        limit = local.year + HORIZON_YEARS
        while (found := self._cron.at_or_after(local)) is not None and found.year <= limit:
            span = self._excluded_span(found)
            if span is None:
                return found
            local = span[1]
        return None

    def at_or_before(self, local: datetime) -> datetime | None:
        limit = local.year - HORIZON_YEARS
        while (found := self._cron.at_or_before(local)) is not None and found.year >= limit:
            span = self._excluded_span(found)
            if span is None:
                return found
            local = span[0] - _SECOND
        return None

    def barren_days(self) -> frozenset[date]:
        """Days from which nothing remains for HORIZON_YEARS, among those where that could begin."""
        starts = [date(year, 1, 1) for year in _REFERENCE_YEARS] + self._firsts
        return frozenset(start for start in starts if self._is_barren_from(start))

    def _is_barren_from(self, start: date) -> bool:
        found = self.at_or_after(datetime.combine(max(start, BEGIN_OF_TIME.date()), time()))
        if found is None:
            return True
        return (found.year - start.year, found.month, found.day) > (HORIZON_YEARS, start.month, start.day)

    def _excluded_span(self, local: datetime) -> Span | None:
        """A stretch around ``local`` in which nothing of the schedule remains, or None if it does."""
        day = local.date()
        place = bisect_right(self._firsts, day) - 1
        if place >= 0 and day <= self._ranges[place][1]:
            return _days_span(*self._ranges[place])
        active = tuple(cron for cron in self._crons if cron.days.contains(local))
        if not active:
            return None
        if self._covers_whole_day(active):
            return _days_span(day, day)
        return next((_cover(cron, local) for cron in active if _covers(cron, local)), None)

    def _covers_whole_day(self, active: tuple[Cron, ...]) -> bool:
        covered = self._covered.get(active)
        if covered is None:
            seconds = set(self._cron.seconds)
            covered = all(
                not seconds.difference(
                    *(cron.seconds for cron in active if hour in cron.hours and minute in cron.minutes)
                )
                for hour in self._cron.hours
                for minute in self._cron.minutes
            )
            self._covered[active] = covered
        return covered


def _covers(cron: Cron, local: datetime) -> bool:
    return local.hour in cron.hours and local.minute in cron.minutes and local.second in cron.seconds


def _cover(cron: Cron, local: datetime) -> Span:
    """The second, minute or hour around ``local`` that ``cron`` covers without a hole."""
    if len(cron.seconds) < 60:
        return local, local + _SECOND
    begin = local.replace(second=0)
    if len(cron.minutes) < 60:
        return begin, begin + timedelta(minutes=1)
    begin = begin.replace(minute=0)
    return begin, begin + timedelta(hours=1)


def _days_span(first: date, last: date) -> Span:
    """Midnight to midnight, cut to the stretch that can be searched."""
    begin = max(datetime.combine(first, time()), BEGIN_OF_TIME)
    return begin, END_OF_TIME if last >= END_OF_TIME.date() else datetime.combine(last + _DAY, time())


def _merged(ranges: Iterable[DateRange]) -> list[DateRange]:
    """Sorted, with ranges that touch or overlap joined."""
    merged: list[DateRange] = []
    for first, last in sorted(ranges):
        if merged and first - merged[-1][1] <= _DAY:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged
