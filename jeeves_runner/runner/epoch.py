"""Becoming the runner of a database, and ceasing to be it: the first write and the last ones.

Each may have to wait for another process, and none of them longer than a stop allows.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import TypeVar

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.origin import Actor, AppliedBy
from jeeves_runner.db import overrides
from jeeves_runner.db.connection import Tx, transaction
from jeeves_runner.db.run_requests import withdraw_force
from jeeves_runner.db.runner import (
    LOCK_INTERVAL,
    LOCK_PATIENCE,
    RunnerLock,
    begin_epoch,
    begin_stop,
    end_epoch,
)
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import DatabaseBusy, DatabaseError, RunnerActive
from jeeves_runner.execute.local.processes import boot_id

T = TypeVar("T")

log = logging.getLogger(__name__)

WARN_AFTER = 10.0
"""Seconds of waiting before a warning is logged; a backup or another command takes less."""

_ATTEMPT = 0.5
"""Seconds that one attempt waits for the lock; between two attempts a stop is noticed."""

_SAYING = 2.0
"""Seconds that a stop waits for the database to take note of it."""


async def take_lock(lock: RunnerLock, clock: Clock) -> bool:
    """Take the runner's lock, also if a command has it for a moment; answers True.

    Raises RunnerActive if another runner has it, and DatabaseBusy for a command that does not end.
    """
    began, warned = clock.monotonic(), False
    while True:
        try:
            lock.acquire()
        except (RunnerActive, DatabaseBusy) as error:
            if not lock.is_soon_free() or clock.monotonic() - began >= LOCK_PATIENCE:
                raise
            if not warned:
                warned = True
                log.info("the start waits up to %.0f s: %s", LOCK_PATIENCE, error.message)
        else:
            return True
        await asyncio.sleep(LOCK_INTERVAL)


def become_runner(tx: Tx, planner_digest: str, *, paused: bool) -> int:
    """Make this process the runner; the new epoch.

    ``paused``: from here on all jobs are paused until they are resumed, what was forced and waits as well.
    """
    if paused:
        overrides.pause(tx, None, until=None, reason="serve --paused", by=Actor(AppliedBy.CLI))
        withdraw_force(tx)
    return begin_epoch(tx, os.getpid(), boot_id(), planner_digest)


async def begin_unless_stopped(
    conn: apsw.Connection, clock: Clock, begin: Callable[[Tx], T], stop: asyncio.Event
) -> T | None:
    """What ``begin`` answers, which makes this process the runner.

    Waits for as long as another process locks the database.
    None when ``stop`` came first. The writer cannot do this: once it has accepted a write, a stop
    does not withdraw it.
    """

    def attempt() -> T:
        with transaction(conn, clock, patience=_ATTEMPT) as tx:
            return begin(tx)

    warned, began = False, clock.monotonic()
    while not stop.is_set():
        try:
            return await asyncio.to_thread(attempt)
        except DatabaseBusy:
            if not warned and clock.monotonic() - began >= WARN_AFTER:
                warned = True
                log.warning(
                    "another process has locked %s for over %.0f s, and the runner waits for it: end it"
                    " (`fuser FILE` names it), or stop this one with Ctrl-C",
                    conn.filename,
                    WARN_AFTER,
                )
    return None


async def say_stopping(writer: Writer, epoch: int) -> None:
    """Let the commands know, which look in the database. A stop neither depends on it nor waits long."""
    try:
        async with asyncio.timeout(_SAYING):
            await writer.write(lambda tx: begin_stop(tx, epoch))
    except (TimeoutError, DatabaseError) as error:
        log.warning("that this runner is stopping could not be recorded: %s", str(error) or "in time")


async def end_writing(writer: Writer, epoch: int, patience: float) -> bool:
    """Record the end of this runner and everything accepted before, for ``patience`` seconds at most; False
    if the writer itself does not end. What is not recorded then the next start settles."""
    goodbye = asyncio.ensure_future(writer.write(lambda tx: end_epoch(tx, epoch)))
    await asyncio.sleep(0)  # it is accepted before the writer stops
    if not await writer.stop(patience):
        goodbye.cancel()
        return False
    try:
        await goodbye
    except DatabaseError as error:
        log.error("the end of this runner could not be recorded: %s", error)
    return True
