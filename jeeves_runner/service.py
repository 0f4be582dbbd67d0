"""The runner as a whole: every part is made here and handed what it needs, started and stopped in order."""

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import apsw

from jeeves_runner.api.guard import check_host
from jeeves_runner.api.server import listen, url_of
from jeeves_runner.api.services import ApiServices
from jeeves_runner.api.ways_in import WaysIn
from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.core.schedule.schedule import warm_up
from jeeves_runner.dashboard.routes import DASHBOARD
from jeeves_runner.db.ballast import Ballast
from jeeves_runner.db.connection import connect
from jeeves_runner.db.runner import RunnerLock, set_addresses
from jeeves_runner.db.thread_reads import ThreadReads, close_in_thread
from jeeves_runner.db.writer import STOP_PATIENCE, Writer
from jeeves_runner.errors import Fenced
from jeeves_runner.execute.registry import Executors
from jeeves_runner.executors import make_executors, make_gateway
from jeeves_runner.measuring import Measuring
from jeeves_runner.reconcile.apply import Applied, check_source
from jeeves_runner.reconcile.planner import PlannerSetup
from jeeves_runner.reconcile.planner_process import PlannerProcess
from jeeves_runner.reconcile.reconciler import Reconciler
from jeeves_runner.reconcile.setup import planner_setup
from jeeves_runner.runner.carrier import Carrier
from jeeves_runner.runner.claim_waits import ClaimWaits
from jeeves_runner.runner.clock_watch import Begun, ClockWatch, begin_with_clock, wait_for_the_clock
from jeeves_runner.runner.config_watch import ConfigWatch
from jeeves_runner.runner.data_folder import lock_data_folder, make_data_folder
from jeeves_runner.runner.database_files import WalUpkeep, file_is_lost, warn_of_access
from jeeves_runner.runner.epoch import (
    become_runner,
    begin_unless_stopped,
    end_writing,
    say_stopping,
    take_lock,
)
from jeeves_runner.runner.follower import Follower
from jeeves_runner.runner.gateway_look import look_at_gateway
from jeeves_runner.runner.interpreter import collect_garbage
from jeeves_runner.runner.leases import Leases
from jeeves_runner.runner.logging_setup import reopen_log_file
from jeeves_runner.runner.loop_watch import LoopHealth
from jeeves_runner.runner.maintenance import Maintenance
from jeeves_runner.runner.scheduler import Scheduler
from jeeves_runner.runner.signals import LOOKS, WITHOUT_MEANING, name_of
from jeeves_runner.runner.stop import SLACK, Stop
from jeeves_runner.runner.tasks import Tasks
from jeeves_runner.runner.triggers import Triggers
from jeeves_runner.runs import DiskGuard, Logs, Runs
from jeeves_runner.runs.settle import Recovered, recover_left_runs
from jeeves_runner.runs.taken_variables import TakenVariables
from jeeves_runner.side_thread import SideThread
from jeeves_runner.telling import Teller

log = logging.getLogger(__name__)

_READING = 2.0
"""Seconds in which a read that is interrupted must have ended, once the runner stops."""

_LAST_STEPS = 4.0
"""Seconds of a stop that are kept for what comes after the runs."""


class Runner:
    """One runner's parts. What ``start`` brings up, the exit stack takes down in reverse order."""

    runs: Runs
    scheduler: Scheduler
    sync: Reconciler
    triggers: Triggers
    url: str

    def __init__(
        self,
        config: Config,
        clock: Clock,
        stack: AsyncExitStack,
        open_files: int | None = None,
        *,
        stop: Stop | None = None,
        paused: bool = False,
        loop: LoopHealth | None = None,
    ) -> None:
        """``open_files``: the soft limit on open files that runs get if it is not this process's own.
        ``paused``: pause all jobs before anything else is written."""
        self._config = config
        self._clock = clock
        self._stack = stack
        self._open_files = open_files
        self._config_watch = ConfigWatch(config, clock)
        self._stop = stop or Stop(clock, config.db_path)
        self._paused = paused
        self._measuring = Measuring(config, loop or LoopHealth())
        self._tasks = Tasks(config.db_path, self.stop)
        self._tasks_to_the_end = Tasks(config.db_path, self.stop)
        self._admitting: Runs | None = None
        self._follower: Follower | None = None
        self._carrier: Carrier | None = None
        self._telling: Teller | None = None
        self._ways_in = WaysIn(DASHBOARD)

    async def start(self) -> bool:
        """Bring everything up; False if told to stop before the first job could start.

        The manifests come before the runs: what was changed or deleted while no runner ran must
        not be started by its old spec. What a dead runner has left is ended before anything is written.
        """
        config, clock, stack = self._config, self._clock, self._stack
        lock = RunnerLock(config.db_path, config.folder_mode)
        stack.callback(lock.release)
        if await self._stop.unless_asked(take_lock(lock, clock)) is None:
            return False
        Ballast(config.db_path, clock).make_room_to_start()
        listener = listen(config.host, config.port)
        stack.callback(listener.close)
        self.url = url_of(listener)
        conn = self._connect(create=True)
        stack.push_async_callback(close_in_thread, conn)
        check_host(conn, config)
        setup = planner_setup(config)
        check_source(conn, setup.source)
        make_data_folder(config)
        stack.callback(os.close, await lock_data_folder(config.data_dir, clock))
        warn_of_access(config.db_path, config.data_dir, config.folder_mode)
        await self._config_watch.warn()
        taken = TakenVariables(conn).names
        executors = make_executors(config, clock, stack, open_files=self._open_files, taken=taken)
        recovered = await self._stop.unless_asked(recover_left_runs(conn, executors, str(config.data_dir)))
        if recovered is None:
            return False
        become = partial(become_runner, planner_digest=setup.digest, paused=self._paused)
        begun = await begin_unless_stopped(
            conn, clock, lambda tx: begin_with_clock(tx, become), self._stop.asked
        )
        if begun is None or await self._stop.unless_asked(wait_for_the_clock(begun, clock)) is None:
            return False
        bring_up = self._bring_up(conn, listener, setup, executors, begun, recovered)
        return bool(await self._stop.unless_asked(bring_up))

    async def _bring_up(
        self,
        conn: apsw.Connection,
        listener: socket.socket,
        setup: PlannerSetup,
        executors: Executors,
        begun: Begun,
        recovered: Recovered,
    ) -> bool:
        config, clock, stack, epoch = self._config, self._clock, self._stack, begun.epoch
        writer = Writer(config.db_path, clock, ballast=Ballast(config.db_path, clock))
        disks = DiskGuard((config.data_dir, config.db_path.parent), config.min_free)
        await disks.look()
        runs = self.runs = self._admitting = self._make_runs(conn, writer, executors, epoch, disks)
        runs.set_api_url(self.url)
        sync = self.sync = self._make_sync(writer, setup)
        clocks = ClockWatch(
            writer=writer,
            clock=clock,
            epoch=epoch,
            on_put_right=runs.on_put_right,
            tell=config.notifications.default_on_failure,
        )
        maintenance = Maintenance(
            config=config, writer=writer, conn=self._connect(), clock=clock, time_of_age=clocks.time_of_age
        )
        carrier = self._carrier = Carrier(writer, maintenance.reads, clock, str(config.data_dir))
        reads = ThreadReads(self._connect())
        stack.push_async_callback(reads.close)
        await self._measuring.begin(reads, maintenance)
        writer.start()
        telling = self._telling = Teller(
            config, clock, writer, connect=self._connect, time_of_age=clocks.time_of_age
        )
        stack.push_async_callback(self._take_down, writer, epoch, maintenance)
        await telling.begin(begun.last_alive)
        await clocks.begin(begun, conn)
        # Before people are told that it is there: what is deleted before the first look is never missed.
        # And before there are thousands of jobs for the collector to walk.
        files = SideThread("database files")
        self._tasks.spawn("watch of the database's files", self._watch_files(runs, files))
        self._tasks.spawn("garbage collector", collect_garbage())
        await sync.look_until_settled(self._stop.asked)
        if self._stop.asked.is_set():
            return False
        scheduler = self.scheduler = Scheduler(
            conn=conn, clock=clock, runs=runs, clocks=clocks, spread_ms=config.catch_up_spread_ms
        )
        triggers = self.triggers = Triggers(conn, reads, writer, clock, runs, config.root)
        follower = self._follower = Follower(conn, changed=self._on_revision, written=self._on_commit)
        warm_up()
        await runs.start_up(recovered)
        await scheduler.load()
        local = await self._ways_in.answer(listener, self._services(conn, writer, follower))
        await writer.write(lambda tx: set_addresses(tx, epoch, self.url, local))
        self._tasks.keep("watch of the config file", self._config_watch.run)
        upkeep = WalUpkeep(writer=writer, clock=clock, db_path=config.db_path, thread=files)
        self._tasks.keep("scheduler", scheduler.run)
        triggers.keep(self._tasks, scheduler.look)
        self._measuring.keep(self._tasks, reads)
        self._tasks.keep("watch of the manifests", sync.run)
        self._tasks.keep("maintenance", maintenance.run)
        self._tasks.keep("what renamed jobs take along", carrier.run)
        self._tasks.keep("upkeep of the write-ahead log", upkeep.run)
        self._tasks.keep("watch of the disks", disks.run)
        telling.keep(
            self._tasks,
            conn,
            to_the_end=self._tasks_to_the_end,
            sync=lambda: sync.status,
            shortage=lambda: disks.shortage,
        )
        self._tasks.spawn("fence", self._watch_fence(runs))
        if (gateway := make_gateway(config)) is not None:
            self._tasks.attempt("look at the gateway", look_at_gateway(gateway))
        # Also while the runner stops: a run that it waits for can still be cancelled, and what a run has
        # claimed stays its own until it has ended.
        self._tasks_to_the_end.keep("watch of the database", follower.run)
        self._tasks_to_the_end.keep("leases", Leases(writer=writer, runs=runs).run)
        self._tasks_to_the_end.spawn("database writer", writer.watch())
        return True

    async def until_stopped(self) -> None:
        """Wait for a signal or a fault; raises the fault."""
        await self._stop.asked.wait()
        if self._stop.fault is not None:
            raise self._stop.fault

    def stop(self, fault: BaseException | None = None) -> bool:
        """Begin to stop: from here on nothing is admitted, and all that is waited for has one deadline.
        False if it has begun before."""
        runs = self._admitting
        longest = 0.0 if runs is None else runs.longest_kill_grace
        begun = self._stop.begin(self._shutdown_grace + longest + SLACK, fault)
        if begun and runs is not None:
            runs.stop_admitting()
        if begun:
            self._tasks.cancel()
        return begun

    async def _take_down(self, writer: Writer, epoch: int, maintenance: Maintenance) -> None:
        """The stop in its order: no step waits for ever, and none keeps another one from its turn."""
        self.stop()
        stop = self._stop
        shut_down = self.runs.shut_down(stop.left_of(self._shutdown_grace), stop.left(reserve=_LAST_STEPS))
        await asyncio.gather(
            self._leave_public(writer, epoch),
            self._end_looking(maintenance),
            stop.within("a run", shut_down, reserve=_LAST_STEPS - 1),
        )
        if self._telling is not None:
            await stop.within("heartbeats of jobs", self._telling.finish(), reserve=_LAST_STEPS - 1)
        await stop.within("what is kept up for the runs", self._tasks_to_the_end.end(), most=1)
        patience = min(STOP_PATIENCE, stop.left(reserve=_LAST_STEPS - 2))
        await stop.within("the writer of the database", end_writing(writer, epoch, patience))
        await stop.within("a run", self.runs.abandon(), most=1)

    async def _leave_public(self, writer: Writer, epoch: int) -> None:
        await self._stop.within("the record of the stop", say_stopping(writer, epoch))
        await self._ways_in.close(self._stop)

    async def _end_looking(self, maintenance: Maintenance) -> None:
        await self._stop.within("a task", self._tasks.end(), most=_READING)
        await self._stop.within("the look at the manifests", self.sync.close(_READING))
        await self._stop.within("housekeeping", maintenance.close(_READING))
        if self._telling is not None:
            await self._stop.within("messages", self._telling.close(_READING))

    @property
    def _shutdown_grace(self) -> float:
        return self._config.shutdown_grace_ms / 1000

    def _connect(self, *, create: bool = False) -> apsw.Connection:
        return connect(self._config.db_path, create=create, clock=self._clock, patient=False)

    def _make_runs(
        self, conn: apsw.Connection, writer: Writer, executors: Executors, epoch: int, disks: DiskGuard
    ) -> Runs:
        config = self._config
        return Runs(
            conn=conn,
            writer=writer,
            executors=executors,
            clock=self._clock,
            epoch=epoch,
            logs=Logs(str(config.data_dir), config.log_max_size),
            pools=config.pools,
            disk_full=disks,
            depth_limit=config.graph.depth,
        )

    def _make_sync(self, writer: Writer, setup: PlannerSetup) -> Reconciler:
        return Reconciler(
            source=setup.source,
            planner=PlannerProcess(setup),
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
        self.triggers.on_plan(job_ids)
        if self._carrier is not None:
            self._carrier.wake()
        if revision != self.sync.status.revision:
            self.sync.nudge()

    async def _on_commit(self) -> None:
        """After a commit of any process."""
        await self.runs.look()
        self.triggers.wake()
        if self._telling is not None:
            self._telling.wake()

    async def _on_applied(self, _applied: Applied) -> None:
        """The first apply comes before there is a follower; its jobs are loaded with all others."""
        if self._follower is not None:
            await self._follower.catch_up()

    def _services(self, conn: apsw.Connection, writer: Writer, follower: Follower) -> ApiServices:
        return ApiServices(
            conn=conn,
            clock=self._clock,
            config=self._config,
            config_file=self._config_watch,
            runs=self.runs,
            sync=self.sync,
            writer=writer,
            next_run=self.scheduler.next_of,
            moves=self.scheduler.moves,
            catching_up=self.scheduler.catching_up,
            nudge=follower.nudge,
            look_soon=follower.look_soon,
            claims=ClaimWaits(conn, self._clock, follower.tell),
            metrics=self._measuring.metrics(self.scheduler, self.sync, writer),
            began=self._clock.boottime(),
            stopping=self._stop.asked,
        )

    def on_signal(self, number: int) -> None:
        """In the event loop: obey a signal. The first to stop asks for an end in good order, a second one for
        a quick end."""
        if number in WITHOUT_MEANING:
            log.info("%s has no meaning to this runner", name_of(number))
        elif number in LOOKS:
            self._look_again(number)
        elif self.stop():
            log.info("%s: stopping; running jobs get %.0f s", name_of(number), self._shutdown_grace)
        elif self._admitting is not None:
            log.info("%s again: ending %d running jobs now", name_of(number), len(self.runs.running_ids))
            self.runs.hurry()

    def _look_again(self, number: int) -> None:
        reopen_log_file()
        log.info("%s: looking at the manifests and the database again", name_of(number))
        if self._follower is not None:
            self._follower.look_soon()
            self.sync.nudge()

    async def _watch_fence(self, runs: Runs) -> None:
        await runs.fenced.wait()
        raise Fenced(
            f"another runner has taken over {self._config.db_path}; this one has stopped its runs",
            hint="only one runner may work on a database",
        )

    async def _watch_files(self, runs: Runs, thread: SideThread) -> None:
        fenced = await file_is_lost(self._config.db_path, thread)
        runs.fence(fenced)
        raise fenced
