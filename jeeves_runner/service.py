"""The runner as a whole: every part is made here and handed what it needs, started and stopped in order."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

import apsw

from jeeves_runner.api.local_socket import open_local_socket
from jeeves_runner.api.server import HttpServer
from jeeves_runner.api.services import ApiServices
from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.core.model import CancelCause
from jeeves_runner.core.schedule.schedule import warm_up
from jeeves_runner.db.ballast import Ballast
from jeeves_runner.db.connection import connect
from jeeves_runner.db.runner import RunnerLock, begin_epoch, begin_stop, end_epoch, files_of, set_addresses
from jeeves_runner.db.transaction import translate
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import DatabaseError, Fenced, JeevesError, PortTaken
from jeeves_runner.execute.local.processes import boot_id
from jeeves_runner.execute.local.spawn import raise_open_file_limit
from jeeves_runner.executors import make_executors
from jeeves_runner.reconcile.apply import Applied, check_source
from jeeves_runner.reconcile.planner import PlannerSetup
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.reconciler import Reconciler
from jeeves_runner.reconcile.setup import planner_setup
from jeeves_runner.runner.epoch import begin_unless_stopped
from jeeves_runner.runner.follower import Follower
from jeeves_runner.runner.leases import Leases
from jeeves_runner.runner.maintenance import Maintenance
from jeeves_runner.runner.scheduler import Scheduler
from jeeves_runner.runner.start_runs import run_at_start
from jeeves_runner.runs import DiskGuard, Logs, Runs

log = logging.getLogger(__name__)

_SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that computes lets the event loop have the interpreter."""

_GARBAGE_INTERVAL = 3600.0
_NEVER = 1_000_000_000

_FILES_INTERVAL = 1.0
"""Seconds between two looks at whether the database is still the file that was opened."""

_FIRST_LOOKS = 4
"""Looks at the manifests before the jobs are loaded, should deletes be settling at each but the last."""

_HTTP_GRACE = 1.0
"""Seconds that open requests get once the runner stops."""

_SAYING = 2.0
"""Seconds that a stop waits for the database to take note of it."""


async def serve(config: Config, clock: Clock, *, ready: Callable[[str], None] = lambda _url: None) -> None:
    """Run until SIGTERM or SIGINT, or until a part fails.

    ``ready`` gets the address once jobs are scheduled and HTTP answers. Raises JeevesError for
    what keeps the runner from starting (the port, the lock, the database, another source) and
    Fenced when another runner took over.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)
    open_files = raise_open_file_limit()
    async with AsyncExitStack() as stack:
        runner = Runner(config, clock, stack, open_files)
        if await runner.start():
            ready(runner.url)
            await runner.until_stopped()


class Runner:
    """One runner's parts. What ``start`` brings up, the exit stack takes down in reverse order."""

    runs: Runs
    scheduler: Scheduler
    sync: Reconciler
    url: str

    def __init__(
        self, config: Config, clock: Clock, stack: AsyncExitStack, open_files: int | None = None
    ) -> None:
        """``open_files``: the soft limit on open files that runs get if it is not this process's own."""
        self._config = config
        self._clock = clock
        self._stack = stack
        self._open_files = open_files
        self._stop = asyncio.Event()
        self._fault: BaseException | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._tasks_to_the_end: list[asyncio.Task[None]] = []
        self._hurried: set[asyncio.Future[Any]] = set()
        self._follower: Follower | None = None

    async def start(self) -> bool:
        """Bring everything up; False if told to stop before the first job could start.

        The manifests come before the runs: what was changed or deleted while no runner ran must
        not be started by its old spec.
        """
        config, clock, stack = self._config, self._clock, self._stack
        lock = RunnerLock(config.db_path)
        lock.acquire()
        stack.callback(lock.release)
        listener = _listen(config)
        stack.callback(listener.close)
        self.url = _url(listener)
        conn = self._connect(create=True)
        setup = planner_setup(config)
        check_source(conn, setup.source)
        self._catch_signals(lambda _number: self._stop.set())
        epoch = await begin_unless_stopped(
            conn, clock, lambda tx: begin_epoch(tx, os.getpid(), boot_id(), setup.digest), self._stop
        )
        if epoch is None:
            return False
        writer = Writer(config.db_path, clock, ballast=Ballast(config.db_path, clock))
        writer.start()
        stack.push_async_callback(writer.stop)
        stack.push_async_callback(_say_goodbye, writer, epoch)
        runs = self.runs = self._make_runs(conn, writer, epoch)
        runs.set_api_url(self.url)
        self._catch_signals(partial(self._on_signal, runs))
        sync = self.sync = self._make_sync(writer, setup)
        maintenance = self._make_maintenance(writer)
        stack.push_async_callback(_end_tasks, self._tasks_to_the_end)
        stack.push_async_callback(runs.shut_down, config.shutdown_grace_ms / 1000)
        stack.push_async_callback(_end_tasks, self._tasks)
        await self._look_at_manifests(sync)
        if self._stop.is_set():
            return False
        scheduler = self.scheduler = Scheduler(conn=conn, clock=clock, runs=runs)
        follower = self._follower = Follower(conn, changed=self._on_revision, written=runs.look)
        warm_up()
        await runs.start_up()
        await scheduler.load()
        local = await self._answer_http(listener, self._services(conn, writer, scheduler, follower))
        await writer.write(lambda tx: set_addresses(tx, epoch, self.url, local))
        self._spawn("scheduler", scheduler.run())
        self._spawn("runs at the start", run_at_start(conn, runs, clock, caught_up=scheduler.look))
        self._spawn("watch of the manifests", sync.run())
        # Also while the runner stops: a run that it waits for can still be cancelled.
        self._spawn("watch of the database", follower.run(), self._tasks_to_the_end)
        self._spawn("maintenance", maintenance.run())
        # What a run has claimed stays its own until it has ended, also while the runner stops.
        self._spawn("leases", Leases(writer=writer, runs=runs).run(), self._tasks_to_the_end)
        self._spawn("database writer", writer.watch(), self._tasks_to_the_end)
        self._spawn("fence", self._watch_fence(runs))
        self._spawn("watch of the database's files", self._watch_files(runs))
        self._spawn("garbage collector", _collect_garbage())
        stack.push_async_callback(_say_stopping, writer, epoch)
        return True

    async def until_stopped(self) -> None:
        """Wait for a signal or a fault; raises the fault."""
        await self._stop.wait()
        if self._fault is not None:
            raise self._fault

    async def _look_at_manifests(self, sync: Reconciler) -> None:
        """Look until no delete settles any more, so that no job starts whose manifest has gone.

        A folder that goes on changing is not waited for.
        """
        for _ in range(_FIRST_LOOKS):
            await sync.look()
            if (settling := sync.settling()) is None or self._stop.is_set():
                return
            log.info("deletes in the manifests are settling; the jobs come in %.0f s", settling)
            with suppress(TimeoutError):
                async with asyncio.timeout(settling):
                    await self._stop.wait()

    def _connect(self, *, create: bool = False) -> apsw.Connection:
        conn = connect(self._config.db_path, create=create, clock=self._clock, patient=False)
        self._stack.callback(conn.close)
        return conn

    def _make_runs(self, conn: apsw.Connection, writer: Writer, epoch: int) -> Runs:
        config = self._config
        config.data_dir.mkdir(parents=True, exist_ok=True)
        return Runs(
            conn=conn,
            writer=writer,
            executors=make_executors(config, self._clock, self._stack, open_files=self._open_files),
            clock=self._clock,
            epoch=epoch,
            logs=Logs(str(config.data_dir), config.log_max_size),
            pools=config.pools,
            disk_full=DiskGuard(config.data_dir, config.min_free, self._clock),
        )

    def _make_maintenance(self, writer: Writer) -> Maintenance:
        return Maintenance(config=self._config, writer=writer, conn=self._connect(), clock=self._clock)

    def _make_sync(self, writer: Writer, setup: PlannerSetup) -> Reconciler:
        planner = PlannerProcess(setup)
        self._stack.callback(planner.close)
        return Reconciler(
            source=setup.source,
            planner=planner,
            writer=writer,
            conn=self._connect(),
            clock=self._clock,
            applied=self._on_applied,
            interval=self._config.sync.interval_ms / 1000,
            automatic=self._config.sync.mode == "auto",
        )

    async def _on_revision(self, revision: int, job_ids: Sequence[str]) -> None:
        """After an apply by any process: jobs have changed, and so has what the manifests differ in."""
        await self.runs.on_plan(job_ids)
        await self.scheduler.on_plan(job_ids)
        if revision != self.sync.status.revision:
            self.sync.nudge()

    async def _on_applied(self, _applied: Applied) -> None:
        """The first apply comes before there is a follower; its jobs are loaded with all others."""
        if self._follower is not None:
            await self._follower.catch_up()

    def _services(
        self, conn: apsw.Connection, writer: Writer, scheduler: Scheduler, follower: Follower
    ) -> ApiServices:
        return ApiServices(
            conn=conn,
            clock=self._clock,
            config=self._config,
            runs=self.runs,
            sync=self.sync,
            writer=writer,
            next_run=scheduler.next_of,
            nudge=follower.nudge,
            started_at=self._clock.now(),
            stopping=self._stop,
        )

    async def _answer_http(self, listener: socket.socket, services: ApiServices) -> str | None:
        """Answer on TCP and on the Unix socket, whose path this returns; None if it can have none."""
        local = open_local_socket(self._config.data_dir, self._config.db_path)
        if local is not None:
            self._stack.callback(local.close)
        server = HttpServer(services, grace=_HTTP_GRACE)
        self._stack.push_async_callback(server.close)
        await server.start(listener, *([] if local is None else [local.listener]))
        return None if local is None else str(local.path)

    def _catch_signals(self, handler: Callable[[signal.Signals], None]) -> None:
        """Have the handler called from now on, in the place of an earlier one."""
        # A parent that ignores it would have the kernel take the exit status of every run.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, handler, number)
            self._stack.callback(loop.remove_signal_handler, number)

    def _on_signal(self, runs: Runs, number: signal.Signals) -> None:
        """The first asks for an end in good order, a second one for a quick end."""
        if not self._stop.is_set():
            log.info(
                "%s: stopping; running jobs get %.0f s", number.name, self._config.shutdown_grace_ms / 1000
            )
            self._stop.set()
            return
        log.info("%s again: ending %d running jobs now", number.name, len(runs.running_ids))
        for run_id in runs.running_ids:
            self._hurried.add(asyncio.ensure_future(runs.cancel(run_id, CancelCause.SHUTDOWN)))

    def _spawn(
        self, name: str, work: Coroutine[Any, Any, None], among: list[asyncio.Task[None]] | None = None
    ) -> None:
        """Keep ``work`` going; if it fails, the runner stops rather than go on half alive."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._on_end)
        (self._tasks if among is None else among).append(task)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (fault := task.exception()) is None:
            return
        fault = self._in_our_words(fault)
        if not isinstance(fault, JeevesError):
            log.error("the %s failed; stopping", task.get_name(), exc_info=fault)
        elif not isinstance(fault, Fenced):
            log.error("the %s failed; stopping: %s", task.get_name(), fault)
        self._fault = self._fault or fault
        self._stop.set()

    def _in_our_words(self, fault: BaseException) -> BaseException:
        """The fault as it came, without a task group around it, or what is wrong with the database's file."""
        while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
            fault = fault.exceptions[0]
        return translate(fault, str(self._config.db_path)) or fault

    async def _watch_fence(self, runs: Runs) -> None:
        await runs.fenced.wait()
        raise Fenced(
            f"another runner has taken over {self._config.db_path}; this one has stopped its runs",
            hint="only one runner may work on a database",
        )

    async def _watch_files(self, runs: Runs) -> None:
        """Stop once the database, its WAL or its lock is deleted or replaced: another runner could start
        then, and another program write what this one never sees."""
        path = self._config.db_path
        opened = files_of(path)
        while (found := files_of(path)) == opened:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_FILES_INTERVAL)
        gone = next(file for file, identity in opened.items() if found[file] != identity)
        fenced = Fenced(
            f"{gone} was {'replaced' if found[gone] else 'deleted'} while this runner worked with it;"
            " it has ended its runs",
            hint="start it again: it takes up the database that is there then",
        )
        runs.fence(fenced)
        raise fenced


def _listen(config: Config) -> socket.socket:
    """The socket HTTP will answer on, bound before anything else is touched."""
    family = socket.AF_INET6 if config.host == "::1" else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.host, config.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"cannot listen on {config.host}:{config.port}: {error.strerror}",
            hint="another runner may be using it; set another port in jeeves-runner.yaml",
        ) from None
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _collect_garbage() -> None:
    """Full collections at leisure: left to itself, Python walks thousands of rows just when a large
    plan has made many new ones, and the event loop stands still meanwhile."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)
    while True:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        await asyncio.sleep(_GARBAGE_INTERVAL)


async def _end_tasks(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _say_stopping(writer: Writer, epoch: int) -> None:
    """Let the commands know, which look in the database. A stop neither depends on it nor waits long."""
    try:
        async with asyncio.timeout(_SAYING):
            await writer.write(lambda tx: begin_stop(tx, epoch))
    except (TimeoutError, DatabaseError) as error:
        log.warning("that this runner is stopping could not be recorded: %s", str(error) or "in time")


async def _say_goodbye(writer: Writer, epoch: int) -> None:
    try:
        await writer.write(lambda tx: end_epoch(tx, epoch))
    except Fenced:
        log.info("not recording the end: another runner is recorded already")
    except DatabaseError as error:
        log.error("the end of this runner could not be recorded: %s", error)
