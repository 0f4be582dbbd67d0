"""What ``H`` would spread: jobs with a fixed minute that start in crowded minutes, and an expression instead.

Nothing here changes a schedule: people write what is proposed into a manifest, or do not.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from jeeves_runner.core.load import (
    Counted,
    Load,
    Peak,
    days_between,
    few_times,
    load_of,
    peak,
    seconds_between,
)
from jeeves_runner.core.schedule.cron_fields import MINUTE, parse_field
from jeeves_runner.core.schedule.expression import expression_fields
from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule
from jeeves_runner.core.schedule_entry import ScheduleEntry

_INSTANT: Final = timedelta(microseconds=1)
_YEAR: Final = timedelta(days=366)
_MINUTES: Final = 60
_OF_MINUTE: Final = (1 << _MINUTES) - 1
"""All seconds of a minute, as ``day_times`` writes them."""


class Starter(NamedTuple):
    """A job that starts by its schedule."""

    job_id: str
    """The job's id."""
    entries: tuple[ScheduleEntry, ...]
    """Its schedule as written."""
    timezone: str
    """The IANA zone of schedule and exclusions."""
    namespace: str
    """What ``H`` in the schedule is spread by."""
    exclude: tuple[str, ...]
    """What is no occurrence, as written."""
    schedule: Schedule
    """The same, read."""
    spans: tuple[tuple[datetime, datetime], ...]
    """Its occurrences in these times [since, until) are starts."""

    def counted(self, schedule: Schedule) -> Iterator[Counted]:
        """What to count of it, with this schedule."""
        return (Counted(schedule, since, until) for since, until in self.spans)

    def starts_between(self, begin: datetime, end: datetime) -> bool:
        """Whether it starts in [begin, end), given that its schedule has occurrences there."""
        always = any(since <= begin and end <= until for since, until in self.spans)
        return always or self.starts(begin, end) > 0

    def starts(self, begin: datetime, end: datetime) -> int:
        """How often it starts in [begin, end)."""
        following = self.schedule.next_after(begin - _INSTANT)
        if following is None or following >= end:  # quickly told, as of most jobs for one minute
            return 0
        times = ((max(since, begin) - _INSTANT, min(until, end) - _INSTANT) for since, until in self.spans)
        return sum(self.schedule.count(after, last) for after, last in times if after < last)


class Proposal(NamedTuple):
    """An expression that would move a job out of crowded minutes."""

    job_id: str
    """The job."""
    written: str
    """An entry of its schedule."""
    proposed: str
    """What to write instead."""


class Spread(NamedTuple):
    """What proposals would do together."""

    proposals: tuple[Proposal, ...]
    """By job id, then in the order of the schedule."""
    peak: Peak
    """The worst minute then."""


def spread(starters: Iterable[Starter], load: Load, begin: datetime, end: datetime) -> Spread | None:
    """What ``H`` would make of the jobs that start in crowded minutes of [begin, end).

    ``load``: the starts of all. None: no job could be moved, or the worst minute would stay as bad.
    """
    worst = peak(load)
    crowded = _Crowded(load, begin, end)
    proposals: list[Proposal] = []
    before: list[Counted] = []
    after: list[Counted] = []
    for starter in starters:
        moved = _moved(starter, crowded)
        if moved is not None:
            found, schedule = moved
            proposals += found
            before += starter.counted(starter.schedule)
            after += starter.counted(schedule)
    if worst is None or not proposals:
        return None
    result = Counter(load)
    result.subtract(load_of(before, begin, end))
    result.update(load_of(after, begin, end))
    best = peak(+result)
    if best is None or best.starts >= worst.starts:
        return None
    return Spread(tuple(sorted(proposals, key=lambda each: each.job_id)), best)


@lru_cache(maxsize=4096)
def spread_text(text: str) -> str | None:
    """The expression with ``H`` as its minute; None where that has no fixed minutes, or unevenly spaced ones.

    Steps stay: ``*/15 * * * *`` becomes ``H/15 * * * *``.
    """
    try:
        read = expression_fields(text.strip().lower())
        place = len(read) - 5
        values = () if "h" in read[place] else parse_field(MINUTE, read[place]).values
    except ScheduleError:
        return None
    step = _MINUTES // len(values) if values else 1
    if step == 1 or any(value != values[0] + n * step for n, value in enumerate(values)):
        return None
    fields = list(read) if text.lstrip().startswith("@") else text.split()
    fields[place] = "H" if len(values) == 1 else f"H/{step}"
    return " ".join(fields)


class _Crowded:
    """The minutes in which at least half as many runs start as in the worst, and more than one."""

    def __init__(self, load: Load, begin: datetime, end: datetime) -> None:
        worst = peak(load)
        least = 2 if worst is None else max(2, -(-worst.starts // 2))
        self.begin, self.end = begin, end
        self._days = dict.fromkeys(days_between(begin, end), 0)
        self._reached: dict[Schedule, bool] = {}
        self._minutes = {minute for minute, starts in load.items() if starts >= least}
        for minute in self._minutes:
            self._days[minute.date()] |= _OF_MINUTE << _second_of(minute)

    def reached_by(self, schedule: Schedule) -> bool:
        """Whether a schedule has occurrences in one of them."""
        if schedule not in self._reached:
            times = few_times(schedule, self.begin, self.end)
            self._reached[schedule] = (
                any(day & minutes for day, minutes in self._each_day(schedule))
                if times is None
                else any(time.replace(second=0) in self._minutes for time in times)
            )
        return self._reached[schedule]

    def times(self, schedule: Schedule) -> Sequence[int]:
        """Its occurrences on the days that have such minutes."""
        return [times for times, _ in self._each_day(schedule)]

    def _each_day(self, schedule: Schedule) -> Iterator[tuple[int, int]]:
        for day, minutes in self._days.items():
            if minutes:
                yield seconds_between(schedule, day, self.begin, self.end), minutes


def _moved(starter: Starter, crowded: _Crowded) -> tuple[list[Proposal], Schedule] | None:
    """The proposals for a job, and the schedule that it would have; None if there are none."""
    proposals: list[Proposal] = []
    entries = list(starter.entries)
    for place, entry in enumerate(starter.entries):
        proposed = spread_text(entry) if isinstance(entry, str) else None
        if proposed is not None and _is_better(str(entry), proposed, starter, crowded):
            proposals.append(Proposal(starter.job_id, str(entry), proposed))
            entries[place] = proposed
    if not proposals or not starter.starts_between(crowded.begin, crowded.end):
        return None
    try:
        return proposals, parse_schedule(entries, starter.timezone, starter.namespace, starter.exclude)
    except ScheduleError:  # its exclusions would leave too little
        return None


def _is_better(written: str, proposed: str, starter: Starter, crowded: _Crowded) -> bool:
    """Whether an expression leads into crowded minutes, and the other one is at other times.

    Where clocks are shifted both must fare alike: ``*/15 2 * * *`` follows elapsed time, ``H/15 2 * * *``
    does not.
    """
    old, new = (parse_schedule((text,), starter.timezone, starter.namespace) for text in (written, proposed))
    if not crowded.reached_by(old) or crowded.times(old) == crowded.times(new):
        return False
    year = crowded.begin, crowded.begin + _YEAR
    return [night.effect for night in old.nights(*year)] == [night.effect for night in new.nights(*year)]


def _second_of(minute: datetime) -> int:
    return (minute - datetime.combine(minute.date(), time(), UTC)) // timedelta(seconds=1)
