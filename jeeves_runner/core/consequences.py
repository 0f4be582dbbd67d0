"""What a plan changes of the days to come: the occurrences that jobs lose and gain, the nights on which
clocks are shifted, and the minute in which most runs start.

Only jobs whose times change are looked at, and of the others their number per schedule. What is declared
counts: pauses and skips end.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import Final, NamedTuple

from jeeves_runner.core.load import Peak, peak
from jeeves_runner.core.plan import Change, Plan
from jeeves_runner.core.schedule.day_times import SECONDS_OF_DAY, cut, second_of
from jeeves_runner.core.schedule.nights import Night
from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule
from jeeves_runner.core.schedule_entry import ScheduleEntry, entries_of

AHEAD: Final = timedelta(days=7)
"""How far occurrences are looked at."""

NIGHTS_AHEAD: Final = timedelta(days=366)
"""How far nights are: each zone shifts its clocks within it, if it does at all."""

MOST_JOBS: Final = 1_000
"""Of how many jobs a forecast tells the occurrences, the first by id; each takes about a millisecond."""

MOST_SCHEDULES: Final = 10_000
"""How many different schedules all jobs may have for the minute with most starts to be looked for; a seldom
one takes 0.1 ms."""

MOST_FREQUENT: Final = 2_000
"""How many of them may occur more often than ``_SELDOM``; these take 1 ms."""

_NAMED: Final = 3
"""How many of the lost and of the gained occurrences are named, the first of them."""

_SELDOM: Final = 16
"""How many occurrences a schedule may have for them to be visited one by one."""

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)


class Timing(NamedTuple):
    """What decides when a job occurs. Fields that ``JobSpec`` has too are the same there."""

    enabled: bool
    """Whether it is scheduled at all."""
    schedule: tuple[ScheduleEntry, ...]
    """As written; empty: it never occurs by itself."""
    timezone: str
    """The IANA zone of schedule and exclusions."""
    exclude: tuple[str, ...]
    """What is no occurrence, as written."""

    @classmethod
    def of_text(cls, text: str) -> "Timing":
        """That of a spec as canonical JSON."""
        spec = json.loads(text)
        schedule = entries_of(spec["schedule"])
        return cls(spec["enabled"], schedule, spec["timezone"], tuple(spec["exclude"]))

    def times(self, namespace: str) -> Schedule | None:
        """Its occurrences; None where there are none, or no such schedule can be read."""
        if not (self.enabled and self.schedule):
            return None
        try:
            return parse_schedule(self.schedule, self.timezone, namespace, self.exclude)
        except ScheduleError:
            return None


class LiveTiming(NamedTuple):
    """When a live job occurs, or one that was deleted and may come back."""

    timing: Timing | None
    """What is applied; None: the job is deleted."""
    namespace: str
    """What ``H`` and ``every`` are spread by."""

    def times(self) -> Schedule | None:
        """Its occurrences; None if it has none."""
        return None if self.timing is None else self.timing.times(self.namespace)


class Retimed(NamedTuple):
    """A job whose times a plan changes."""

    job_id: str
    """The job's id."""
    timezone: str
    """The zone of its schedule from then on, or until then if that is all it has."""
    before: Schedule | None
    """Its occurrences as they are; None: it has none."""
    after: Schedule | None
    """Its occurrences once the plan is applied; likewise."""


class JobForecast(NamedTuple):
    """What a plan changes of a job's days to come."""

    job_id: str
    """The job's id."""
    timezone: str
    """The IANA zone of its schedule."""
    lost: int
    """How many occurrences it loses."""
    gained: int
    """How many it gains."""
    first_lost: tuple[datetime, ...]
    """The first of those it loses, three at most; aware, UTC."""
    first_gained: tuple[datetime, ...]
    """The first of those it gains, likewise."""
    nights: tuple[Night, ...]
    """Shifts of clocks that touch it once the plan is applied, and do not yet in the same way."""


class Peaks(NamedTuple):
    """The minute with most starts, of all jobs."""

    before: Peak | None
    """As it is; None: nothing starts."""
    after: Peak | None
    """Once the plan is applied; likewise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What a plan changes of the days to come."""

    since: datetime
    """Occurrences after this are looked at."""
    until: datetime
    """And up to this."""
    jobs: tuple[JobForecast, ...] = ()
    """The jobs whose times change, by id; ``MOST_JOBS`` at most."""
    more: int = 0
    """How many others there are."""
    peaks: Peaks | None = None
    """The worst minute before and after; None: no times change, or ``MOST_SCHEDULES`` are not enough."""


def retimed(plan: Plan, live: Mapping[str, LiveTiming]) -> list[Retimed]:
    """The jobs whose times the plan changes, by id. ``live``: those that it changes at all, as they are."""
    found = (_retimed(change, live.get(change.live_id)) for change in plan.changes if change.kind == "job")
    return [each for each in found if each is not None]


def _retimed(change: Change, live: LiveTiming | None) -> Retimed | None:
    old = None if live is None else live.timing
    new = None if change.text is None else Timing.of_text(change.text)
    named = new or old
    if old == new or named is None:
        return None
    namespace = change.id if live is None else live.namespace
    before, after = (None if each is None else each.times(namespace) for each in (old, new))
    return None if before is after else Retimed(change.id, named.timezone, before, after)


def forecast(changed: Iterable[Retimed], live: Iterable[Schedule], now: datetime) -> Forecast:
    """What these changes do, where all jobs occur as ``live`` says, changed ones as they are by now."""
    jobs = list(changed)
    week = _Week(now)
    known: dict[tuple[Schedule | None, Schedule | None], JobForecast] = {}

    def told(job: Retimed) -> JobForecast:
        pair = job.before, job.after
        if pair not in known:
            known[pair] = _job_forecast(job, week)
        return known[pair]._replace(job_id=job.job_id, timezone=job.timezone)

    return Forecast(
        since=now,
        until=now + AHEAD,
        jobs=tuple(told(job) for job in jobs[:MOST_JOBS]),
        more=max(0, len(jobs) - MOST_JOBS),
        peaks=_peaks(jobs, live, week) if jobs else None,
    )


def _job_forecast(job: Retimed, week: "_Week") -> JobForecast:
    before, after = week.seconds(job.before), week.seconds(job.after)
    lost = [old & ~new for old, new in zip(before, after, strict=True)]
    gained = [new & ~old for old, new in zip(before, after, strict=True)]
    return JobForecast(
        job_id=job.job_id,
        timezone=job.timezone,
        lost=sum(day.bit_count() for day in lost),
        gained=sum(day.bit_count() for day in gained),
        first_lost=tuple(islice(week.instants(lost), _NAMED)),
        first_gained=tuple(islice(week.instants(gained), _NAMED)),
        nights=_new_nights(job, week.now),
    )


def _new_nights(job: Retimed, now: datetime) -> tuple[Night, ...]:
    if job.after is None:
        return ()
    until = now + NIGHTS_AHEAD
    known = () if job.before is None else job.before.nights(now, until)
    return tuple(night for night in job.after.nights(now, until) if night not in known)


def _peaks(changed: Iterable[Retimed], live: Iterable[Schedule], week: "_Week") -> Peaks | None:
    before = Counter(live)
    after = before.copy()
    for job in changed:
        after.subtract([] if job.before is None else [job.before])
        after.update([] if job.after is None else [job.after])
    schedules = before.keys() | after.keys()
    if len(schedules) > MOST_SCHEDULES:
        return None
    old, new = [0] * week.minutes, [0] * week.minutes
    frequent = 0
    for schedule in schedules:
        jobs_before, jobs_after = before[schedule], after[schedule]
        found = week.few_starts(schedule)
        if found is None:
            frequent += 1
            if frequent > MOST_FREQUENT:
                return None
            found = week.many_starts(schedule)
        for minute, starts in found:
            old[minute] += jobs_before * starts
            new[minute] += jobs_after * starts
    return Peaks(week.peak(old), week.peak(new))


class _Week:
    """The days ahead, as days of UTC and as minutes."""

    def __init__(self, now: datetime) -> None:
        self.now = now.astimezone(UTC)
        self._until = self.now + AHEAD
        self._first_minute = self.now.replace(second=0, microsecond=0)
        self.minutes = AHEAD // _MINUTE + 1
        first = self.now.date()
        self._days = [first + _DAY * n for n in range((self._until.date() - first).days + 1)]

    def seconds(self, schedule: Schedule | None) -> list[int]:
        """The occurrences of each day, as ``day_times`` writes them."""
        if schedule is None:
            return [0] * len(self._days)
        found = [schedule.seconds_on(day) for day in self._days]
        found[0] = cut(found[0], second_of(self.now) + 1, SECONDS_OF_DAY)
        found[-1] = cut(found[-1], 0, second_of(self._until) + 1)
        return found

    def instants(self, days: Iterable[int]) -> Iterator[datetime]:
        """These as times, ascending."""
        for day, times in zip(self._days, days, strict=True):
            midnight = datetime.combine(day, time(), UTC)
            while times:
                lowest = times & -times
                yield midnight + _SECOND * (lowest.bit_length() - 1)
                times ^= lowest  # noqa: PLW2901 - what is left of the day

    def few_starts(self, schedule: Schedule) -> Iterable[tuple[int, int]] | None:
        """``(minute, starts)``; None if there are more than ``_SELDOM``."""
        few = list(islice(schedule.between(self.now, self._until), _SELDOM + 1))
        if len(few) > _SELDOM:
            return None
        return [((when - self._first_minute) // _MINUTE, 1) for when in few]

    def many_starts(self, schedule: Schedule) -> Iterator[tuple[int, int]]:
        """The same without visiting each."""
        for day, times in zip(self._days, self.seconds(schedule), strict=True):
            begin = (datetime.combine(day, time(), UTC) - self._first_minute) // _MINUTE
            digits = f"{times:0{SECONDS_OF_DAY}b}"[::-1]
            at = digits.find("1")
            while at >= 0:
                minute = at // 60
                end = minute * 60 + 60
                yield begin + minute, digits.count("1", at, end)
                at = digits.find("1", end)

    def peak(self, starts: Iterable[int]) -> Peak | None:
        """The worst minute."""
        return peak({self._first_minute + _MINUTE * n: count for n, count in enumerate(starts) if count})
