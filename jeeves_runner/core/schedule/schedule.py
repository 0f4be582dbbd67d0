"""When a job occurs: its schedule, a time zone and exclusions in, instants out.

``expression`` and ``cron_fields`` read cron expressions, ``rule_text`` recurrence rules, ``written`` what
else may be listed; ``cron`` and ``recurrence`` search them on local times, ``joined`` what is listed
together. ``local_time`` puts them on the clocks of a zone, ``series`` joins them with times that no clock
moves. What was parsed is cached, so that thousands of jobs with equal schedules share one object.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from jeeves_runner.core.schedule.cron import BEGIN_OF_TIME, END_OF_TIME, Cron, LocalTimes
from jeeves_runner.core.schedule.cron_fields import ScheduleError
from jeeves_runner.core.schedule.days import HORIZON_YEARS
from jeeves_runner.core.schedule.excepted import Excepted
from jeeves_runner.core.schedule.exclusions import DateRange, Exclusions, parse_dates
from jeeves_runner.core.schedule.expression import cron_expression, is_shared
from jeeves_runner.core.schedule.joined import join, leave_a_gap
from jeeves_runner.core.schedule.local_time import Zone
from jeeves_runner.core.schedule.nights import Night
from jeeves_runner.core.schedule.recurrence import Recurrence
from jeeves_runner.core.schedule.series import (
    BoundedTimes,
    ClockTimes,
    Once,
    Series,
    Steps,
    count_together,
    first_of,
)
from jeeves_runner.core.schedule.written import Rule, written_entry
from jeeves_runner.core.schedule.zones import zone_of
from jeeves_runner.core.schedule_entry import ScheduleEntry

__all__ = ["Schedule", "ScheduleError", "parse_schedule", "warm_up"]

_SECOND = timedelta(seconds=1)


class Schedule:
    """The occurrences of a job: aware UTC times on whole seconds, strictly increasing.

    Immutable and shared; made by :func:`parse_schedule`. All times passed in must be aware. ``effort``: how
    much it took to see that it occurs often enough, about a fifth of a microsecond each.
    """

    __slots__ = ("_latest", "_several", "effort")

    def __init__(self, several: tuple[Series, ...], effort: int = 0) -> None:
        self._several = several
        self._latest: tuple[datetime, datetime | None] | None = None
        self.effort = effort

    def next_after(self, after: datetime) -> datetime | None:
        """The first occurrence strictly later than ``after``; None if none comes within 8 years."""
        latest = self._latest
        if latest is not None and latest[0] == after:  # jobs that share a schedule ask the same
            return latest[1]
        instant = _naive_utc(after)
        first = first_of([each.first_after(instant) for each in self._several]) if self._several else None
        found = first and first.replace(tzinfo=UTC)
        self._latest = after, found
        return found

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """The last occurrence in (after, until], found by searching backwards."""
        instant = _naive_utc(until)
        found = [each.last_until(instant) for each in self._several]
        last = max((each for each in found if each is not None), default=None)
        return last.replace(tzinfo=UTC) if last is not None and last > _naive_utc(after) else None

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The occurrences in (after, until], ascending."""
        occurrence = self.next_after(after)
        while occurrence is not None and occurrence <= until:
            yield occurrence
            occurrence = self.next_after(occurrence)

    def count(self, after: datetime, until: datetime) -> int:
        """How many occurrences lie in (after, until]; costs about 2 us a day, of mixed schedules 50 us."""
        begin = _naive_utc(after).replace(microsecond=0) + _SECOND
        end = _naive_utc(until).replace(microsecond=0) + _SECOND
        if len(self._several) == 1:
            return self._several[0].count(begin, end)
        return count_together(self._several, begin, end)

    def seconds_on(self, day: date) -> int:
        """The occurrences of a day of UTC, bit n for its n-th second; costs 20 to 100 us."""
        found = 0
        for each in self._several:
            found |= each.seconds_on(day)
        return found

    def nights(self, begin: datetime, end: datetime) -> list[Night]:
        """The shifts of clocks in [begin, end) that touch its cron expressions and rules."""
        first, last = (_naive_utc(each).replace(microsecond=0) for each in (begin, end))
        clocks = [each for each in self._several if isinstance(each, ClockTimes)]
        return [night for each in clocks for night in each.nights(first, last)]


def parse_schedule(
    entries: Sequence[ScheduleEntry], timezone: str, namespace: str, exclude: Sequence[str] = ()
) -> Schedule:
    """The union of a schedule's entries in an IANA time zone, without what ``exclude`` covers.

    ``namespace`` feeds ``H`` and the phase of ``every``. ``exclude`` holds local dates (``2026-12-25``),
    ranges of them (``2026-12-24..2026-12-26``, both ends included) and cron expressions; one of five fields
    covers whole minutes. No entries: a schedule that never occurs. Raises :class:`ScheduleError`, also when
    an entry that has no end, or the whole, would not occur for 8 years.
    """
    if not exclude and len(entries) == 1 and isinstance(text := entries[0], str) and is_shared(text):
        return _schedule_of_text(text, timezone)
    zone = zone_of(timezone)
    crons: list[Cron] = []
    others: list[Steps | Once | Rule] = []
    for index, entry in enumerate(entries):
        if isinstance(entry, str):
            crons.append(cron_expression(entry, namespace, "schedule", index))
        else:
            others.append(written_entry(entry, zone, namespace, index))
    dates: list[DateRange] = []
    excluded: list[Cron] = []
    for index, text in enumerate(exclude):
        if _is_cron(text):
            excluded.append(cron_expression(text, namespace, "exclude", index))
        else:
            dates.append(_dates(text, index))
    if not exclude:
        return _plain_schedule(tuple(crons), tuple(others), zone)
    schedule, effort = _reduced_schedule(tuple(crons), tuple(others), zone, tuple(dates), tuple(excluded))
    if schedule is None:
        raise ScheduleError(
            f"the exclusions leave no occurrence for {HORIZON_YEARS} years",
            hint="exclude less, or set enabled: false to stop a job",
            key="exclude",
            effort=effort,
        )
    return schedule


def warm_up() -> None:
    """Load the cron library now rather than with the first expression that needs it."""
    cron_expression("1-5 * * * *", "", "schedule", 0)


@lru_cache(maxsize=16384)
def _schedule_of_text(text: str, timezone: str) -> Schedule:
    """One expression without ``H``, as most jobs have it: found by its text, before anything is read."""
    zone = zone_of(timezone)
    cron = cron_expression(text, "", "schedule", 0)
    return _together((cron,), (), (), zone, cron.effort)


@lru_cache(maxsize=16384)
def _plain_schedule(
    crons: tuple[Cron, ...], others: tuple[Steps | Once | Rule, ...], zone: Zone | None
) -> Schedule:
    times = crons if len(crons) < 2 else join(crons, _exclusions((), ()))
    rules = [(each, each.times(None)) for each in others if isinstance(each, Rule)]
    elapsed = tuple(each for each in others if not isinstance(each, Rule))
    effort = sum(cron.effort for cron in crons) + sum(rule.checked for _, rule in rules)
    return _together(times, rules, elapsed, zone, effort)


def _together(
    times: tuple[LocalTimes, ...],
    rules: Sequence[tuple[Rule, Recurrence]],
    elapsed: tuple[Series, ...],
    zone: Zone | None,
    effort: int,
) -> Schedule:
    """The expressions and rules of a zone as one series, and each of the others."""
    joined = (*times, *(found for rule, found in rules if not rule.is_bounded))
    on_clocks = (ClockTimes(joined, zone),) if joined else ()
    bounded = [
        BoundedTimes((found,), zone, rule.first or BEGIN_OF_TIME, rule.last or END_OF_TIME - _SECOND)
        for rule, found in rules
        if rule.is_bounded
    ]
    return Schedule((*on_clocks, *bounded, *elapsed), effort)


@lru_cache(maxsize=256)
def _reduced_schedule(
    crons: tuple[Cron, ...],
    others: tuple[Steps | Once | Rule, ...],
    zone: Zone | None,
    dates: tuple[DateRange, ...],
    excluded: tuple[Cron, ...],
) -> tuple[Schedule | None, int]:
    """The schedule, or None if the exclusions leave too little of it; and the effort of finding out."""
    exclusions = _exclusions(dates, excluded)
    joined = join(crons, exclusions)
    rules = [(each, each.times(exclusions)) for each in others if isinstance(each, Rule)]
    before = sum(rule.effort - rule.checked for _, rule in rules)
    elapsed = tuple(Excepted(each, exclusions, zone) for each in others if not isinstance(each, Rule))
    schedule = _together(joined, rules, elapsed, zone, 0)
    if others:  # they may have an end, so that gaps are no mistakes
        is_refused = schedule.next_after(BEGIN_OF_TIME.replace(tzinfo=UTC)) is None
    else:
        is_refused = bool(joined) and leave_a_gap(exclusions, joined)
    schedule.effort = sum(cron.effort for cron in (*crons, *excluded)) + sum(each.effort for each in joined)
    schedule.effort += sum(rule.effort for _, rule in rules) - before + sum(each.effort for each in elapsed)
    return (None if is_refused else schedule), schedule.effort


@lru_cache(maxsize=256)
def _exclusions(dates: tuple[DateRange, ...], crons: tuple[Cron, ...]) -> Exclusions:
    return Exclusions(dates, crons)


def _is_cron(text: str) -> bool:
    """Whether an exclusion is an expression rather than a date or a range of dates."""
    return ".." not in text and (len(text.split()) > 1 or text.lstrip().startswith("@"))


def _dates(text: str, index: int) -> DateRange:
    try:
        return parse_dates(text.strip())
    except ScheduleError as error:
        error.index = index
        raise


def _naive_utc(instant: datetime) -> datetime:
    """The instant as searches take it: without a zone, and within the years that can be searched."""
    if instant.tzinfo is None:
        raise ValueError("a schedule needs aware times")
    naive = (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).replace(tzinfo=None)
    return naive if BEGIN_OF_TIME < naive < END_OF_TIME else min(max(naive, BEGIN_OF_TIME), END_OF_TIME)
