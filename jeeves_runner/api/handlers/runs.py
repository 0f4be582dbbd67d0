"""The handlers of runs: lists, single runs, their logs, starts by hand and cancels."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import apsw
from aiohttp import web

from jeeves_runner.api.log_follower import LogFollower
from jeeves_runner.api.requests.jobs import JobPath
from jeeves_runner.api.requests.pages import PageQuery
from jeeves_runner.api.requests.runs import LogsQuery, LookQuery, RunJobBody, RunJobQuery, RunPath, RunsQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.api.run_logs import TEXT, log_response
from jeeves_runner.api.services import ApiServices
from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.db.pages import ROOM
from jeeves_runner.db.renames import earlier_ids
from jeeves_runner.db.run_requests import RunRequest, answered_instead
from jeeves_runner.db.runs import ended_already
from jeeves_runner.db.triggering import triggering
from jeeves_runner.errors import NoServer
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.views.job_lookup import check_known
from jeeves_runner.views.lineage import run_lineage_view
from jeeves_runner.views.runs import (
    ResultDocument,
    RunDocument,
    RunsDocument,
    last_attempt,
    run_view,
    runs_view,
    tails,
)

_NO_TIME: Final = timedelta()

_RunCall = Call[RunPath, Nothing, Nothing]


async def runs_of_job(call: Call[JobPath, PageQuery, Nothing]) -> web.Response:
    job_id, query = call.path.job, call.query
    return await call.answer_kept(
        ("runs", job_id, query), lambda conn: _runs(conn, job_id, before=query.before, limit=query.limit)
    )


async def runs(call: Call[Nothing, RunsQuery, Nothing]) -> web.Response:
    query, zone = call.query, call.services.config.timezone

    def read(conn: apsw.Connection, now: datetime) -> RunsDocument:
        span = query.span(now, zone)
        return _runs(conn, query.job, query.status, span, before=query.before, limit=query.limit)

    if query.since is not None or query.until is not None:  # the time alone may make another document of it
        return await call.answer(read)
    return await call.answer_kept(("runs", query), lambda conn: read(conn, call.services.clock.now()))


async def run(call: Call[RunPath, LookQuery, Nothing]) -> web.Response:
    """A run as it is, or with ``?wait=`` as it is once it has ended, or was decided about, or that time has
    passed."""
    services, run_id = call.services, call.path.run
    document = run_view(services.conn, run_id)
    if call.query.wait and document["run"]["finished_at"] is None:
        async with services.stopping.ends_wait(_seconds(call.query.wait)):
            if call.query.until == "decision":
                await services.runs.decided(run_id)
            else:
                await services.runs.wait(run_id)
        document = run_view(services.conn, run_id)
    return await call.show(document)


async def lineage(call: _RunCall) -> web.Response:
    run_id = call.path.run
    return await call.answer(lambda conn, now: run_lineage_view(conn, now, run_id))


async def logs(call: Call[RunPath, LogsQuery, Nothing]) -> web.StreamResponse:
    services = call.services
    if call.query.follow:
        return await call.stream(partial(_followed, call))
    found = run_view(services.conn, call.path.run)["run"]
    if found["started_at"] is not None:
        earlier = earlier_ids(services.conn, found["job_id"])
        place = LogPlace(str(services.config.data_dir), found["job_id"], found["id"], earlier=earlier)
        with suppress(OSError):  # there is none (any more), it is no file, or hangs: the tails are left
            return await log_response(place, call.look, call.asking.part)
    return web.Response(body=tails(found).encode("utf-8", "replace"), headers=TEXT)


async def _followed(call: Call[RunPath, LogsQuery, Nothing]) -> LogFollower:
    last_id = call.asking.last_event_id or call.query.after
    return LogFollower(call.services, call.files, call.path.run, last_id)


async def run_job(call: Call[JobPath, RunJobQuery, RunJobBody]) -> web.Response:
    wait = _NO_TIME if call.query.wait is None and call.asking.at_once else call.query.wait
    document = await run_by_hand(call, params=call.body.params, forced=call.body.force, wait=wait)
    has_ended = document["run"]["finished_at"] is not None
    status = HTTPStatus.OK if has_ended else HTTPStatus.ACCEPTED
    if status != _expected(wait):
        job_id, run_id = call.path.job, document["run"]["id"]
        await call.services.writer.write(
            lambda tx: answered_instead(tx, job_id, run_id, status), durable=False
        )
    result: ResultDocument = {"result": document["run"]}
    return await call.show(result if has_ended else document, status)


def _expected(wait: timedelta | None) -> HTTPStatus:
    """What a request for a run will most likely be answered, as it is noted with its row."""
    return HTTPStatus.ACCEPTED if wait == _NO_TIME else HTTPStatus.OK


async def run_by_hand(
    call: Call[JobPath, Any, Any],
    *,
    params: Mapping[str, object] | None = None,
    forced: bool = False,
    wait: timedelta | None = None,
) -> RunDocument:
    """Start a run by hand; the run at its end, or as it is when a client does not want to ``wait`` longer.

    With retries its end is that of the last attempt. NoServer while the server stops.
    """
    services = call.services
    if services.stopping.is_set():
        raise NoServer("the server is stopping: nothing new starts", hint="ask again once it is back")
    by = call.asking.acting._replace(answer=_expected(wait))
    request = RunRequest(job_id=call.path.job, trigger=Trigger.MANUAL, params=params, forced=forced, by=by)
    run_id = (await services.runs.enter(_asked_by(call, request))).id
    last: int | None = None
    if wait is None or wait:
        async with services.stopping.ends_wait(_seconds(wait)):
            last = await _end_of_chain(services, run_id)
    return run_view(services.conn, last or last_attempt(services.conn, run_id))


def _asked_by(call: Call[JobPath, Any, Any], request: RunRequest) -> RunRequest:
    """What is asked for; Conflict for a run that asks for a job which it may not trigger."""
    run = call.asking.caller.run
    return request if run is None else triggering(call.services.conn, run.run_id).asks_for(request)


async def cancel_run(call: _RunCall) -> web.Response:
    services, run_id = call.services, call.path.run
    before = run_view(services.conn, run_id)["run"]
    if before["finished_at"] is not None:
        raise ended_already(run_id, before["status"])
    await services.runs.cancel(run_id)
    return await call.show(run_view(services.conn, run_id), status=202)


def _runs(
    conn: apsw.Connection,
    job_id: str | None,
    status: str | None = None,
    span: tuple[datetime | None, datetime | None] = (None, None),
    *,
    before: int | None,
    limit: int,
) -> RunsDocument:
    since, until = span
    document = runs_view(
        conn, job_id=job_id, status=status, since=since, until=until, before=before, limit=limit, room=ROOM
    )
    if job_id is not None and not document["runs"]:
        check_known(conn, job_id)
    return document


def _seconds(wait: timedelta | None) -> float | None:
    return None if wait is None else wait.total_seconds()


async def _end_of_chain(services: ApiServices, first: int) -> int:
    """The last attempt, once it has ended."""
    attempt = await services.runs.wait(first)
    while attempt.status is not RunStatus.OK:
        # A retry is recorded together with the end before it.
        newest = last_attempt(services.conn, first)
        if newest == attempt.id:
            break
        attempt = await services.runs.wait(newest)
    return attempt.id
