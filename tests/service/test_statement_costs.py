"""No statement that the runner executes for a request or at a look, or that scripts and commands wait for,
reads all of a table that grows: a database may hold millions of rows, and the event loop stands still while
it reads.

A whole runner, with all that asks it or its database, is played on a database with few rows and on one with
many. SQLite counts the steps of each statement, and is asked how it would carry them out.
"""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest
from support.answers import EVERY_ROUTE
from support.many_rows import JOB, KEY, NAMESPACE, QUEUE, SMALL_TABLES, TABLES, fill
from support.pages import BROWSER
from support.server import EVERY_SECOND, RARELY, command, database, new_project, save

from jeeves_runner.api.event_stream import CONTENT_TYPE as STREAM
from jeeves_runner.cli.exits import USAGE
from jeeves_runner.client import Client
from jeeves_runner.clock import SystemClock
from jeeves_runner.config import load_config
from jeeves_runner.dashboard.routes import PAGES
from jeeves_runner.db import end_counts, job_list
from jeeves_runner.db.connection import connect
from jeeves_runner.service import Runner

FEW, MANY = 1_000, 50_000
MOST = 1_000_000
LONG = pytest.mark.timeout(1200)
"""To write so many rows of each kind takes minutes."""

SMALL_QUEUE = "small"
"""A queue without items."""

_FACTOR = 1.5
_SLACK = 1_000
"""Steps of a statement that only one of the two databases met, or met in another state."""

PLACES = {
    "job": JOB,
    "run": "7",
    "queue": QUEUE,
    "namespace": NAMESPACE,
    "key": KEY,
    "revision": "1",
    "backfill": "1",
    "item": "1",
    "node": f"queue:{QUEUE}",
    "version": "0",
    "file": "style.css",
}
TOLD = "notifications: {webhooks: {ops: {url: 'http://127.0.0.1:1'}}}\n"
TOKEN = {"lease_token": "none"}
ANSWERS = {"complete": TOKEN, "fail": {**TOKEN, "error": "no"}, "extend": {**TOKEN, "lease": "1m"}}
BODIES = {
    "/login": {"token": "none"},
    "/alerts/test": {"channel": "webhook:ops"},
    "/jobs/{job}/mute": {"for": "1h"},
    "/mute": {"for": "1h"},
    "/state/{namespace}/{key}": {"value": 1},
    "/state/{namespace}/{key}/prune": {"keep": 1},
    "/queues/{queue}/items": {"payload": {"n": -2}},
    "/queues/{queue}/purge": {"kinds": ["failed"]},
    "/queues/{queue}/retry": {"items": [1]},
    **{f"/queues/{{queue}}/items/{{item}}/{answer}": body for answer, body in ANSWERS.items()},
    **{f"/queues/{{queue}}/{answer}": {"items": [{"id": 1, **body}]} for answer, body in ANSWERS.items()},
    "/transaction": {"operations": [{"op": "set_state", "namespace": NAMESPACE, "key": "key8", "value": 1}]},
}
PATHS = {
    "DELETE /state/{namespace}/{key}": f"/state/{NAMESPACE}/key9",
    "DELETE /queues/{queue}/items/{item}": f"/queues/{QUEUE}/items/8",
    "POST /queues/{queue}/purge": f"/queues/{SMALL_QUEUE}/purge",
    "POST /state/{namespace}/{key}/prune": f"/state/{NAMESPACE}/key9/prune",
    "GET /state/{namespace}/{key}/items": f"/state/{NAMESPACE}/{KEY}/items?limit=5",
}
"""Of routes that would delete, or tell, all of something."""
SESSION = "type: session\nprompt: Hello.\ntimeout: 10s\nsession: {max_tokens_per_day: 1000}\n"
QUERIES = (
    "/runs?status=running", "/runs?status=scheduled", "/runs?status=error", "/runs?status=ok&limit=20",
    "/alerts?all=1", "/alerts?before_incident=500&before_message=500", "/alerts?all=1&before_message=500",
    "/runs?before=500&limit=5", f"/runs?job={JOB}&status=error", f"/runs?job={JOB}&status=skipped&limit=3",
    f"/jobs/{JOB}/runs?before=90", "/jobs?limit=1", "/queues?detail=1", "/revisions?before=50",
    f"/audit?actor=cli&target=job%20{JOB}", f"/audit?target=job%20{JOB}&before=500", "/audit?actor=none",
    "/audit?since=-1m", f"/audit?since=-1m&actor=cli&target=job%20{JOB}",
    f"/schedule?from=-5h&job={JOB}", "/schedule?from=-5h&limit=1000",
    f"/state/{NAMESPACE}?cursor=key5", "/state?cursor=ns5", "/jobs/no", "/runs/999999999", "/queues/no/peek",
    f"/v0/state/{NAMESPACE}/{KEY}?order=asc&limit=5",
    f"/jobs/{JOB}/why?at=00:00:07", f"/jobs/{JOB}/why?run=7", "/runs/7/logs?follow=1",
)  # fmt: skip
PAGE_QUERIES = (
    "/queues?q=q&sort=done", f"/queues/{QUEUE}?item=1", f"/queues/{QUEUE}?before=2026-01-01%205",
    f"/state/{NAMESPACE}?prefix=key&cursor=key5",
    f"/state/{NAMESPACE}/{KEY}?cursor=2026-01-01%20item5",
)  # fmt: skip
"""Of pages, besides their paths."""
OF_A_TIME = {"/timeline"}
"""Pages that show all that ran in some hours, up to a bound."""
COUNTS_OF_A_TIME = (end_counts._ENDED, job_list._HEALTH)
"""Count, by an index, what ended in half an hour or in the last hour: also what ends while this is played,
which takes minutes with the most rows."""
COMMANDS = (
    "status", "status --check", "jobs", f"job {JOB}", "runs", f"runs {JOB}", "runs --status error", "run 7",
    "run 7 --lineage",
    "logs 7 --follow", "next", f"next {JOB} --from -11d", f"why {JOB}", f"why {JOB} 7", "history",
    "history 3", "alerts", "alerts --all",
    "queue list", f"queue status {QUEUE}",
    f"queue peek {QUEUE}", f"queue peek {QUEUE} --failed", "queue item 1", f"queue claim {QUEUE}",
    f"state get {NAMESPACE} key7", f"pause {JOB}", f"resume {JOB}", "pause --all", "resume --all", "diff",
    f"skip {JOB}", f"unskip {JOB}",
    f"mute {JOB} --for 1h", f"unmute {JOB}", "mute --all --for 1h", "unmute --all",
    "apply", f"trigger {JOB} --wait", "cancel 7",
)  # fmt: skip
"""All but those that list, or delete, everything there is of something."""

SMALL_INDEXES = (
    "runs_active", "runs_asked_to_end", "overrides_live", "overrides_live_of_all", "incidents_open",
    "incidents_due", "outbox_pending", "outbox_waiting", "outbox_of_run", "outbox_bundled",
)  # fmt: skip
"""Indexes that hold only what has not ended: to read all of one is cheap."""


class Played(NamedTuple):
    """What was executed on a database."""

    root: Path
    steps: dict[str, int]
    """Of each statement, those of its most expensive execution."""
    bindings: dict[str, Any]
    """Of each statement, those of its first execution."""


@contextmanager
def watched(root: Path) -> Iterator[Played]:
    """What all connections made from here on execute."""
    played = Played(root, {}, {})

    def note_steps(event: Any) -> None:
        steps = event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]
        played.steps[event["sql"]] = max(steps, played.steps.get(event["sql"], 0))

    def note_bindings(_cursor: apsw.Cursor, sql: str, bindings: Any) -> bool:
        played.bindings.setdefault(sql, bindings)
        return True

    def trace(conn: apsw.Connection) -> None:
        conn.trace_v2(apsw.SQLITE_TRACE_PROFILE, note_steps)
        conn.exec_trace = note_bindings

    apsw.connection_hooks.append(trace)
    try:
        yield played
    finally:
        apsw.connection_hooks.remove(trace)


def play(root: Path, rows: int) -> Played:
    """Everything, on a database with so many rows in each table that grows."""
    root.mkdir()
    new_project(root, "port: 0\nmin_free: 1B\ngateway: {url: 'http://127.0.0.1:1'}\n" + TOLD)
    save(root, f"{JOB}.yaml", EVERY_SECOND)
    save(root, "rarely.yaml", RARELY)
    save(root, "fails.yaml", "run: 'false'\ntimeout: 10s\nretries: {limit: 1, delay: 1s}\n")
    save(root, "mail.yaml", SESSION)
    save(root, "queues.yaml", f"queues: [{{id: {QUEUE}, dedup: {{key: $.n}}}}, {{id: {SMALL_QUEUE}}}]\n")
    assert command(root, "apply").returncode == 0
    fill(database(root), rows)
    token = command(root, "token", "create", "reads").stdout.strip()
    with watched(root) as played:
        asyncio.run(_use_everything(root, token))
    return played


async def _use_everything(root: Path, token: str) -> None:
    async with AsyncExitStack() as stack:
        runner = Runner(load_config(root, None), SystemClock(), stack)
        assert await runner.start()
        await asyncio.to_thread(_ask_everything, root, runner.url, token)


def _ask_everything(root: Path, url: str, token: str) -> None:
    bodies = {**BODIES, "/login": {"token": token}}
    for route in EVERY_ROUTE:
        path = PATHS.get(f"{route.method} {route.path}", route.path.format(**PLACES))
        _ask(route.method, url + path, bodies.get(route.path) if route.method != "DELETE" else None)
    for page in PAGES:
        if page.method == "GET" and page.path not in OF_A_TIME:
            _ask("GET", url + page.path.format(**PLACES), accept=BROWSER)
    for path in PAGE_QUERIES:
        _ask("GET", url + path, accept=BROWSER)
    _ask("POST", f"{url}/jobs/fails/run")
    _ask("POST", f"{url}/jobs/mail/run")
    for path in QUERIES:
        _ask("GET", url + path)
    for words in COMMANDS:
        assert command(root, *words.split()).returncode != USAGE, words
    _use_client(root)


def _ask(method: str, url: str, body: object = None, accept: str = "*/*") -> None:
    data = None if method == "GET" else json.dumps(body or {}).encode()
    headers = {"Content-Type": "application/json", "Accept": accept}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            if answer.headers["Content-Type"] == STREAM:  # it does not end; what it reads first is the most
                answer.read1()
            else:
                answer.read()
    except urllib.error.HTTPError as error:
        if error.code not in (401, 404, 409):
            raise


def _use_client(root: Path) -> None:
    """All calls of scripts but those that delete all of something."""
    with Client(database(root)) as jr:
        jr.get_state(NAMESPACE, "key1")
        jr.set_state(NAMESPACE, "key1", 2)
        jr.set_state(NAMESPACE, KEY, 1)
        jr.set_item(NAMESPACE, KEY, "item1", 2)
        jr.get_item(NAMESPACE, KEY, "item2")
        jr.count_items(NAMESPACE, KEY)
        jr.list_item_keys(NAMESPACE, KEY, limit=5)
        jr.list_item_keys(NAMESPACE, KEY, limit=5, order="asc")
        jr.delete_item(NAMESPACE, KEY, "item3")
        jr.delete_state(NAMESPACE, "key9")
        jr.enqueue(QUEUE, {"n": -1})
        jr.enqueue(QUEUE, {"n": 3})
        first, second, third = jr.claim(QUEUE, 3)
        jr.complete(first)
        jr.extend(second, "1m")
        jr.fail(third, "no")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("costs") / "few", FEW)


@pytest.mark.parametrize("rows", [MANY, pytest.param(MOST, marks=[pytest.mark.campaign, LONG])])
def test_no_statement_takes_more_steps_with_more_rows(few: Played, tmp_path: Path, rows: int) -> None:
    many = play(tmp_path / "many", rows)
    assert len(few.steps) > 120
    grown = {
        sql: (few.steps.get(sql), steps)
        for sql, steps in many.steps.items()
        if sql not in COUNTS_OF_A_TIME and steps > _FACTOR * few.steps.get(sql, 0) + _SLACK
    }
    assert grown == {}


def test_of_every_table_it_is_known_whether_it_grows(few: Played) -> None:
    with closing(connect(database(few.root))) as conn:
        tables = conn.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        assert {name for (name,) in tables} == {*TABLES, *SMALL_TABLES}


def test_no_statement_reads_all_of_a_table_that_grows(few: Played) -> None:
    queries = {sql: bindings for sql, bindings in few.bindings.items() if _is_query(sql)}
    assert len(queries) > 100
    with closing(connect(database(few.root))) as conn:
        slow = {sql: steps for sql in queries if (steps := _scans(conn, sql, queries[sql]))}
    assert slow == {}


def _is_query(sql: str) -> bool:
    """``lengthening`` is a table of one connection alone."""
    begins = sql.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH"))
    return begins and "lengthening" not in sql


def _scans(conn: apsw.Connection, sql: str, bindings: Any) -> list[str]:
    """The steps that read all of a table. One that stops at a limit reads no more than it shows."""
    steps = [step for _, _, _, step in conn.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
    walks = "LIMIT" in sql and not any("TEMP B-TREE" in step for step in steps)
    return [step for step in steps if _is_scan(step) and not (walks and "USING" not in step)]


def _is_scan(step: str) -> bool:
    word, _, rest = step.partition(" ")
    return word == "SCAN" and rest.split()[0] in TABLES and not step.endswith(SMALL_INDEXES)
