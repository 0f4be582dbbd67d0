"""The handlers of the runner itself: its status, its settings and its sync with the manifests."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import apsw
from aiohttp import web

from jeeves_runner.access import TooOpen
from jeeves_runner.api.kept_status import StatusFacts
from jeeves_runner.api.requests.runner import ConfigQuery
from jeeves_runner.api.responses import encoded_response, json_response
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.api.selecting import selected
from jeeves_runner.api.services import ApiServices
from jeeves_runner.clock import thread_seconds
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.failing_jobs import KnownFailing
from jeeves_runner.db.runner import too_open_files
from jeeves_runner.errors import NotReady
from jeeves_runner.views.runner import (
    Counts,
    StatusDocument,
    catching_up_view,
    config_view,
    counts,
    healthz_view,
    index_view,
    readyz_view,
    status_view,
)
from jeeves_runner.views.sync import sync_view

PlainCall = Call[Nothing, Nothing, Nothing]


async def index(call: PlainCall) -> web.Response:
    return json_response(index_view())


async def status(call: PlainCall) -> web.Response:
    facts, services = await _facts(call), call.services
    busy_since = services.writer.busy_since
    if busy_since is not None:  # for how long moves as well
        return await call.show(_document(services, facts, busy_since))
    text = call.kept_status.find(facts, _uptime_ms(services))
    if text is not None:
        return encoded_response(text)
    document = _document(services, facts, None)
    call.kept_status.keep(facts, document)
    return await call.show(document)


async def status_document(call: PlainCall) -> StatusDocument:
    """What it counts is read in the pool."""
    facts, services = await _facts(call), call.services
    return _document(services, facts, services.writer.busy_since)


async def _facts(call: PlainCall) -> StatusFacts:
    """Of one moment, but for the files."""
    services = call.services
    too_open = await _too_open(call)
    found = await _counts(call)
    file = services.config_file
    return StatusFacts(
        found=found,
        stopping=services.stopping.is_set(),
        sync=services.sync.status,
        config=file.change,
        config_since=file.since,
        too_open=too_open,
        catching_up=services.catching_up(),
    )


def _document(services: ApiServices, facts: StatusFacts, busy_since: datetime | None) -> StatusDocument:
    return status_view(
        facts.found,
        services.clock.now(),
        uptime=timedelta(milliseconds=_uptime_ms(services)),
        stopping=facts.stopping,
        sync=sync_view(facts.sync, services.config_file),
        busy_since=busy_since,
        too_open=facts.too_open,
        catching_up=facts.catching_up,
    )


def _uptime_ms(services: ApiServices) -> int:
    return max(0, int((services.clock.boottime() - services.began) * 1000))


async def _counts(call: PlainCall) -> Counts:
    """Read anew once any process has committed, or where the time makes others of them."""
    return _kept_counts(call) or await _new_counts(call)


def _kept_counts(call: PlainCall) -> Counts | None:
    call.kept.version(call.came)
    kept = call.kept.find(Counts)
    return kept if isinstance(kept, Counts) else None


async def _new_counts(call: PlainCall) -> Counts:
    async with call.kept.counting:
        if (kept := _kept_counts(call)) is not None:
            return kept
        version, now = call.kept.version(call.came), call.services.clock.now()
        found, spent = await call.reads.read(lambda conn: _read_counts(conn, now, call.kept.failing))
        call.kept.spent += spent
        call.kept.keep(Counts, found, version=version, since=now, until=found.until)
        return found


def _read_counts(conn: apsw.Connection, now: datetime, failing: KnownFailing) -> tuple[Counts, float]:
    """With the seconds of processor that it took."""
    began = thread_seconds()
    with snapshot(conn):
        found = counts(conn, now, failing)
    return found, thread_seconds() - began


async def _too_open(call: PlainCall) -> Sequence[TooOpen]:
    """None while their disk does not answer."""
    kept = call.too_open.find()
    if kept is not None:
        return kept
    settings = call.services.config
    look = partial(too_open_files, settings.db_path, settings.data_dir, settings.folder_mode)
    with suppress(OSError):
        return await call.too_open.get(partial(call.look, look))
    return ()


async def catching_up(call: PlainCall) -> web.Response:
    document = catching_up_view(call.services.catching_up())
    return await call.show(document)


async def healthz(call: PlainCall) -> web.Response:
    return json_response(healthz_view())


async def readyz(call: PlainCall) -> web.Response:
    services = call.services
    if services.stopping.is_set():
        raise NotReady("stopping")
    if not services.runs.is_admitting:
        raise NotReady("starting")
    return json_response(readyz_view())


async def sync(call: PlainCall) -> web.Response:
    return await call.show(sync_view(call.services.sync.status, call.services.config_file))


async def reconcile(call: PlainCall) -> web.Response:
    call.services.sync.apply_now()
    return await call.show(sync_view(call.services.sync.status, call.services.config_file), 202)


async def nudge(call: PlainCall) -> web.Response:
    """Another program has written to the database: look at it now, not at the next interval.

    The answer comes before the look: as long as it has not come, what is committed will be seen.
    """
    await call.services.nudge()
    return web.Response(status=204)


async def config(call: Call[Nothing, ConfigQuery, Nothing]) -> web.Response:
    document, path = config_view(call.services.config), call.query.path
    if path is None:
        return json_response(document)
    return await call.answer_parts(lambda _conn, _now: selected(document, path))
