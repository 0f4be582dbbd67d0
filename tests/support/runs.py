"""A runner without manifests: jobs written straight into a database, real processes, real commits."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import apsw
from support.db import database
from support.specs import canonical

from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.core.edge_spec import edges_in
from jeeves_runner.core.model import JobSpec, RunStatus, SourceType, Trigger
from jeeves_runner.core.plan import Action, Change, Plan
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.core.spec_texts import spec_hash
from jeeves_runner.db import after, declared_jobs, edges, revisions, runs
from jeeves_runner.db.connection import connect, transaction
from jeeves_runner.db.run_ends import cancel_waiting_of_stopped_jobs
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError
from jeeves_runner.execute.contract import Executor
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.processes import boot_id
from jeeves_runner.execute.local.roster import Roster
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runner.clock_watch import ClockWatch
from jeeves_runner.runner.scheduler import Scheduler
from jeeves_runner.runs import Logs, Runs

T = TypeVar("T")

HOLD = "exec sleep 60"
SECONDLY = parse_schedule(("* * * * * *",), "UTC", "test")


def job(job_id: str, command: str = "true", **fields: Any) -> JobSpec:
    """A job that runs a line of shell."""
    return JobSpec(id=job_id, name=job_id, source_type=SourceType.INLINE, script=command, **fields)


def until_there(path: Path) -> str:
    """Shell that waits for a file."""
    return f"until test -e {path}; do sleep 0.02; done"


class Place:
    """A folder with a database, and the acts of other programs on it."""

    def __init__(self, root: Path, clock: Clock | None = None) -> None:
        self.root = root
        self.path = root / "runner.sqlite"
        self.clock = clock or SystemClock()
        self.conn = database(self.path)

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction of another program."""
        with transaction(self.conn, self.clock) as tx:
            yield tx

    def apply(self, *specs: JobSpec, delete: tuple[str, ...] = ()) -> list[str]:
        """Create or update jobs, and delete others; the ids."""
        changes = [_change(spec) for spec in specs]
        with self.write() as tx:
            plan = Plan(changes=tuple(changes))
            revision = revisions.insert_revision(tx, plan, "cli", None)
            declared_jobs.TABLE.upsert(tx, changes, revision)
            declared_jobs.TABLE.tombstone(tx, delete, revision)
            ids = [*(spec.id for spec in specs), *delete]
            changes += (
                Change(action=Action.DELETE, kind="job", id=name, file=f"{name}.yaml", line=1)
                for name in delete
            )
            edges.write(tx, changes)
            after.declare(tx, changes)
            cancel_waiting_of_stopped_jobs(tx, ids)
        return ids

    def request(self, job_id: str, params: Mapping[str, object] | None = None, forced: bool = False) -> Run:
        """A request by the command line; nothing tells the runner of it."""
        with self.write() as tx:
            wanted = RunRequest(job_id=job_id, trigger=Trigger.MANUAL, params=params, forced=forced)
            run = runs.run(tx.conn, request_run(tx, wanted))
        assert run is not None
        return run

    def runs(self, job_id: str | None = None) -> list[Run]:
        """All rows, oldest first."""
        ids = [i for (i,) in self.conn.execute("SELECT id FROM runs ORDER BY id")]
        found = [run for i in ids if (run := runs.run(self.conn, i)) is not None]
        return [run for run in found if job_id in (None, run.job_id)]

    def story(self, job_id: str | None = None) -> list[str]:
        """``status`` or ``status: reason`` of all rows, oldest first."""
        return [f"{r.status}: {r.reason}" if r.reason else str(r.status) for r in self.runs(job_id)]

    def time_has_come(self, job_id: str) -> bool:
        """Whether the newest run of a job has a time before which it does not start, and that is over."""
        until = self.runs(job_id)[-1].not_before
        return until is not None and until < self.clock.now()

    def value(self, query: str, *bindings: object) -> Any:
        row = self.conn.execute(query, bindings).fetchone()
        return None if row is None else row[0]

    @property
    def logs(self) -> Logs:
        return Logs(str(self.root / "data"), 1 << 20)

    def held(self, then: str = "exit 0") -> str:
        """Shell that goes on when the test says ``go``, however long that takes it."""
        return f"{until_there(self.root / 'go')}; {then}"

    def go(self) -> None:
        """Let the programs of ``held`` go on."""
        (self.root / "go").touch()

    def local(self, slots: int, drain: float = 1.0) -> LocalExecutor:
        """An executor of scripts in this folder."""
        around = Surroundings(
            project_dir=str(self.root),
            data_dir=str(self.root / "data"),
            db_path=str(self.path),
            runners={},
            base_env=dict(os.environ),
        )
        return LocalExecutor(Launcher(self.clock, drain=drain, roster=Roster(self.path)), around, slots=slots)


class WriterAtOnce:
    """Stands in for the runner's writer where nothing else writes: each write is committed at once."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def submit(
        self, op: Callable[[Tx], T], *, durable: bool = True, priority: Priority = Priority.OTHER
    ) -> "asyncio.Future[T]":
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            with self._place.write() as tx:
                answer.set_result(op(tx))
        except DatabaseError as error:
            answer.set_exception(error)
        return answer


class WatchedWriter(Writer):
    """A writer that tells a test after each commit that was waited for.

    ``failing``: the priorities of which the next write fails, once each.
    """

    def __init__(self, path: Path, clock: Clock, committed: Callable[[], None]) -> None:
        super().__init__(path, clock)
        self._committed = committed
        self.failing: set[Priority] = set()

    def submit(
        self, op: Callable[[Tx], T], *, durable: bool = True, priority: Priority = Priority.OTHER
    ) -> "asyncio.Future[T]":
        if priority in self.failing:
            self.failing.remove(priority)
            failed: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            failed.set_exception(DatabaseError("the disk is full"))
            return failed
        answer = super().submit(op, durable=durable, priority=priority)
        answer.add_done_callback(lambda _answer: self._committed())
        return answer


def in_a_task(write: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., "asyncio.Task[T]"]:
    """What stands in for ``Writer.submit`` and may wait before it hands a write over."""

    def submit(*args: Any, **options: Any) -> "asyncio.Task[T]":
        return asyncio.get_running_loop().create_task(write(*args, **options))

    return submit


class Rig:
    """A started runner on a place."""

    def __init__(
        self,
        place: Place,
        writer: WatchedWriter,
        epoch: int,
        conn: apsw.Connection,
        *,
        max_concurrency: int = 4,
        executor: Executor | None = None,
        others: Sequence[Executor] = (),
        choose: Callable[[JobSpec], str] | None = None,
        **options: Any,
    ) -> None:
        self.place = place
        self.writer = writer
        self.epoch = epoch
        self.executor = place.local(max_concurrency) if executor is None else executor
        self.runs = Runs(
            conn=conn,
            writer=writer,
            executors=Executors(
                [self.executor, *others],
                choose or (lambda _spec: self.executor.name),
                RunOrigin.here(place.path),
            ),
            clock=place.clock,
            epoch=epoch,
            logs=place.logs,
            **options,
        )
        self.committed = asyncio.Event()

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait for a condition that commits bring about: this runner's, or (looked for) those of all."""
        async with asyncio.timeout(45):
            while not what():
                self.committed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self.committed.wait()

    async def until_story(self, job_id: str, *story: str) -> None:
        await self.until(lambda: self.place.story(job_id) == list(story))

    async def until_the_program_exits(self) -> None:
        """Wait for the exit of the only program that runs, which may not be recorded yet."""
        (attempt,) = self.runs._board.running()
        async with asyncio.timeout(45):
            while not (attempt.execution and attempt.execution.has_ended()):  # noqa: ASYNC110 - it is not announced
                await asyncio.sleep(0.01)

    def scheduler(self, conn: apsw.Connection) -> Scheduler:
        """What hands due occurrences to this runner."""
        clock = self.place.clock
        clocks = ClockWatch(
            writer=self.writer, clock=clock, epoch=self.epoch, on_put_right=self.runs.on_put_right
        )
        return Scheduler(conn=conn, runs=self.runs, clock=clock, clocks=clocks)

    async def finish(self, job_id: str, params: Mapping[str, str] | None = None) -> Run:
        """Trigger a job and wait for its end."""
        run = await self.runs.request(job_id, params)
        return await self.runs.wait(run.id)

    async def stop_as_it_starts(self, job_id: str) -> None:
        """Ask for a run and stop while the commit of its start waits for another program's lock."""
        self.place.conn.execute("BEGIN IMMEDIATE")
        asked = asyncio.create_task(self.runs.request(job_id))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is decided about, and its start waits for the lock
        down = asyncio.create_task(self.runs.shut_down(60))
        await asyncio.sleep(0)
        self.place.conn.execute("ROLLBACK")
        assert (await asked).status is RunStatus.RUNNING
        async with asyncio.timeout(30):
            await down

    def status(self, run_id: int) -> RunStatus:
        run = runs.run(self.place.conn, run_id)
        assert run is not None
        return run.status


@asynccontextmanager
async def running(
    place: Place, *, started: bool = True, watch: Callable[[], None] | None = None, **options: Any
) -> AsyncIterator[Rig]:
    """A runner that is shut down at the end of the block; ``watch`` is called after its commits."""
    conn = connect(place.path)
    watchers = [] if watch is None else [watch]

    def committed() -> None:
        for tell in watchers:
            tell()

    async with WatchedWriter(place.path, place.clock, committed) as writer:
        epoch = await writer.write(lambda tx: begin_epoch(tx, os.getpid(), boot_id()))
        rig = Rig(place, writer, epoch, conn, **options)
        watchers.append(rig.committed.set)
        if started:
            await rig.runs.start_up()
        try:
            yield rig
        finally:
            await rig.runs.shut_down(0)
    conn.close()


def with_runner(place: Place, scenario: Callable[[Rig], Awaitable[T]], **options: Any) -> T:
    """What the scenario returns, given a runner that is shut down afterwards."""

    async def main() -> T:
        async with asyncio.timeout(100):
            async with running(place, **options) as rig:
                result: T = await scenario(rig)
                return result

    return asyncio.run(main())


def due_now(place: Place, job_id: str, second: int = 0) -> Due:
    """One occurrence that is on time; ``second`` tells several of one test apart."""
    when = place.clock.now().replace(microsecond=0) + timedelta(seconds=second)
    return Due(job_id=job_id, schedule=SECONDLY, first=when, latest=when, count=1)


async def occur(rig: Rig, job_id: str, second: int = 0) -> None:
    await rig.runs.submit(due_now(rig.place, job_id, second))


def at(text: str) -> datetime:
    """A time of 2026 in UTC: ``03-01 12:00``."""
    return datetime.fromisoformat(f"2026-{text}+00:00")


def _change(spec: JobSpec) -> Change:
    text = canonical(spec)
    return Change(
        action=Action.UPDATE,
        kind="job",
        id=spec.id,
        file=f"{spec.id}.yaml",
        line=1,
        text=text,
        digest=spec_hash(text),
        edges=edges_in(json.loads(text)),
    )
