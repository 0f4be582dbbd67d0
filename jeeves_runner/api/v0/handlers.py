"""The handlers of the original's routes: each reads documents of the house and shows the original's."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final

import apsw
from aiohttp import web

from jeeves_runner.api import selecting
from jeeves_runner.api.handlers import jobs as house_jobs
from jeeves_runner.api.handlers.runner import status_document
from jeeves_runner.api.handlers.runs import run_by_hand
from jeeves_runner.api.parameters import MAX_LIMIT
from jeeves_runner.api.problems import HttpProblem, RefusedAs
from jeeves_runner.api.requests.jobs import JobPath
from jeeves_runner.api.requests.queues import QueuePath
from jeeves_runner.api.requests.state import NamespacePath, StatePath
from jeeves_runner.api.responses import encode, encoded_list
from jeeves_runner.api.route import AnyCall, Call, Nothing
from jeeves_runner.api.v0 import documents, json_path, mapping
from jeeves_runner.api.v0.config import config_of
from jeeves_runner.api.v0.manner import JOB_NOT_FOUND, shown
from jeeves_runner.api.v0.requests import CollectionQuery, PathQuery, PeekQuery, RunsQuery
from jeeves_runner.core.model import OverrideKind
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.db import overrides
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.pages import ROOM
from jeeves_runner.errors import InvalidValue, NoServer, NotFound
from jeeves_runner.views.job_lookup import live_job
from jeeves_runner.views.jobs import each_job, job_view
from jeeves_runner.views.queues import peek_view, queue_view, queues_view
from jeeves_runner.views.runner import OkDocument, config_view
from jeeves_runner.views.runs import run_view, runs_view
from jeeves_runner.views.specs import each_job_spec
from jeeves_runner.views.state import key_view, namespace_view, namespaces_view

_DONE: Final[OkDocument] = {"ok": True}
_FIRST: Final = "asc"
_MOST_SEARCHED: Final = 8 * ROOM
"""Characters of keys and values."""
_MOST_FOUND: Final = 4 * _MOST_SEARCHED
"""Bytes of JSON: a path may find the same values again and again."""


async def status(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    document = await status_document(call)
    return await _answer(call, lambda *_: mapping.status_of(document))


async def config(call: Call[Nothing, PathQuery, Nothing]) -> web.Response:
    settings = call.services.config
    return await _chosen(call, call.query.path, lambda *_: config_of(config_view(settings)))


async def jobs(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    """Job by job, as the house does."""
    next_run = call.services.next_run

    def parts(conn: apsw.Connection, now: datetime) -> Iterator[bytes]:
        with snapshot(conn):
            pairs = zip(each_job(conn, now, next_run), each_job_spec(conn), strict=True)
            listed = (mapping.listed_job_of(job, each["spec"] or {}) for job, each in pairs)
            yield b'{"jobs":'
            yield from encoded_list(listed)
            yield b"}"

    return _in_utf_8(await call.answer_parts(parts))


async def job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    def view(conn: apsw.Connection, now: datetime) -> documents.JobDocument:
        found = job_view(conn, now, call.path.job)["job"]
        return {"job": mapping.job_of(found, found["spec"])}

    with _job_needed(JOB_NOT_FOUND):
        return await _answer(call, view)


async def runs_of_job(call: Call[JobPath, RunsQuery, Nothing]) -> web.Response:
    """None of a job that is not there: the original deleted them with their job."""
    job_id, limit = call.path.job, _most(call.query.limit)

    def view(conn: apsw.Connection, _now: datetime) -> documents.RunsDocument:
        with snapshot(conn), suppress(NotFound):
            live_job(conn, job_id)
            listed = runs_view(conn, job_id=job_id, limit=limit, room=ROOM)["runs"] if limit else []
            return {"runs": [mapping.run_of(run_view(conn, each["id"])["run"]) for each in listed]}
        return {"runs": []}

    return await _answer(call, view)


async def run_job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    """A pause that ``disable`` has made does not hold a run by hand back, as it did not there."""
    services, job_id = call.services, call.path.job
    pause = overrides.in_force(services.conn, OverrideKind.PAUSE, services.clock.now()).of(job_id)
    is_disabled = pause is not None and not pause.of_all and pause.reason == AppliedBy.API
    with _job_needed(JOB_NOT_FOUND._replace(detail=f"Job not found: {job_id}")):
        run = (await run_by_hand(call, forced=is_disabled))["run"]
    if run["finished_at"] is None:
        raise NoServer("the server is stopping", hint=f"run {run['id']} goes on by itself")
    document: documents.ResultDocument = {"result": mapping.result_of(run)}
    return shown(document)


async def enable_job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    with _job_needed(JOB_NOT_FOUND):
        await house_jobs.enable_job(call)
    return shown(_DONE)


async def disable_job(call: Call[JobPath, Nothing, Nothing]) -> web.Response:
    with _job_needed(JOB_NOT_FOUND):
        await house_jobs.disable_job(call)
    return shown(_DONE)


async def queues(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    """Those that hold something."""

    def view(conn: apsw.Connection, now: datetime) -> documents.QueueIdsDocument:
        every = queues_view(conn, now)["queues"]
        return {"queues": [each["id"] for each in every if each["depth"] + each["claimed"] + each["failed"]]}

    return await _answer(call, view)


async def queue_status(call: Call[QueuePath, Nothing, Nothing]) -> web.Response:
    def view(conn: apsw.Connection, now: datetime) -> documents.QueueCounts:
        with suppress(NotFound):
            return mapping.counts_of(queue_view(conn, now, call.path.queue))
        return {"depth": 0, "claimedCount": 0, "failedCount": 0, "oldestAge": None}

    return await _answer(call, view)


async def queue_peek(call: Call[QueuePath, PeekQuery, Nothing]) -> web.Response:
    limit = _most(call.query.limit)

    def view(conn: apsw.Connection, now: datetime) -> documents.ItemsDocument:
        with suppress(NotFound):
            items = peek_view(conn, now, call.path.queue, limit, room=ROOM)["items"] if limit else []
            return {"items": [mapping.item_of(item) for item in items]}
        return {"items": []}

    return await _answer(call, view)


async def namespaces(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    return await _answer(call, lambda conn, now: {"namespaces": namespaces_view(conn, now)["namespaces"]})


async def namespace(call: Call[NamespacePath, PathQuery, Nothing]) -> web.Response:
    name, path = call.path.namespace, call.query.path
    if path:
        return await _chosen(call, path, lambda conn, now: _held(_values(conn, now, name)))

    def parts(conn: apsw.Connection, now: datetime) -> Iterator[bytes]:
        before = b"{"
        for key, value in _values(conn, now, name):
            yield before + encode(key) + b":" + encode(value)
            before = b","
        yield b"{}" if before == b"{" else b"}"

    return _in_utf_8(await call.answer_parts(parts))


async def collection(call: Call[StatePath, CollectionQuery, Nothing]) -> web.Response:
    place, query, limit = call.path, call.query, _most(call.query.limit)

    def view(conn: apsw.Connection, now: datetime) -> Mapping[str, object]:
        document: documents.Collection = {"value": None, "items": [], "count": 0}
        with suppress(NotFound):
            found = key_view(
                conn,
                now,
                place.namespace,
                place.key,
                limit=limit or 1,
                room=ROOM,
                oldest_first=query.order == _FIRST,
            )
            document = mapping.collection_of(found, limit)
        return document

    return await _chosen(call, query.path, view)


def _values(conn: apsw.Connection, now: datetime, name: str) -> Iterator[tuple[str, str | None]]:
    """The values of a namespace as texts, page by page; none if there is no such namespace."""
    after: str | None = ""
    with snapshot(conn), suppress(NotFound):
        while after is not None:
            page = namespace_view(conn, now, name, after=after, limit=MAX_LIMIT, room=ROOM)
            yield from ((key, mapping.text_of(value)) for key, value in page.values.items())
            after = page.next_cursor


def _held(values: Iterable[tuple[str, str | None]]) -> dict[str, str | None]:
    """All of them, to search in. InvalidValue if they are too large for that."""
    found: dict[str, str | None] = {}
    left = _MOST_SEARCHED
    for key, value in values:
        left -= len(key) + len(value or "")
        if left < 0:
            raise InvalidValue("this namespace is too large for a JSONPath", hint="ask for all of it")
        found[key] = value
    return found


async def _chosen(
    call: AnyCall, path: str | None, view: Callable[[apsw.Connection, datetime], Mapping[str, object]]
) -> web.Response:
    """The document of a view, or what a path finds in it."""
    if not path:
        return await _answer(call, view)

    def parts(conn: apsw.Connection, now: datetime) -> Iterator[bytes]:
        return selecting.found(json_path.search(path, view(conn, now)), _MOST_FOUND)

    return _in_utf_8(await call.answer_parts(parts))


def _most(limit: int) -> int:
    return limit if 0 <= limit <= MAX_LIMIT else MAX_LIMIT


async def _answer(
    call: AnyCall, view: Callable[[apsw.Connection, datetime], Mapping[str, object]]
) -> web.Response:
    return _in_utf_8(await call.answer(view))


def _in_utf_8(answer: web.Response) -> web.Response:
    answer.charset = "utf-8"
    return answer


@contextmanager
def _job_needed(absent: HttpProblem) -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise RefusedAs(absent) from error
