"""Tells of queue items that have failed for good.

It looks at what has not been told yet: after a crash the next look tells it.
"""

import logging
from typing import Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db import dead_letters
from jeeves_runner.db.overrides import is_muted
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.rounds import in_rounds

log = logging.getLogger(__name__)

_LOOK: Final = 2.0
"""Seconds between two looks."""


class DeadLetterWatch:
    """``tell``: the addresses where it is told of queues that no manifest declares. ``conn`` is read in the
    event loop."""

    def __init__(self, *, conn: apsw.Connection, writer: Writer, clock: Clock, tell: tuple[str, ...]) -> None:
        self._conn = conn
        self._writer = writer
        self._clock = clock
        self._tell = tell

    async def run(self) -> None:
        """Look until cancelled. A look that fails is told once, and the next one makes up for it."""
        await in_rounds(
            self.look,
            _LOOK,
            log,
            failed="dead letters could not be told",
            over="dead letters are looked after again",
        )

    async def look(self) -> None:
        """Tell of what is due."""
        now = self._clock.now()
        while dead_letters.due(self._conn, now) and not is_muted(self._conn, None, now):
            if not await self._writer.write(lambda tx: dead_letters.tell(tx, self._tell)):
                break
