"""Becoming the runner of a database: the first write, for which another process may have to be waited for."""

import asyncio
import logging
from collections.abc import Callable

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.connection import Tx, transaction
from jeeves_runner.errors import DatabaseBusy

log = logging.getLogger(__name__)

WORTH_SAYING = 10.0
"""Seconds of waiting after which it is said; a backup or another command takes less."""

_STEP = 0.5
"""Seconds of one attempt. A stop is heeded between two of them."""


async def begin_unless_stopped(
    conn: apsw.Connection, clock: Clock, begin: Callable[[Tx], int], stop: asyncio.Event
) -> int | None:
    """The epoch that ``begin`` records, however long another process locks the database; None when
    ``stop`` came first.

    Not left to the writer: what that has been asked to write, a stop does not call off.
    """

    def attempt() -> int:
        with transaction(conn, clock, patience=_STEP) as tx:
            return begin(tx)

    said, began = False, clock.monotonic()
    while not stop.is_set():
        try:
            return await asyncio.to_thread(attempt)
        except DatabaseBusy:
            if not said and clock.monotonic() - began >= WORTH_SAYING:
                said = True
                log.warning(
                    "another process has locked %s for over %.0f s, and the runner waits for it: end it"
                    " (`fuser FILE` names it), or stop this one with Ctrl-C",
                    conn.filename,
                    WORTH_SAYING,
                )
    return None
