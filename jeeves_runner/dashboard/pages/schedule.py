"""What comes: a calendar of the next days by hour, and the next runs one by one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import apsw
from aiohttp import web

from jeeves_runner.api.kept_finds import KeptFinds
from jeeves_runner.api.parameters import Cursor, Moment, Text
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.clock import to_text
from jeeves_runner.core.hourly import Day, Hour
from jeeves_runner.core.instants import on_clocks, parse_instant
from jeeves_runner.dashboard.choices import tags_offered
from jeeves_runner.dashboard.showing import Read, Sheet, show_once_known
from jeeves_runner.db.jobs import ids_with_tag
from jeeves_runner.db.timetable_state import timetable_state
from jeeves_runner.errors import NotFound
from jeeves_runner.views.agenda import Agenda, ComingRun, Instead, Shift, Worst, agenda
from jeeves_runner.views.occurrences import Place

_SHEET: Final = Sheet(
    template="schedule.html", title="Coming", here="/schedule", live=("run", "sync", "other")
)

LINES: Final = 100
"""Lines of the list on a page."""

MOST_RUNS: Final = 5_000
"""How many runs they may stand for: a job may occur each second."""

_LEVELS: Final = 5
"""How many shades the calendar has."""

_SOON: Final = timedelta(days=14)
"""How far off a shift of clocks stands above the calendar, and not below the list."""

_HOUR: Final = timedelta(hours=1)


class ComingQuery(NamedTuple):
    """Which runs are shown."""

    from_: Annotated[str, Moment()] = ""
    """The earliest; empty: from now on."""
    job: Annotated[str, Text()] = ""
    """Only jobs whose id holds this."""
    tag: Annotated[str, Text()] = ""
    """Only jobs with this tag."""
    cursor: Annotated[str | None, Cursor()] = None
    """The last one of the page before."""


class Cell(NamedTuple):
    """An hour of the calendar."""

    hour: int
    """Of the day."""
    starts: int
    """How many runs start in it."""
    short: str
    """The same in four characters at most; empty: none."""
    level: int
    """How dark it is, from 0, by how many start."""
    worst: int
    """How many start in its fullest minute."""
    path: str | None
    """Where these runs are listed; None: there are none, or it is over."""
    is_gap: bool
    """Whether clocks skip it."""
    is_now: bool
    """Whether it goes on now."""


class CalendarDay(NamedTuple):
    """A day of the calendar."""

    name: str
    """What it is called."""
    path: str
    """Where its runs are listed."""
    cells: Sequence[Cell]
    """Its 24 hours."""
    starts: int
    """How many runs start on it, or what is left of it."""
    is_shifted: bool
    """Whether clocks are shifted on it."""
    is_rest: bool
    """Whether it is a Saturday or Sunday."""


class Line(NamedTuple):
    """What a job has before it in an hour."""

    first: ComingRun
    """The first one."""
    times: int
    """How often it occurs."""
    last: datetime
    """When it does so for the last time."""

    def again(self, run: ComingRun) -> "Line":
        """The same with another one that follows."""
        return self._replace(times=self.times + 1, last=run.scheduled_for)


class ListedHour(NamedTuple):
    """An hour of the list."""

    begin: datetime
    """When it begins."""
    lines: Sequence[Line]
    """What starts in it, as far as it is shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComingPage:
    """What is shown."""

    query: ComingQuery
    """What was asked for."""
    tags: Sequence[str]
    """The tags that are offered."""
    zone: str
    """The zone of the calendar."""
    days: Sequence[CalendarDay]
    """The calendar."""
    shades: tuple[int, int]
    """How many runs start in its lightest and in its darkest hours."""
    starts: int
    """How many runs start in it."""
    jobs: int
    """Of how many jobs."""
    worst: Worst | None
    """The minute in which most do; None: nothing starts."""
    slots: int
    """How many runs of scripts may run at once."""
    soon: Sequence[Shift]
    """Shifts of clocks within the calendar that touch any job."""
    far: Sequence[Shift]
    """Those after it."""
    begin: datetime
    """When the list begins."""
    hours: Sequence[ListedHour]
    """The next runs."""
    more: str | None
    """Where the list goes on; None: it ends here."""
    first: str | None
    """Where it begins; None: here."""


async def coming(call: Call[Nothing, ComingQuery, Nothing]) -> web.Response:
    query, config, kept = call.query, call.services.config, call.kept_finds
    zone = ZoneInfo(config.timezone)

    async def known() -> Read:
        texts = await call.kept_jobs.texts(call.came)

        def read(conn: apsw.Connection, now: datetime) -> ComingPage:
            tags = tags_offered(texts.marks, query.tag)
            return _read(conn, now, query, zone, config.max_concurrency, kept, tags)

        return read

    return await show_once_known(call, _SHEET, known)


def _read(
    conn: apsw.Connection,
    now: datetime,
    query: ComingQuery,
    zone: ZoneInfo,
    slots: int,
    kept: KeptFinds,
    tags: Sequence[str],
) -> ComingPage:
    found = _agenda(conn, now, query, zone, kept)
    begin = max(now, parse_instant(query.from_, now, zone.key, "from")) if query.from_ else now
    after = Place(begin, "") if query.cursor is None else max(Place.of(query.cursor), Place(begin, ""))
    hours, last = _listed(found.coming(after), zone)
    shades = _shades(found.days, now)
    days = [_day(day, shades, now, query, is_today=n == 0) for n, day in enumerate(found.days)]
    until = now + _SOON
    return ComingPage(
        query=query,
        tags=tags,
        zone=zone.key,
        days=days,
        shades=shades,
        starts=sum(day.starts for day in days),
        jobs=found.jobs,
        worst=found.worst(now),
        slots=slots,
        soon=[each for each in found.shifts if now < each.at <= until],
        far=[each for each in found.shifts if each.at > until],
        begin=after.scheduled_for,
        hours=hours,
        more=None if last is None else _path(query, cursor=last.cursor),
        first=None if query.cursor is None and not query.from_ else _path(query, from_="", cursor=None),
    )


def _listed(runs: Iterator[ComingRun], zone: ZoneInfo) -> tuple[Sequence[ListedHour], Place | None]:
    """The first lines of the list, and the last run that they stand for, if others follow."""
    hours: dict[datetime, dict[tuple[str, Instead | None], Line]] = {}
    lines = 0
    last: Place | None = None
    for number, run in enumerate(runs):
        its_hour = _hour_of(run.scheduled_for, zone)
        of_hour = hours.get(its_hour, {})
        known = of_hour.get(key := (run.job.job_id, run.instead))
        if number >= MOST_RUNS or (known is None and lines >= LINES):
            break
        lines += known is None
        of_hour[key] = Line(run, 1, run.scheduled_for) if known is None else known.again(run)
        hours[its_hour] = of_hour
        last = run.place
    else:
        last = None
    return [ListedHour(begin, list(of_hour.values())) for begin, of_hour in hours.items()], last


def _agenda(
    conn: apsw.Connection, now: datetime, query: ComingQuery, zone: ZoneInfo, kept: KeptFinds
) -> Agenda:
    today = on_clocks(now, zone).date()
    holds, tag = query.job.strip().lower(), query.tag.strip()
    key = "agenda", timetable_state(conn, now), today, zone.key, holds, tag
    return kept.find(key, lambda: agenda(conn, now, zone, _wanted(conn, holds, tag)))


def _wanted(conn: apsw.Connection, holds: str, tag: str) -> Callable[[str], bool]:
    if not tag:
        return lambda job_id: holds in job_id.lower()
    try:
        tagged = frozenset(ids_with_tag(conn, tag))
    except NotFound:
        tagged = frozenset()
    return lambda job_id: job_id in tagged and holds in job_id.lower()


class _Shades(NamedTuple):
    """Of how many starts the shades of the calendar are."""

    low: int
    """Of the lightest one."""
    high: int
    """Of the darkest one."""

    def level(self, starts: int) -> int:
        """From 1 for the lightest one; 0 for an hour without a start. By the order of magnitude: beside a job
        of each second all others would look alike."""
        if not starts:
            return 0
        if self.low == self.high:
            return _LEVELS
        return 1 + int(log(starts / self.low) / log(self.high / self.low) * (_LEVELS - 1) + _ROUNDED)


_ROUNDED: Final = 1e-9
"""What is missing where a logarithm should give a whole number."""


def _shades(days: Sequence[Day], now: datetime) -> _Shades:
    starts = [
        hour.starts for day in days for hour in day.hours if hour and hour.starts and not _is_over(hour, now)
    ]
    return _Shades(min(starts, default=0), max(starts, default=0))


def _day(day: Day, shades: _Shades, now: datetime, query: ComingQuery, *, is_today: bool) -> CalendarDay:
    cells = [_cell(number, hour, shades, now, query) for number, hour in enumerate(day.hours)]
    first = next((hour.begin for hour in day.hours if hour), now)
    return CalendarDay(
        name="Today" if is_today else f"{day.date:%a} {day.date.day} {day.date:%b}",
        path=_path(query, from_="" if is_today else to_text(first), cursor=None),
        cells=cells,
        starts=sum(cell.starts for cell in cells),
        is_shifted=day.is_shifted,
        is_rest=day.date.weekday() >= _SATURDAY,
    )


_SATURDAY: Final = 5


def _cell(number: int, hour: Hour | None, shades: _Shades, now: datetime, query: ComingQuery) -> Cell:
    if hour is None or _is_over(hour, now):
        return Cell(number, 0, "", 0, 0, None, hour is None, is_now=False)
    return Cell(
        hour=number,
        starts=hour.starts,
        short=_short(hour.starts),
        level=shades.level(hour.starts),
        worst=hour.worst,
        path=_path(query, from_=to_text(hour.begin), cursor=None) if hour.starts else None,
        is_gap=False,
        is_now=hour.begin <= now,
    )


def _is_over(hour: Hour, now: datetime) -> bool:
    return hour.begin + _HOUR <= now


def _short(number: int) -> str:
    if number < _THOUSAND:
        return str(number or "")
    return f"{number / _THOUSAND:.0f}k" if number >= 10 * _THOUSAND else f"{number / _THOUSAND:.1f}k"


_THOUSAND: Final = 1_000


def _hour_of(when: datetime, zone: ZoneInfo) -> datetime:
    """When the hour of a zone's clocks begins that a time lies in."""
    local = on_clocks(when, zone)
    return (when - timedelta(minutes=local.minute, seconds=local.second)).replace(microsecond=0)


def _path(query: ComingQuery, **other: object) -> str:
    """This page with other values."""
    values = {**query._asdict(), **other}
    said = {name.rstrip("_"): value for name, value in values.items() if value}
    return f"/schedule?{urlencode(said)}" if said else "/schedule"
