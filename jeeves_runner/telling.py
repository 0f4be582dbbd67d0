"""All by which a runner tells people, put together: what notices, and what delivers."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import apsw

from jeeves_runner.channels import ChannelMaker, links_of
from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.db import alerting
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.writer import Writer
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.notify.token import Place, Token
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.runner.alert_watch import AlertWatch, tell_of_gap
from jeeves_runner.runner.clock_watch import NOTED
from jeeves_runner.runner.dead_letter_watch import DeadLetterWatch
from jeeves_runner.runner.delivery import Delivery
from jeeves_runner.runner.freshness_watch import FreshnessWatch
from jeeves_runner.runner.heartbeats import JobHeartbeats, RunnerHeartbeat
from jeeves_runner.runner.lateness_watch import LatenessWatch
from jeeves_runner.runner.tasks import Tasks

_LAST_CALLS: Final = 2.0
"""Seconds of a stop in which heartbeats of what has ended are called."""


class Teller:
    """The parts, made from the config. ``connect`` makes a connection for each that reads beside the event
    loop."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        writer: Writer,
        *,
        connect: Callable[[], apsw.Connection],
        time_of_age: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._clock = clock
        self._writer = writer
        self._heartbeats: JobHeartbeats | None = None
        self._died_at: datetime | None = None
        self._delivery = Delivery(
            conn=connect(),
            writer=writer,
            clock=clock,
            channel=ChannelMaker(config, clock),
            links=links_of(config),
            data_dir=str(config.data_dir),
            time_of_age=time_of_age,
        )
        reads = ThreadReads(connect())
        self._freshness = FreshnessWatch(reads=reads, writer=writer, clock=clock, tell=self._tell)

    async def begin(self, last_alive: datetime | None) -> None:
        """Before anything else is written: take the outbox over, and say that no runner ran since
        ``last_alive``, if that is long ago."""
        self._died_at = None if last_alive is None else last_alive + timedelta(seconds=NOTED)
        await self._delivery.own(RunOrigin.here(self._config.db_path).as_json())
        # The config, a token or a manifest may have been corrected meanwhile.
        await self._writer.write(alerting.tell_refused)
        await tell_of_gap(self._writer, self._tell, last_alive, self._config.timezone)

    def keep(
        self,
        tasks: Tasks,
        conn: apsw.Connection,
        *,
        to_the_end: Tasks,
        sync: Callable[[], SyncStatus],
        shortage: Callable[[], str | None],
    ) -> None:
        """Keep all parts going, with ``to_the_end`` those that follow the last runs to their end. ``conn`` is
        read in the event loop."""
        clock, writer, tell = self._clock, self._writer, self._tell
        alerts = AlertWatch(conn=conn, writer=writer, clock=clock, sync=sync, shortage=shortage, tell=tell)
        tasks.keep("watch of what is wrong", alerts.run)
        tasks.keep("watch of late runs", LatenessWatch(conn=conn, writer=writer, clock=clock).run)
        dead_letters = DeadLetterWatch(conn=conn, writer=writer, clock=clock, tell=tell)
        tasks.keep("watch of dead letters", dead_letters.run)
        tasks.keep("watch of stale data", self._freshness.run)
        tasks.keep("delivery of messages", self._delivery.run)
        self._heartbeats = JobHeartbeats(
            conn=conn, writer=writer, clock=clock, root=self._config.root, died_at=self._died_at
        )
        to_the_end.keep("heartbeats of jobs", self._heartbeats.run)
        own = self._config.heartbeat
        if own.url is not None or own.url_path is not None:
            url = Token(Place("heartbeat.url_path", own.url_path, text=own.url), {})
            heartbeat = RunnerHeartbeat(
                url, own.every_ms / 1000, writer=writer, clock=clock, sync=sync, shortage=shortage
            )
            tasks.keep("heartbeat of the runner", heartbeat.run)

    def wake(self) -> None:
        """Something has been committed."""
        self._delivery.wake()
        if self._heartbeats is not None:
            self._heartbeats.wake()

    async def finish(self) -> None:
        """Call the heartbeats of the runs that have ended with this runner."""
        if self._heartbeats is not None:
            await self._heartbeats.finish(_LAST_CALLS)

    async def close(self, patience: float) -> bool:
        """End what is being read; False if that took over ``patience`` seconds."""
        ended = await asyncio.gather(self._delivery.close(patience), self._freshness.close(patience))
        return all(ended)

    @property
    def _tell(self) -> tuple[str, ...]:
        return self._config.notifications.default_on_failure
