"""The world of the HTTP API: its server on loopback in this process, with real runs and a real database.

Take it for routes, answers, problems and guards. The database is a ``Ledger``, which the test fills first.
The manifests stay as they are.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import aiohttp
from support.answers import check_answer
from support.ledger import Ledger

from jeeves_runner.api.answer_headers import ALWAYS, ASKED_ANEW, NOT_KEPT
from jeeves_runner.api.connection import Limits
from jeeves_runner.api.server import HttpServer, listen, url_of
from jeeves_runner.api.services import ApiServices
from jeeves_runner.clock import SystemClock
from jeeves_runner.config import load_config
from jeeves_runner.config_change import ConfigChange
from jeeves_runner.core.model import SourceType
from jeeves_runner.dashboard.routes import DASHBOARD
from jeeves_runner.db.connection import connect
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.db.writer import Writer
from jeeves_runner.execute.contract import Executor
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors
from jeeves_runner.metrics.gathering import Vitals
from jeeves_runner.metrics.metrics import Metrics
from jeeves_runner.metrics.run_totals import RunTotals
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.runner.claim_waits import ClaimWaits
from jeeves_runner.runner.stop import Asked
from jeeves_runner.runs import Logs, Runs
from jeeves_runner.views.occurrences import next_runs

T = TypeVar("T")

LOG_SIZE = 10 << 20
"""Bytes of a run's log, as the config has it by default."""

MOST = 5
"""How many jobs have metrics by name."""


class Answer(NamedTuple):
    """What came back; ``body`` is the document if it is JSON, else text."""

    status: int
    headers: Mapping[str, str]
    body: Any


class StillSync:
    """Manifests and a config that stay as they are. It counts the requests to look at them again."""

    def __init__(self) -> None:
        self.status = SyncStatus(state="in_sync", revision=1)
        self.nudges = 0
        self.change: ConfigChange | None = None
        self.since: datetime | None = None

    def apply_now(self) -> None:
        self.nudges += 1


class Api:
    """A client of the server, and the parts behind it."""

    def __init__(
        self,
        port: int,
        session: aiohttp.ClientSession,
        ledger: Ledger,
        sync: StillSync,
        stopping: Asked,
        nudges: list[None],
        late: dict[str, datetime],
        committed: list[Callable[[], None]],
        runs: Runs,
    ) -> None:
        """``nudges`` holds one entry for each time that the server was to look at its database; ``late`` says
        when jobs catch up; ``committed`` is to be called where something was committed; ``runs`` looks at
        the database when it is told to."""
        self.port = port
        self.session = session
        self.ledger = ledger
        self.sync = sync
        self.stopping = stopping
        self.nudges = nudges
        self.late = late
        self.committed = committed
        self.runs = runs

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return await self.ask("POST", path, body, **headers)

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """``body``: bytes as they are, other values as JSON. ``_`` in names of headers stands for ``-``.
        A body is sent as JSON unless a header says otherwise.

        Every answer is held to its route.
        """
        sent_body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        data = None if sent_body is None else io.BytesIO(sent_body)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.request(method, url, data=data, headers=sent) as answer:
            told = await answer.text()
            check_headers(answer.headers)
            check_answer(method, path, answer.status, answer.content_type, told)
            is_json = answer.content_type.endswith("json")
            return Answer(answer.status, answer.headers, json.loads(told) if is_json and told else told)


def check_headers(headers: Mapping[str, str]) -> None:
    """AssertionError unless browsers and caches are told what to make of an answer."""
    for name, value in ALWAYS.items():
        assert headers.get(name) == value, f"{name} of {dict(headers)}"
    has_validator = "ETag" in headers or "Last-Modified" in headers
    assert headers.get("Cache-Control") == (ASKED_ANEW if has_validator else NOT_KEPT)


def problem(answer: Answer) -> tuple[int, str]:
    """Status and detail of an answer that must be a well-formed problem."""
    body = answer.body
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert set(body) - {"hint"} == {"type", "title", "status", "detail", "error"}
    assert (body["status"], body["error"]) == (answer.status, body["detail"])
    assert body["type"].startswith("urn:jeeves-runner:problem:")
    return answer.status, body["detail"]


def shell_job(ledger: Ledger, job_id: str, command: str, **fields: Any) -> None:
    """A job that runs a line of shell in the database's folder."""
    cwd = str(ledger.path.parent)
    argv = json.dumps(["sh", "-c", command])
    ledger.add_job(job_id, source_type=SourceType.COMMAND, script=argv, cwd=cwd, **fields)


def with_api(
    ledger: Ledger,
    scenario: Callable[[Api], Coroutine[Any, Any, T]],
    limits: Limits | None = None,
    *,
    config: str = "",
    host: str = "127.0.0.1",
    executor: Executor | None = None,
) -> T:
    """What the scenario returns, given a server on the ledger's database, of this config, at this address.

    ``executor`` carries the runs out; None: as programs of this machine.
    """

    async def main() -> T:
        async with _serving(ledger, limits, config, host, executor) as api:
            return await scenario(api)

    return asyncio.run(main())


def get(ledger: Ledger, path: str, **headers: str) -> Answer:
    """One request to a server of its own."""

    async def scenario(api: Api) -> Answer:
        return await api.get(path, **headers)

    return with_api(ledger, scenario)


def ask(ledger: Ledger, method: str, path: str, body: object = None, **headers: str) -> Answer:
    """One request of any method, likewise."""

    async def scenario(api: Api) -> Answer:
        return await api.ask(method, path, body, **headers)

    return with_api(ledger, scenario)


@asynccontextmanager
async def _serving(
    ledger: Ledger, limits: Limits | None, config: str, host: str, executor: Executor | None
) -> AsyncIterator[Api]:
    clock = SystemClock()
    config_file = ledger.path.parent / "jeeves-runner.yaml"
    if config:
        config_file.write_text(config, "utf-8")
    conn = connect(ledger.path)
    with ledger.tx() as tx:
        epoch = begin_epoch(tx, 1, "this boot")
    async with Writer(ledger.path, clock) as writer:
        runs = _runs(ledger.path, writer, epoch, executor)
        listener = listen(host, 0)
        runs.set_api_url(url_of(listener))
        await runs.start_up()
        sync = StillSync()
        stopping = Asked()
        nudges: list[None] = []
        late: dict[str, datetime] = {}
        committed: list[Callable[[], None]] = []

        async def count_nudge() -> None:
            nudges.append(None)

        services = ApiServices(
            conn=conn,
            clock=clock,
            config=load_config(ledger.path.parent, config_file if config else None),
            config_file=sync,
            runs=runs,
            sync=sync,
            writer=writer,
            next_run=next_runs(conn, clock.now()),
            moves=lambda: 0,
            catching_up=lambda: dict(late),
            nudge=count_nudge,
            look_soon=lambda: nudges.append(None),
            claims=ClaimWaits(conn, clock, committed.append),
            metrics=_metrics(writer, sync),
            began=clock.boottime(),
            stopping=stopping,
        )
        server = HttpServer(services, DASHBOARD, limits=limits)
        port = listener.getsockname()[1]
        await server.start(listener)
        async with aiohttp.ClientSession() as session:
            yield Api(port, session, ledger, sync, stopping, nudges, late, committed, runs)
        await runs.shut_down(0)
        await server.close()
    conn.close()


def _metrics(writer: Writer, sync: StillSync) -> Metrics:
    def vitals() -> Vitals:
        return Vitals(
            timetable=3,
            tick_age=0.5,
            catching_up=0,
            sync=sync.status,
            backlog=writer.backlog,
            latency=writer.latency,
            stalls=0,
            answer=0.001,
        )

    return Metrics(RunTotals(MOST), vitals, {}, most=MOST)


def _runs(path: Path, writer: Writer, epoch: int, executor: Executor | None) -> Runs:
    folder, data = str(path.parent), str(path.parent / "data")
    around = Surroundings(project_dir=folder, data_dir=data, db_path=str(path), runners={}, base_env={})
    carrier = executor or LocalExecutor(Launcher(), around, slots=4)
    return Runs(
        conn=connect(path),
        writer=writer,
        executors=Executors([carrier], lambda _spec: carrier.name, RunOrigin.here(path)),
        clock=SystemClock(),
        epoch=epoch,
        logs=Logs(data, LOG_SIZE),
    )
