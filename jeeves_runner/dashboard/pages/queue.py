"""A queue: what is given up and why, what is worked on, what waits, and who works on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.parameters import Cursor, Whole
from jeeves_runner.api.requests.queues import QueuePath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.clock import to_text
from jeeves_runner.dashboard.pages.queue_item import show_item
from jeeves_runner.dashboard.pages.queues import waits_since
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.dashboard.shown_items import ShownItem, shown_items
from jeeves_runner.dashboard.shown_values import last_line
from jeeves_runner.db import queue_contents, queue_lines
from jeeves_runner.db.job_list import listed_jobs
from jeeves_runner.db.queue_flow import MOST, WINDOW, Flow, flows, minutes
from jeeves_runner.db.queue_lines import Place
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.whole_queue import WholeQueueDocument, whole_queue_view

_LIVE: Final = ("queue", "run", "sync", "other")

_DEAD: Final = 20
"""Dead letters on a page."""

_OTHERS: Final = 20
"""Items that are claimed, and that wait, on a page."""

_JOBS: Final = 12
"""Jobs that write it, and that read it, on a page."""

_ERRORS: Final = 5
"""Kinds of errors that are told of."""

_PAYLOAD: Final = 2_000
"""Characters of a payload."""

_MINUTE: Final = timedelta(minutes=1)
_WINDOW_MS: Final = round(WINDOW.total_seconds() * 1000)


class QueuePageQuery(NamedTuple):
    """What of a queue to show."""

    before: Annotated[str | None, Cursor()] = None
    """Dead letters older than the last one of the page before; None: the newest."""
    item: Annotated[int | None, Whole()] = None
    """One item alone, whatever has become of it."""


class SameError(NamedTuple):
    """Dead letters that failed in the same way."""

    line: str
    """The last line of their error."""
    items: int
    """How many, of the newest ones."""
    newest: str
    """When the last of them failed."""


class Bar(NamedTuple):
    """A minute in which something has left the queue."""

    place: int
    """Which of the last 60 minutes it is, from 0, the oldest."""
    completed: int
    """How high it stands for what was completed, of 100 ..."""
    failed: int
    """... and for what was given up, above that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePage:
    """What is shown."""

    queue: WholeQueueDocument
    """How it is, and what it is set to."""
    since: str | None
    """Since when its oldest item waits."""
    jobs: Mapping[str, str]
    """How the jobs are that write and read it, by id; of those that are shown."""
    flow: Flow
    """What has left it of late."""
    most: int
    """How far that is counted."""
    bars: Sequence[Bar]
    """The same by minute."""
    empty_in_ms: int | None
    """How long what waits takes as fast as of late; None: nothing waits, or nothing was done."""
    before: str | None
    """Which dead letters these are; None: the newest."""
    dead: Sequence[ShownItem]
    """Dead letters, newest first."""
    older: str | None
    """What the next page of them begins with, if there are more."""
    errors: Sequence[SameError]
    """What the newest of them failed by, where that says more than they do."""
    claimed: Sequence[ShownItem]
    """Items that are worked on, those first whose claim ends first."""
    waiting: Sequence[ShownItem]
    """The next items, in the order of claims."""


async def queue(call: Call[QueuePath, QueuePageQuery, Nothing]) -> web.Response:
    name, before, item = call.path.queue, call.query.before, call.query.item
    if item is not None:
        return await show_item(call, name, item)
    place = None if before is None else _place(before)
    sheet = Sheet(template="queue.html", title=name, here="/queues", live=_LIVE)
    return await show(call, sheet, lambda conn, now: _read(conn, now, name, place))


def _place(cursor: str) -> Place:
    ended, space, number = cursor.partition(" ")
    if not (space and number.isascii() and number.isdigit() and len(number) < 19):
        raise InvalidValue(f"before must be what the page before has in its link, not {cursor!r}")
    return ended, int(number)


def _written(place: Place) -> str:
    return f"{place[0]} {place[1]}"


def _read(conn: apsw.Connection, now: datetime, name: str, before: Place | None) -> QueuePage:
    document = whole_queue_view(conn, now, name)["queue"]
    flow = flows(conn, now, name)[name]
    places = queue_lines.failed_places(conn, now, name, _DEAD + 1, before)
    dead = [number for _, number in places[:_DEAD]]
    claimed = queue_lines.claimed_ids(conn, now, name, _OTHERS)
    waiting = queue_contents.waiting_ids(conn, now, name, _OTHERS)
    lines = queue_lines.lines(conn, now, [*dead, *claimed, *waiting])
    shown = shown_items(conn, lines, room=_PAYLOAD)
    return QueuePage(
        queue=document,
        since=waits_since(now, document["oldest_age_ms"]),
        jobs=_statuses(conn, now, [*document["writers"][:_JOBS], *document["readers"][:_JOBS]]),
        flow=flow,
        most=MOST,
        bars=_bars(conn, now, name),
        empty_in_ms=_WINDOW_MS * document["depth"] // flow.completed
        if document["depth"] and flow.completed
        else None,
        before=None if before is None else _written(before),
        dead=[shown[number] for number in dead if number in shown],
        older=_written(places[_DEAD - 1]) if len(places) > _DEAD else None,
        errors=_same_errors(conn, name) if len(places) > _ERRORS else (),
        claimed=[shown[number] for number in claimed if number in shown],
        waiting=[shown[number] for number in waiting if number in shown],
    )


def _statuses(conn: apsw.Connection, now: datetime, jobs: Sequence[str]) -> dict[str, str]:
    return {
        listed.columns["id"]: listed.status for listed in listed_jobs(conn, now, list(dict.fromkeys(jobs)))
    }


def _bars(conn: apsw.Connection, now: datetime, name: str) -> list[Bar]:
    """The minutes of the last hour, of the one that has begun too, beside the fullest of them."""
    found = minutes(conn, now, name)
    most = max((each.completed + each.failed for each in found), default=0)
    last = int(WINDOW / _MINUTE) - 1
    places = {to_text(now - ago * _MINUTE)[:16]: last - ago for ago in range(last + 1)}
    return [
        Bar(
            places[each.start],
            _height(each.completed, most),
            _height(each.completed + each.failed, most) - _height(each.completed, most),
        )
        for each in found
        if each.start in places
    ]


def _height(items: int, most: int) -> int:
    """Of 100; something is seen of a single one."""
    return max(4, round(100 * items / most)) if items else 0


def _same_errors(conn: apsw.Connection, name: str) -> list[SameError]:
    """What the newest dead letters failed by, the most frequent first."""
    found: dict[str, SameError] = {}
    for error, ended in queue_lines.newest_errors(conn, name):
        line = last_line(error)
        before = found.get(line, SameError(line, 0, ended))
        found[line] = before._replace(items=before.items + 1)
    return sorted(found.values(), key=lambda each: -each.items)[:_ERRORS]
