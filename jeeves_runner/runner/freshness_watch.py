"""Tells of data that is older than its node says, and that it is new again.

It looks at what is: after a crash the next look finds what there was to find.
"""

import logging
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.graph.freshness import Expected, stale
from jeeves_runner.db import freshness, revisions
from jeeves_runner.db.freshness import OpenStale
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.transaction import snapshot
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.rounds import in_rounds

log = logging.getLogger(__name__)

_LOOK: Final = 5.0
"""Seconds between two looks."""


class _Seen(NamedTuple):
    """What a look has read."""

    revision: int
    nodes: list[Expected]
    open: list[OpenStale]


class FreshnessWatch:
    """``tell``: the addresses where it is told of data that no job writes. ``reads`` is its own."""

    def __init__(self, *, reads: ThreadReads, writer: Writer, clock: Clock, tell: tuple[str, ...]) -> None:
        self._reads = reads
        self._writer = writer
        self._clock = clock
        self._tell = tell
        self._revision = -1
        # Of some of these there may be no incident: no job that writes them wants to hear of it.
        self._reported: set[str] = set()

    async def run(self) -> None:
        """Look until cancelled. A look that fails is told once, and the next one makes up for it."""
        await in_rounds(
            self.look,
            _LOOK,
            log,
            failed="stale data could not be noted",
            over="stale data is looked after again",
        )

    async def look(self) -> None:
        """Note what is stale now, and what is no longer."""
        seen = await self._reads.read(_seen)
        if seen.revision != self._revision:  # who hears of it may have changed
            self._reported.clear()
            self._revision = seen.revision
        found = {each.node for each in stale(seen.nodes, self._clock.now())}
        known = {each.node for each in seen.open if each.is_told}
        opened = sorted(found - known - self._reported)
        expected = {each.node for each in seen.nodes}
        dropped = [each for each in seen.open if each.node not in expected]
        over = [each for each in seen.open if each.node in expected and each.node not in found]
        if opened or over or dropped:
            await self._writer.write(lambda tx: freshness.note(tx, opened, over, dropped, self._tell))
        self._reported = (self._reported | set(opened)) & found

    async def close(self, patience: float) -> bool:
        """End what is being read; False if that took over ``patience`` seconds."""
        return await self._reads.close(patience)


def _seen(conn: apsw.Connection) -> _Seen:
    with snapshot(conn):
        return _Seen(revisions.head(conn), freshness.expected(conn), freshness.open_incidents(conn))
