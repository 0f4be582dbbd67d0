"""The jobs: which there are, how each is and has been, and those that need looking at."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

import apsw
from aiohttp import web
from markupsafe import Markup

from jeeves_runner.api.job_texts import JobTexts
from jeeves_runner.api.parameters import Text, Whole, Word
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.dashboard.choices import offered, tags_offered
from jeeves_runner.dashboard.of_all import OfAll, of_all
from jeeves_runner.dashboard.showing import Read, Sheet, show_once_known
from jeeves_runner.dashboard.spark import MOST
from jeeves_runner.db.run_history import PastRun, last_outcomes
from jeeves_runner.views.job_search import GROUPS, KINDS, ORDERS, Order, Wanted, find

_SHEET: Final = Sheet(
    template="jobs.html", title="Jobs", here="/jobs", live=("run", "sync", "alert", "other")
)

AT_ONCE: Final = 200
"""Jobs on a page."""

_ROWS_KEPT: Final = 5 * AT_ONCE
"""Rows that are kept as they were drawn: some five megabytes."""

_WORDS: Final[Mapping[str, str]] = {"never": "never ran"}


class JobsPageQuery(NamedTuple):
    """Which jobs are shown."""

    q: Annotated[str, Text()] = ""
    """Words that stand in the id, name, description, owner or tags."""
    tag: Annotated[str, Text()] = ""
    """Only jobs with this tag."""
    owner: Annotated[str, Text()] = ""
    """Only jobs of this owner."""
    status: Annotated[str | None, Word(KINDS)] = None
    """Only jobs that are this."""
    sort: Annotated[Order, Word(ORDERS)] = "id"
    """How they are sorted."""
    page: Annotated[int, Whole(1, 1_000_000)] = 1
    """Which of the pages."""


class Chip(NamedTuple):
    """A group of jobs that one can look at alone."""

    word: str
    """What it is called."""
    jobs: int
    """How many jobs are in it, of those that fit otherwise."""
    path: str
    """Where it is shown."""
    is_here: bool
    """Whether it is shown now."""
    tone: str
    """How it looks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Jobs:
    """What is shown."""

    query: JobsPageQuery
    """What was asked for."""
    every: int
    """How many jobs there are."""
    found: int
    """How many of them fit."""
    first: int
    """The number of the first one that is shown, from 1."""
    pages: int
    """How many pages these make; at least one."""
    jobs: Mapping[str, bytes]
    """Those of this page, by id in their order, as JSON."""
    outcomes: Mapping[str, Sequence[PastRun]]
    """Their last runs, oldest first, by id."""
    chips: Sequence[Chip]
    """All, and each group."""
    of_all: OfAll
    """What holds for all jobs."""
    tags: Sequence[str]
    """The tags that are offered."""
    owners: Sequence[str]
    """The owners that are offered."""

    def to(self, **other: object) -> str:
        """The path of this page with other values; from its beginning, unless a page is among these."""
        return _path(self.query, **other)

    def rows(self, draw: Callable[..., Markup], may_act: bool) -> Iterator[Markup]:
        """A row for each job of this page, as the template draws one."""
        asked = self.query._replace(page=1)
        for name, text in self.jobs.items():
            yield _row(draw, text, tuple(self.outcomes[name]), asked, may_act)


async def jobs(call: Call[Nothing, JobsPageQuery, Nothing]) -> web.Response:
    async def known() -> Read:
        return partial(_read, await call.kept_jobs.texts(call.came), call.query)

    return await show_once_known(call, _SHEET, known)


def _read(texts: JobTexts, query: JobsPageQuery, conn: apsw.Connection, now: datetime) -> Jobs:
    marks = texts.marks
    found = find(marks, Wanted.of(query.q, query.tag, query.owner, query.status, query.sort))
    pages = max(1, -(-len(found.places) // AT_ONCE))
    page = min(query.page, pages)
    places = found.places[(page - 1) * AT_ONCE : page * AT_ONCE]
    return Jobs(
        query=query._replace(page=page),
        every=len(marks),
        found=len(found.places),
        first=(page - 1) * AT_ONCE + 1,
        pages=pages,
        jobs={texts.ids[place]: texts.texts[place].text for place in places},
        outcomes=last_outcomes(conn, (texts.ids[place] for place in places), MOST),
        chips=[
            _chip(query, None, found.of_all),
            *(_chip(query, kind, found.by_kind[kind]) for kind in _chosen_of(query)),
        ],
        of_all=of_all(conn, now),
        tags=tags_offered(marks, query.tag),
        owners=offered((job.owner for job in marks if job.owner), query.owner),
    )


@lru_cache(_ROWS_KEPT)
def _row(
    draw: Callable[..., Markup],
    text: bytes,
    outcomes: tuple[PastRun, ...],
    asked: JobsPageQuery,
    may_act: bool,
) -> Markup:
    """From one version of a page to the next most rows are as they were."""
    return draw(job=json.loads(text), outcomes=outcomes, to=partial(_path, asked), may_act=may_act)


def _chosen_of(query: JobsPageQuery) -> Sequence[str]:
    """The groups, and what else was asked for."""
    return GROUPS if query.status is None or query.status in GROUPS else (*GROUPS, query.status)


def _chip(query: JobsPageQuery, kind: str | None, count: int) -> Chip:
    return Chip(
        word="all" if kind is None else _WORDS.get(kind, kind),
        jobs=count,
        path=_path(query, status=kind),
        is_here=kind == query.status,
        tone=_TONES.get(kind, "quiet") if count else "quiet",
    )


_TONES: Final[Mapping[str | None, str]] = {
    "failing": "bad", "held": "bad", "running": "run", "waiting": "wait", "paused": "wait", "muted": "wait",
}  # fmt: skip


def _path(query: JobsPageQuery, **other: object) -> str:
    values = {**query._asdict(), "page": 1, **other}
    usual = JobsPageQuery()._asdict()
    said = {name: value for name, value in values.items() if value is not None and value != usual[name]}
    return f"/jobs?{urlencode(said)}" if said else "/jobs"
