"""No statement that the runner executes for a request or at each look reads all runs: a database may hold
millions, and the event loop stands still while it reads.

All statements of a whole runner are gathered, while jobs run and each route is asked, and SQLite is asked how
it would carry them out.
"""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from support.server import EVERY_SECOND, RARELY, new_project, save

from jeeves_runner.api.routes import ROUTES
from jeeves_runner.client import Client
from jeeves_runner.clock import SystemClock
from jeeves_runner.config import load_config
from jeeves_runner.db.connection import connect
from jeeves_runner.service import Runner

PLACES = {"job": "often", "run": "1", "queue": "mail", "namespace": "often", "key": "k", "revision": "1"}
FEW_RUNS = ("runs_active", "runs_asked_to_end")
"""Indexes that hold only the runs that have not ended: to read all of one is cheap."""

NOT_ASKED = {"/healthz", "/nudge"}

Statements = dict[str, Any]
"""The bindings of each statement's first execution."""


@pytest.fixture
def statements() -> Iterator[Statements]:
    """What all connections made from here on execute."""
    found: Statements = {}

    def note(_cursor: apsw.Cursor, sql: str, bindings: Any) -> bool:
        found.setdefault(sql, bindings)
        return True

    def trace(conn: apsw.Connection) -> None:
        conn.exec_trace = note

    apsw.connection_hooks.append(trace)
    yield found
    apsw.connection_hooks.remove(trace)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    new_project(tmp_path, "port: 0\nmin_free: 1B\n")
    save(tmp_path, "often.yaml", EVERY_SECOND)
    save(tmp_path, "rarely.yaml", RARELY)
    save(tmp_path, "fails.yaml", "run: 'false'\ntimeout: 10s\nretries: {limit: 1, delay: 1s}\n")
    return tmp_path


def test_no_statement_of_a_request_or_a_look_reads_all_runs(root: Path, statements: Statements) -> None:
    asyncio.run(_use_everything(root))
    about_runs = {sql: bindings for sql, bindings in statements.items() if _reads_runs(sql)}
    assert len(about_runs) > 20
    with closing(connect(root / "data" / "runner.sqlite")) as conn:
        slow = {sql: steps for sql in about_runs if (steps := _scans(conn, sql, about_runs[sql]))}
    assert slow == {}


async def _use_everything(root: Path) -> None:
    async with AsyncExitStack() as stack:
        runner = Runner(load_config(root, None), SystemClock(), stack)
        assert await runner.start()
        await asyncio.to_thread(_fill, root)
        for path in ("/jobs/often/run", "/jobs/fails/run"):
            await asyncio.to_thread(_ask, "POST", runner.url + path)
        for route in ROUTES:
            if route.path not in NOT_ASKED:
                path = route.path.format(**PLACES)
                await asyncio.to_thread(_ask, route.method, runner.url + path)
        for query in ("status=running", "status=scheduled", "status=error", "status=ok", "limit=5&cursor=9"):
            await asyncio.to_thread(_ask, "GET", f"{runner.url}/runs?{query}")


def _fill(root: Path) -> None:
    with Client(root / "data" / "runner.sqlite") as jr:
        jr.enqueue("mail", 1)
        jr.set_item("often", "k", "i", 1)


def _ask(method: str, url: str) -> None:
    data = json.dumps({}).encode() if method == "POST" else None
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        if error.code not in (404, 409):
            raise


def _reads_runs(sql: str) -> bool:
    is_query = sql.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH"))
    return is_query and "runs" in sql


def _scans(conn: apsw.Connection, sql: str, bindings: Any) -> list[str]:
    """The steps that read all runs. One that stops at a limit reads no more than it shows."""
    steps = [step for _, _, _, step in conn.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
    walks = "LIMIT" in sql and not any("TEMP B-TREE" in step for step in steps)
    return [step for step in steps if _is_scan(step) and not (walks and "USING" not in step)]


def _is_scan(step: str) -> bool:
    return step.startswith("SCAN runs") and not step.endswith(FEW_RUNS)
