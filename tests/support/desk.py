"""A scheduler whose clock stands still until it is moved, and which tells what came due."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.clock import HandClock
from support.runs import Place, WriterAtOnce

from jeeves_runner.clock import to_text
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.errors import DatabaseBusy
from jeeves_runner.runner.clock_watch import ClockWatch
from jeeves_runner.runner.scheduler import Scheduler

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Recorder:
    """Takes what is due, and records it or fails as told."""

    def __init__(self) -> None:
        self.due: list[Due] = []
        self.fail = False

    def expect(self, job_ids: Sequence[str]) -> None:
        """Nothing is read beforehand."""

    def submit(self, due: Due) -> "asyncio.Future[list[Run]]":
        recorded: asyncio.Future[list[Run]] = asyncio.get_running_loop().create_future()
        if self.fail:
            recorded.set_exception(DatabaseBusy("locked"))
        else:
            self.due.append(due)
            recorded.set_result([])
        return recorded

    @property
    def times(self) -> list[tuple[str, datetime, int]]:
        return [(due.job_id, due.latest, due.count) for due in self.due]


def scheduler_of(place: Place, taken: Recorder, spread_ms: int = 0) -> Scheduler:
    clocks = ClockWatch(writer=WriterAtOnce(place), clock=place.clock, epoch=1, on_put_right=lambda: None)
    return Scheduler(conn=place.conn, runs=taken, clock=place.clock, clocks=clocks, spread_ms=spread_ms)


class Desk:
    """A scheduler whose clock stands still until it is moved."""

    def __init__(self, root: Path, *, spread_ms: int = 0) -> None:
        self.clock = HandClock(NOON - timedelta(minutes=1))
        self.place = Place(root, self.clock)
        self.taken = Recorder()
        self.scheduler = scheduler_of(self.place, self.taken, spread_ms)

    def decide(self, job_id: str, until: datetime) -> None:
        with self.place.write() as tx:
            tx.conn.execute("UPDATE jobs SET decided_until = ? WHERE id = ?", (to_text(until), job_id))


def play(scene: Coroutine[Any, Any, None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(90):
            await scene

    asyncio.run(main())


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[None]:
    loop = asyncio.create_task(desk.scheduler.run())
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


async def look_again(desk: Desk) -> None:
    """Nudge the loop and let it do what it then does: no step of it waits but for the event loop."""
    desk.scheduler.nudge()
    for _ in range(50):
        await asyncio.sleep(0)
