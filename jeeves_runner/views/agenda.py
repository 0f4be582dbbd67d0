"""What all jobs have before them: read once and kept while no schedule, pause or skip changes.

Jobs that occur alike are one group, so that ten thousand jobs with a hundred schedules take the time of a
hundred.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import chain, groupby
from operator import itemgetter
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import apsw

from jeeves_runner.core.hourly import Day, by_hour, midnight
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.load import Counted, Load, Peak, load_of
from jeeves_runner.core.schedule.nights import Effect, Night
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.db import overrides, skips
from jeeves_runner.views.occurrences import Place, Span, timings

DAYS: Final = 14
"""How far the calendar goes."""

NIGHTS_AHEAD: Final = timedelta(days=366)
"""How far shifts of clocks are looked for: each zone has all of its kinds within it."""

MOST_GROUPS: Final = 3_000
"""How many different schedules are counted over all days; with more of them, over fewer days. One that occurs
often takes 0.1 ms a day."""

NAMED: Final = 10
"""How many jobs are named of those that something is said of."""

_INSTANT: Final = timedelta(microseconds=1)
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)

Instead = Literal["paused", "skipped", "left out"]
"""What becomes of an occurrence that will not run: a pause covers it, a person skips it, or it has been
decided about."""


class AgendaJob(NamedTuple):
    """A job that occurs."""

    job_id: str
    """The job."""
    timezone: str
    """The IANA zone of its schedule."""


class Group(NamedTuple):
    """Jobs that occur alike."""

    schedule: Schedule
    """When."""
    spans: tuple[Span, ...]
    """Their occurrences in these will run."""
    jobs: Sequence[AgendaJob]
    """By id."""

    def runs_at(self, when: datetime) -> bool:
        """Whether they run then, given that they occur."""
        return any(since <= when < until for since, until in self.spans)


class ComingRun(NamedTuple):
    """An occurrence to come."""

    scheduled_for: datetime
    """When; aware, UTC."""
    job: AgendaJob
    """Of which job."""
    instead: Instead | None
    """What becomes of it instead; None: it will run."""

    @property
    def place(self) -> Place:
        """Where it stands among all."""
        return Place(self.scheduled_for, self.job.job_id)


class Touched(NamedTuple):
    """What a shift of clocks does to some jobs."""

    effect: Effect
    """In a word."""
    message: str
    """In a sentence."""
    jobs: Sequence[str]
    """The first of them, by id."""
    more: int
    """How many others there are."""


class Shift(NamedTuple):
    """A shift of the clocks of a zone."""

    at: datetime
    """When; aware, UTC."""
    timezone: str
    """The IANA zone."""
    touched: Sequence[Touched]
    """What it does to which jobs; those first that most jobs share."""


class Worst(NamedTuple):
    """The minute in which most runs start; of several the first."""

    minute: datetime
    """When it begins; aware, UTC."""
    starts: int
    """How many start in it."""
    jobs: Sequence[str]
    """The first of its jobs, by id."""
    more: int
    """How many others there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agenda:
    """What jobs have before them, from the begin of a day on."""

    groups: Sequence[Group]
    """All that are scheduled."""
    days: Sequence[Day]
    """The starts to come by day and hour."""
    peaks: Sequence[Peak]
    """The minutes in which as many runs start as in any later one of these days, ascending."""
    shifts: Sequence[Shift]
    """The shifts of clocks of the next 366 days that touch any of the jobs, the first ones first."""
    pauses: overrides.Pauses
    """The pauses in force."""
    skipped: Mapping[str, Collection[datetime]]
    """What people skip, by job."""

    @property
    def jobs(self) -> int:
        """How many jobs it is of."""
        return sum(len(group.jobs) for group in self.groups)

    def worst(self, now: datetime) -> Worst | None:
        """The worst minute from now on; None: nothing starts."""
        minute = now.replace(second=0, microsecond=0)
        found = next((each for each in self.peaks if each.minute >= minute), None)
        return None if found is None else _worst(self.groups, found)

    def coming(self, after: Place) -> Iterator[ComingRun]:
        """The occurrences after that place, by time, then by id; each is computed when it is asked for."""
        times = (_times(number, group, after) for number, group in enumerate(self.groups))
        for when, alike in groupby(merge(*times), key=itemgetter(0)):
            found = [
                ComingRun(when, job, self._instead(group, job.job_id, when))
                for _, number in alike
                for group in (self.groups[number],)
                for job in group.jobs
            ]
            yield from (each for each in sorted(found, key=lambda each: each.place) if each.place > after)

    def _instead(self, group: Group, job_id: str, when: datetime) -> Instead | None:
        if group.runs_at(when):
            return None
        paused_until = self.pauses.end_of(job_id)
        if paused_until is not None and when < paused_until:
            return "paused"
        return "skipped" if when in self.skipped.get(job_id, ()) else "left out"


def agenda(
    conn: apsw.Connection, now: datetime, zone: ZoneInfo, wanted: Callable[[str], bool] = lambda _id: True
) -> Agenda:
    """That of the jobs whose ids are ``wanted``, for the days of a zone from today on."""
    today = on_clocks(now, zone).date()
    begin = midnight(today, zone)
    groups = _groups(conn, now, begin, wanted)
    counted = _days_counted(len(groups))
    end = midnight(today + _DAY * counted, zone)
    load = load_of(_counted(groups), begin, end)
    return Agenda(
        groups=groups,
        days=by_hour(load, today, counted, zone),
        peaks=_peaks(load),
        shifts=_shifts(groups, now),
        pauses=overrides.pauses(conn, now),
        skipped=skips.coming_times(conn, now),
    )


def _groups(
    conn: apsw.Connection, now: datetime, begin: datetime, wanted: Callable[[str], bool]
) -> Sequence[Group]:
    found: dict[tuple[Schedule, tuple[Span, ...]], list[AgendaJob]] = {}
    for row, schedule, spans in timings(conn, now, begin, None):
        if wanted(row.id):
            found.setdefault((schedule, spans), []).append(AgendaJob(row.id, row.timezone))
    return [Group(schedule, spans, jobs) for (schedule, spans), jobs in found.items()]


def _days_counted(groups: int) -> int:
    return DAYS if groups <= MOST_GROUPS else max(1, DAYS * MOST_GROUPS // groups)


def _counted(groups: Sequence[Group]) -> Iterator[Counted]:
    return chain.from_iterable(
        [Counted(group.schedule, since, until)] * len(group.jobs)
        for group in groups
        for since, until in group.spans
    )


def _times(number: int, group: Group, after: Place) -> Iterator[tuple[datetime, int]]:
    first = after.scheduled_for - _INSTANT
    found = group.schedule.next_after(first)
    while found is not None:
        yield found, number
        found = group.schedule.next_after(found)


def _peaks(load: Load) -> Sequence[Peak]:
    """``load``: ascending."""
    found: list[Peak] = []
    for minute, starts in reversed(list(load.items())):
        if not found or starts >= found[-1].starts:
            found.append(Peak(minute, starts))
    return found[::-1]


def _worst(groups: Sequence[Group], worst: Peak) -> Worst:
    last = worst.minute + _MINUTE - _INSTANT
    jobs: list[str] = []
    for group in groups:
        times = group.schedule.between(worst.minute - _INSTANT, last)
        if any(group.runs_at(when) for when in times):
            jobs += [job.job_id for job in group.jobs]
    jobs.sort()
    return Worst(worst.minute, worst.starts, jobs[:NAMED], max(0, len(jobs) - NAMED))


def _shifts(groups: Sequence[Group], now: datetime) -> Sequence[Shift]:
    """By schedules, of which jobs with equal ones share the work."""
    until = now + NIGHTS_AHEAD
    found: dict[tuple[datetime, str], dict[tuple[str, Effect], list[str]]] = {}
    known: dict[Schedule, Sequence[Night]] = {}
    for group in groups:
        if group.schedule not in known:
            known[group.schedule] = group.schedule.nights(now, until)
        for night in known[group.schedule]:
            for job in group.jobs:
                of_shift = found.setdefault((night.at, job.timezone), {})
                of_shift.setdefault((night.text(job.timezone), night.effect), []).append(job.job_id)
    return [
        Shift(at.replace(tzinfo=UTC), timezone, _touched(of_shift))
        for (at, timezone), of_shift in sorted(found.items())
    ]


def _touched(of_shift: Mapping[tuple[str, Effect], list[str]]) -> Sequence[Touched]:
    most_first = sorted(of_shift.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        Touched(effect, message, sorted(jobs)[:NAMED], max(0, len(jobs) - NAMED))
        for (message, effect), jobs in most_first
    ]
