"""Due occurrences reach the runs: on time, after changes, after gaps and steps of the clock."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.clock import HandClock
from support.runs import Place, Rig, WriterAtOnce, job, with_runner

from jeeves_runner.clock import Slice, to_text
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db.connection import connect
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


def scheduler_of(place: Place, taken: Recorder) -> Scheduler:
    clocks = ClockWatch(writer=WriterAtOnce(place), clock=place.clock, epoch=1, on_put_right=lambda: None)
    return Scheduler(conn=place.conn, runs=taken, clock=place.clock, clocks=clocks)


class Desk:
    """A scheduler whose clock stands still until it is moved."""

    def __init__(self, root: Path) -> None:
        self.clock = HandClock(NOON - timedelta(minutes=1))
        self.place = Place(root, self.clock)
        self.taken = Recorder()
        self.scheduler = scheduler_of(self.place, self.taken)

    def decide(self, job_id: str, until: datetime) -> None:
        with self.place.write() as tx:
            tx.conn.execute("UPDATE jobs SET decided_until = ? WHERE id = ?", (to_text(until), job_id))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def play(scene: Coroutine[Any, Any, None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await scene

    asyncio.run(main())


def test_a_job_is_due_at_its_time_and_not_before(desk: Desk) -> None:
    desk.place.apply(job("hourly", schedule=("0 * * * *",)), job("by-hand"))

    async def scene() -> None:
        await desk.scheduler.load()
        await desk.scheduler.look()
        assert desk.taken.times == []
        assert desk.scheduler.next_of("hourly") == NOON
        assert desk.scheduler.next_of("by-hand") is None
        desk.clock.advance(minutes=1)
        await desk.scheduler.look()
        await desk.scheduler.look()
        assert desk.taken.times == [("hourly", NOON, 1)]

    play(scene())


def test_a_restart_looks_back_to_the_last_decided_occurrence(desk: Desk) -> None:
    desk.place.apply(job("hourly", schedule=("0 * * * *",)), job("new", schedule=("0 * * * *",)))
    desk.decide("hourly", NOON + timedelta(hours=1))
    desk.clock.advance(hours=4, minutes=2)

    async def scene() -> None:
        await desk.scheduler.load()
        await desk.scheduler.look()
        assert desk.taken.times == [
            ("new", NOON + timedelta(hours=4), 5),  # all since it was created
            ("hourly", NOON + timedelta(hours=4), 3),
        ]

    play(scene())


def test_a_change_of_the_schedule_takes_effect_and_forgets_the_past(desk: Desk) -> None:
    desk.place.apply(job("moved", schedule=("0 12 * * *",)))

    async def scene() -> None:
        await desk.scheduler.load()
        desk.clock.advance(hours=2)
        await desk.scheduler.on_plan(desk.place.apply(job("moved", schedule=("0 9,18 * * *",))))
        await desk.scheduler.look()
        assert desk.taken.times == []
        assert desk.scheduler.next_of("moved") == NOON + timedelta(hours=6)

    play(scene())


def test_a_change_while_all_jobs_are_loaded_is_what_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slice, "LENGTH", -1.0)  # others have their turn after each job
    desk.clock.advance(seconds=1)  # beyond the slice that the scheduler began with
    desk.place.apply(job("first", schedule=("0 * * * *",)), job("moved", schedule=("0 12 * * *",)))

    async def scene() -> None:
        loading = asyncio.create_task(desk.scheduler.load())
        await asyncio.sleep(0)  # it has read both rows, and placed the first job
        written = desk.place.apply(job("moved", schedule=("0 18 * * *",)))
        await desk.scheduler.on_plan(written)
        await loading
        assert desk.scheduler.next_of("moved") == NOON + timedelta(hours=6)

    play(scene())


def test_a_change_of_anything_else_keeps_the_timer(desk: Desk) -> None:
    desk.place.apply(job("same", "echo 1", schedule=("0 * * * *",)))

    async def scene() -> None:
        await desk.scheduler.load()
        desk.clock.advance(hours=1, minutes=1, seconds=30)  # due, and nobody has looked yet
        await desk.scheduler.on_plan(desk.place.apply(job("same", "echo 2", schedule=("0 * * * *",))))
        assert desk.scheduler.next_of("same") == NOON
        await desk.scheduler.look()
        assert desk.taken.times == [("same", NOON + timedelta(hours=1), 2)]

    play(scene())


@pytest.mark.parametrize("how", ["delete", "disable"])
def test_a_stopped_job_is_not_due_any_more_and_comes_back_without_a_past(desk: Desk, how: str) -> None:
    declared = job("stop", schedule=("0 * * * *",))
    desk.place.apply(declared)

    async def scene() -> None:
        await desk.scheduler.load()
        stopped = [] if how == "delete" else [job("stop", schedule=("0 * * * *",), enabled=False)]
        gone = ("stop",) if how == "delete" else ()
        await desk.scheduler.on_plan(desk.place.apply(*stopped, delete=gone))
        assert desk.scheduler.next_of("stop") is None
        desk.clock.advance(hours=5)
        await desk.scheduler.on_plan(desk.place.apply(declared))
        await desk.scheduler.look()
        assert desk.taken.times == []
        assert desk.scheduler.next_of("stop") == NOON + timedelta(hours=5)

    play(scene())


def test_a_watermark_far_ahead_of_the_clock_is_ignored(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.place.apply(job("hourly", schedule=("0 * * * *",)))
    desk.decide("hourly", NOON + timedelta(days=300))

    async def scene() -> None:
        await desk.scheduler.load()
        assert desk.scheduler.next_of("hourly") == NOON

    play(scene())
    assert "jobs that go on from now: 1" in caplog.text


def test_a_clock_set_back_brings_no_occurrence_twice(desk: Desk) -> None:
    desk.place.apply(job("hourly", schedule=("0 * * * *",)))
    desk.decide("hourly", NOON)

    async def scene() -> None:
        await desk.scheduler.load()
        async with running(desk):
            desk.clock.advance(minutes=30)
            await look_again(desk)
            desk.clock.set(hours=-1)
            await look_again(desk)
            assert desk.scheduler.next_of("hourly") == NOON + timedelta(hours=1)
            desk.clock.advance(minutes=59)
            await look_again(desk)

    play(scene())
    assert desk.taken.times == []


def test_a_clock_set_back_far_goes_on_from_there(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.place.apply(job("hourly", schedule=("0 * * * *",)))
    desk.decide("hourly", NOON)

    async def scene() -> None:
        await desk.scheduler.load()
        async with running(desk):
            desk.clock.set(days=-1)
            await look_again(desk)
            assert desk.scheduler.next_of("hourly") == NOON - timedelta(days=1)

    play(scene())
    assert "the clock was set back by 1d" in caplog.text


def test_a_clock_set_ahead_is_a_look_that_comes_late(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.place.apply(job("hourly", schedule=("0 * * * *",)))

    async def scene() -> None:
        await desk.scheduler.load()
        async with running(desk):
            desk.clock.set(hours=3)
            await look_again(desk)

    play(scene())
    assert desk.taken.times == [("hourly", NOON + timedelta(hours=2), 3)]
    assert "the clock was set ahead by 3h" in caplog.text


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


def test_what_could_not_be_recorded_is_due_again(desk: Desk) -> None:
    desk.place.apply(job("hourly", schedule=("0 * * * *",)))

    async def scene() -> None:
        await desk.scheduler.load()
        desk.clock.advance(minutes=2)
        desk.taken.fail = True
        await desk.scheduler.look()
        await asyncio.sleep(0)
        desk.taken.fail = False
        await desk.scheduler.look()
        assert desk.taken.times == [("hourly", NOON, 1)]

    play(scene())


def test_a_schedule_nobody_can_read_stops_no_other_job(desk: Desk) -> None:
    desk.place.apply(job("bad", schedule=("61 * * * *",)), job("good", schedule=("0 * * * *",)))

    async def scene() -> None:
        await desk.scheduler.load()
        assert desk.scheduler.next_of("good") == NOON
        assert desk.scheduler.next_of("bad") is None

    play(scene())


@pytest.mark.parametrize(
    "edit",
    [
        "spec = '{}'",
        "spec = json_remove(spec, '$.schedule')",
        "spec = json_set(spec, '$.schedule', 7)",
        "spec = json_set(spec, '$.exclude', json('[7]'))",
        "timezone = 'Nowhere'",
    ],
)
def test_a_row_damaged_by_hand_stops_no_other_job(
    desk: Desk, caplog: pytest.LogCaptureFixture, edit: str
) -> None:
    desk.place.apply(job("bad", schedule=("0 * * * *",)), job("good", schedule=("0 * * * *",)))
    with desk.place.write() as tx:
        tx.conn.execute(f"UPDATE jobs SET {edit} WHERE id = 'bad'")

    async def scene() -> None:
        await desk.scheduler.load()
        assert desk.scheduler.next_of("good") == NOON
        assert desk.scheduler.next_of("bad") is None
        assert "job bad cannot " in caplog.text

    play(scene())


def test_a_row_damaged_between_two_looks_is_off_the_timetable_until_an_apply_heals_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its times can still be read, and what is to run cannot."""
    clock = HandClock(NOON - timedelta(minutes=1))
    place = Place(tmp_path, clock)
    spec = job("bad", schedule=("0 * * * *",))
    place.apply(spec)
    with place.write() as tx:
        tx.conn.execute("UPDATE jobs SET spec = json_set(spec, '$.overlap_policy', 'no')")

    async def scenario(rig: Rig) -> None:
        with closing(connect(place.path)) as conn:
            scheduler = rig.scheduler(conn)
            await scheduler.load()
            clock.advance(minutes=2)
            for _ in range(5):
                await scheduler.look()
                await rig.runs.idle()
            assert caplog.text.count("bad was due, and nothing could be recorded") == 1
            assert scheduler.next_of("bad") is None
            written = place.apply(spec)
            await rig.runs.on_plan(written)
            await scheduler.on_plan(written)
            await scheduler.look()
            await rig.until_story("bad", "ok")
            assert scheduler.next_of("bad") == NOON + timedelta(hours=1)

    with_runner(place, scenario)


def test_what_a_look_that_failed_had_in_hand_is_due_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.place.apply(job("a", schedule=("0 * * * *",)), job("b", schedule=("0 * * * *",)))

    def fail(_due: Due) -> "asyncio.Future[list[Run]]":
        raise MemoryError

    async def scene() -> None:
        await desk.scheduler.load()
        desk.clock.advance(minutes=1)
        with monkeypatch.context() as patch:
            patch.setattr(desk.taken, "submit", fail)
            with pytest.raises(MemoryError):
                await desk.scheduler.run()
        again = asyncio.create_task(desk.scheduler.run())
        while len(desk.taken.due) < 2:  # noqa: ASYNC110 - within turns of the loop
            await asyncio.sleep(0)
        again.cancel()
        assert sorted(desk.taken.times) == [("a", NOON, 1), ("b", NOON, 1)]

    play(scene())


def test_a_database_that_takes_nothing_is_told_of_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.place.apply(job("a", schedule=("* * * * *",)), job("b", schedule=("* * * * *",)))
    caplog.set_level("INFO")

    async def scene() -> None:
        await desk.scheduler.load()
        caplog.clear()
        for desk.taken.fail in (True, True, False, True):
            desk.clock.advance(minutes=1)
            await desk.scheduler.look()
            await asyncio.sleep(0)

    play(scene())
    assert caplog.messages == [
        "nothing that is due can be recorded: locked",
        "what is due is recorded again",
        "nothing that is due can be recorded: locked",
    ]


def test_the_loop_starts_two_hundred_jobs_due_at_once(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.apply(*(job(f"j{n}", schedule=("* * * * * *",)) for n in range(200)))

    async def scenario(rig: Rig) -> None:
        with closing(connect(place.path)) as conn:
            scheduler = rig.scheduler(conn)
            await scheduler.load()
            loop = asyncio.create_task(scheduler.run())
            await rig.until(
                lambda: (
                    place.value("SELECT count(DISTINCT job_id) FROM runs WHERE started_at NOT NULL") == 200
                )
            )
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)

    with_runner(place, scenario, max_concurrency=64)
    first = {run.job_id: run for run in reversed(place.runs()) if run.started_at is not None}
    assert len(first) == 200


def test_loading_many_jobs_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.apply(*(job(f"j{n}", schedule=(f"{n % 60} {n % 24} {n % 28 + 1} * *",)) for n in range(3000)))
    stalls: list[float] = []

    async def beat() -> None:
        # In processor time: what other programs take of this machine is not the scheduler's doing.
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            stalls.append((now := time.thread_time()) - before)
            before = now

    async def scene() -> None:
        scheduler = scheduler_of(place, Recorder())
        heart = asyncio.create_task(beat())
        await scheduler.load()
        heart.cancel()
        assert len(scheduler) == 3000

    play(scene())
    assert len(stalls) > 10
    assert sorted(stalls)[len(stalls) * 9 // 10] < 0.05
