"""Becoming the runner of a database: the first write, which may have to wait for another process."""

import asyncio
import logging
from collections.abc import Callable

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.connection import Tx, transaction
from jeeves_runner.errors import DatabaseBusy

log = logging.getLogger(__name__)

WARN_AFTER = 10.0
"""Seconds of waiting before a warning is logged; a backup or another command takes less."""

_ATTEMPT = 0.5
"""Seconds that one attempt waits for the lock; between two attempts a stop is noticed."""


async def begin_unless_stopped(
    conn: apsw.Connection, clock: Clock, begin: Callable[[Tx], int], stop: asyncio.Event
) -> int | None:
    """The epoch that ``begin`` records; waits for as long as another process locks the database.

    None when ``stop`` came first. The writer cannot do this: once it has accepted a write, a stop
    does not withdraw it.
    """

    def attempt() -> int:
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
