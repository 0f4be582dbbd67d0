"""What ran when: the runs of some hours by job, where they waited and where they ran."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.parameters import Moment, Text, Whole, Word
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.clock import from_timestamp, to_text
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.instants import parse_instant
from jeeves_runner.core.reasons import short_reason
from jeeves_runner.dashboard.at_once import AtOnce, at_once
from jeeves_runner.dashboard.choices import tags_offered
from jeeves_runner.dashboard.lanes import Extent, Lanes, Mark, extent, lanes_of
from jeeves_runner.dashboard.showing import Read, Sheet, show_once_known
from jeeves_runner.db.timeline import MOST_RUNS, Chosen, JobRuns, Timeline, Window, timeline

_SHEET: Final = Sheet(template="timeline.html", title="Timeline", here="/timeline", live=("run", "sync"))

CELLS: Final = 480
"""How many cells the width has: two pixels each, on most screens."""

_STEP: Final = 8
"""By how many cells the window moves on, so that most of it stays where it is."""

JOBS: Final = 50
"""Jobs on a page."""

MOST_MARKS: Final = 4_000
"""If there are more, cells are made wider: a page may not grow without a bound."""


_EARLIEST: Final = datetime(1971, 1, 1, tzinfo=UTC)
"""Before this nothing ran."""


class Zoom(NamedTuple):
    """How much of time is shown."""

    length: timedelta
    """So much."""
    tick: timedelta
    """How far apart the marks of the axis are."""


ZOOMS: Final[Mapping[str, Zoom]] = MappingProxyType(
    {
        "15m": Zoom(timedelta(minutes=15), timedelta(minutes=2)),
        "1h": Zoom(timedelta(hours=1), timedelta(minutes=10)),
        "6h": Zoom(timedelta(hours=6), timedelta(hours=1)),
        "24h": Zoom(timedelta(hours=24), timedelta(hours=3)),
        "3d": Zoom(timedelta(days=3), timedelta(hours=12)),
    }
)


class TimelineQuery(NamedTuple):
    """What of time and of the jobs is shown."""

    span: Annotated[str, Word(tuple(ZOOMS))] = "6h"
    """How much of time."""
    until: Annotated[str, Moment()] = ""
    """Up to when; empty: up to now, and going on."""
    job: Annotated[str, Text()] = ""
    """Only jobs whose id holds this."""
    tag: Annotated[str, Text()] = ""
    """Only jobs with this tag."""
    page: Annotated[int, Whole(1, 1_000)] = 1
    """Which jobs, the worst and busiest on the first page."""


class Link(NamedTuple):
    """Another view of the same page."""

    word: str
    """What it is called."""
    path: str
    """Where it is."""
    is_here: bool
    """Whether it is this one."""


class Tick(NamedTuple):
    """A mark of the axis."""

    x: float
    """Where it is, in percent."""
    at: str
    """Which time it stands for."""


class Row(NamedTuple):
    """A job."""

    job: JobRuns
    """What its runs come to."""
    marks: Sequence[tuple[Mark, str, str]]
    """What is drawn, with the path that it leads to and what is said of it."""
    lanes: int
    """How many lanes it has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelinePage:
    """What is shown."""

    query: TimelineQuery
    """What was asked for."""
    tags: Sequence[str]
    """The tags that are offered."""
    window: Window
    """The time that is shown."""
    now: Extent | None
    """Where now is; None: not in it."""
    zooms: Sequence[Link]
    """Less and more of time."""
    earlier: str
    """Where what came before is shown."""
    later: str | None
    """Where what came after is shown; None: this is the newest."""
    newest: str | None
    """Where now is shown; None: here."""
    tick_ms: int
    """How far apart the marks of the axis are."""
    ticks: Sequence[Tick]
    """The marks of the axis."""
    rows: Sequence[Row]
    """The jobs: those that are wrong, then those that are active, then the others, by id."""
    runs: int
    """How many runs all jobs have."""
    every: int
    """How many jobs there are."""
    before: str | None
    """Where worse and busier jobs are."""
    more: str | None
    """Where the other jobs are."""
    others: int
    """How many there are."""
    at_once: AtOnce
    """How many ran at once."""
    is_cut: bool
    """Whether the oldest runs are left out."""
    most: int = MOST_RUNS
    """How many are not."""

    @property
    def begin(self) -> str:
        """When the window begins."""
        return _text(self.window.begin)

    @property
    def end(self) -> str:
        """When it ends."""
        return _text(self.window.end)


async def timeline_page(call: Call[Nothing, TimelineQuery, Nothing]) -> web.Response:
    query, config = call.query, call.services.config

    async def known() -> Read:
        texts = await call.kept_jobs.texts(call.came)

        def read(conn: apsw.Connection, now: datetime) -> TimelinePage:
            tags = tags_offered(texts.marks, query.tag)
            return _read(conn, now, query, config.timezone, config.max_concurrency, tags)

        return read

    return await show_once_known(call, _SHEET, known)


def _read(
    conn: apsw.Connection, now: datetime, query: TimelineQuery, zone: str, slots: int, tags: Sequence[str]
) -> TimelinePage:
    asked = parse_instant(query.until, now, zone, "until") if query.until else now
    until = min(max(asked, _EARLIEST), now)
    is_newest = until == now
    zoom = ZOOMS[query.span]
    window = _window(until, zoom)
    holds, tag = query.job.strip() or None, query.tag.strip() or None
    found = timeline(conn, window, Chosen(holds, tag, (query.page - 1) * JOBS, JOBS), now)
    marks = _marks(found, window)
    now_ms = _ms(now)
    half = timedelta(milliseconds=(window.end - window.begin) // 2)
    later = until + half
    return TimelinePage(
        query=query,
        tags=tags,
        window=window,
        now=extent(window, now_ms, now_ms) if window.begin <= now_ms < window.end else None,
        zooms=[
            Link(
                word,
                _path(query, span=word, until=_centred(query, until, zoom, other, now)),
                word == query.span,
            )
            for word, other in ZOOMS.items()
        ],
        earlier=_path(query, until=to_text(until - half)),
        later=None if is_newest else _path(query, until="" if later >= now else to_text(later)),
        newest=None if is_newest else _path(query, until=""),
        tick_ms=_ms_of(zoom.tick),
        ticks=list(_ticks(window, zoom)),
        rows=[_row(job, marks[job.job_id], window, query) for job in sorted(found.jobs, key=_order)],
        runs=found.runs,
        every=found.every,
        before=_path(query, page=query.page - 1) if query.page > 1 else None,
        more=_path(query, page=query.page + 1) if found.every > query.page * JOBS else None,
        others=found.every - query.page * JOBS,
        at_once=at_once(found.levels, slots, CELLS, None if now_ms >= window.end else _cell(window, now_ms)),
        is_cut=found.is_cut,
    )


def _window(until: datetime, zoom: Zoom) -> Window:
    """The window that ends a little after ``until``, where a step of its cells does."""
    span = _ms_of(zoom.length)
    cell = span // CELLS
    step = cell * _STEP
    end = (_ms(until) // step + 1) * step
    return Window(end - span, end, cell)


def _centred(query: TimelineQuery, until: datetime, zoom: Zoom, other: Zoom, now: datetime) -> str:
    """Up to when another zoom shows the same middle; what follows now goes on to do so."""
    end = until + (other.length - zoom.length) / 2
    return "" if not query.until or end >= now else to_text(end)


def _ticks(window: Window, zoom: Zoom) -> Iterator[Tick]:
    tick = _ms_of(zoom.tick)
    for at in range(-(-window.begin // tick) * tick, window.end, tick):
        yield Tick(extent(window, at, at).x, _text(at))


def _order(job: JobRuns) -> tuple[int, str]:
    """Groups that seldom change, so that a row stays where it is."""
    return (0 if job.bad else 1 if job.active else 2), job.job_id


def _marks(found: Timeline, window: Window) -> Mapping[str, Lanes]:
    """The marks of each job; of so many runs that a page would be too long, in wider cells."""
    while True:
        marks = {
            job_id: lanes_of(pieces, window)
            for job_id, pieces in groupby(found.pieces, key=lambda piece: piece.job_id)
        }
        if sum(len(each.marks) for each in marks.values()) <= MOST_MARKS:
            return marks
        window = window._replace(cell=window.cell * 2)


def _row(job: JobRuns, lanes: Lanes, window: Window, query: TimelineQuery) -> Row:
    bad_last = sorted(lanes.marks, key=lambda mark: mark.tone == "bad")  # so that nothing covers them
    return Row(
        job=job,
        marks=[(mark, _target(mark, job.job_id, window, query), _said(mark)) for mark in bad_last],
        lanes=lanes.lanes,
    )


def _target(mark: Mark, job_id: str, window: Window, query: TimelineQuery) -> str:
    """Of one run its page; of several a closer look, or their list where there is none."""
    if mark.runs == 1:
        return f"/runs/{mark.run_id}"
    closer = [
        (word, zoom)
        for word, zoom in ZOOMS.items()
        if zoom.length < ZOOMS[query.span].length and _ms_of(zoom.length) >= mark.end - mark.begin
    ]
    if not closer:
        return f"/runs?{urlencode({'job': job_id})}"
    word, zoom = closer[0]
    middle = (mark.begin + mark.end + _ms_of(zoom.length)) // 2
    return _path(query, span=word, until=_text(middle), job=job_id, tag="")


def _said(mark: Mark) -> str:
    """What a mark stands for, in a line."""
    status = mark.status.replace("_", " ")
    begin, end = _clock(mark.begin), _clock(mark.end)
    why = short_reason(mark.status, mark.reason, mark.reason_ref) if mark.reason else ""
    if mark.kind == "tick":
        which = f"#{mark.run_id} {status}" if mark.runs == 1 else f"{mark.runs} times {status}"
        when = begin if begin == end else f"{begin} to {end}"
        return f"{which}, {when}{why and f': {why}'}"
    if mark.kind == "many":
        return f"{mark.runs} runs, {'all' if mark.tone == 'ok' else 'the worst'} {status}, {begin} to {end}"
    parts = [f"#{mark.run_id} {status}, {begin}"]
    waited = (mark.end if mark.started is None else mark.started) - mark.begin
    if waited >= _WORTH_TELLING:
        parts.append(f"waited {in_units(waited)}")
    if mark.started is not None:
        parts.append(
            f"{'running for' if mark.status == 'running' else 'ran'} {in_units(mark.end - mark.started)}"
        )
    return f"{', '.join(parts)}{why and f': {why}'}"


_WORTH_TELLING: Final = 500
"""Milliseconds of waiting."""


def _path(query: TimelineQuery, **other: object) -> str:
    """This page with other values; on its first page, unless another one is asked for."""
    values = {**query._asdict(), "page": 1, **other}
    said = {name: value for name, value in values.items() if value != TimelineQuery._field_defaults[name]}
    return f"/timeline?{urlencode(said)}" if said else "/timeline"


def _cell(window: Window, at: int) -> int:
    return (at - window.begin) // window.cell


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _ms_of(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


def _text(ms: int) -> str:
    return to_text(from_timestamp(ms / 1000))


def _clock(ms: int) -> str:
    return f"{from_timestamp(ms / 1000):%Y-%m-%d %H:%M:%S} UTC"
