"""The scheduler goes on: where nothing can be recorded, where rows are damaged, and with many jobs."""

import asyncio
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import HandClock
from support.desk import NOON, Desk, Recorder, play, scheduler_of
from support.runs import Place, Rig, job, with_runner

from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.core.schedule_entry import RRule
from jeeves_runner.db.connection import connect


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


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
    stalls = _stalls_while_loading(place, 3000)
    assert len(stalls) > 10
    assert sorted(stalls)[len(stalls) * 9 // 10] < 0.05


def test_a_schedule_that_takes_long_to_search_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    place = Place(tmp_path)
    rule = "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=7;BYSECOND=9"
    place.apply(job("leap", schedule=(RRule(rule),)))
    _forget_what_was_searched()
    assert max(_stalls_while_loading(place, 1)) < 0.03  # it takes three times that


def _forget_what_was_searched() -> None:
    """As in a server that has just started."""
    modules = [each for name, each in sys.modules.items() if ".core.schedule." in name]
    for known in (known for module in modules for known in vars(module).values()):
        if hasattr(known, "cache_clear"):
            known.cache_clear()


def _stalls_while_loading(place: Place, jobs: int) -> list[float]:
    """How long each turn of the loop took while jobs were put on the timetable."""
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
        await asyncio.sleep(0)  # it has begun
        await scheduler.load()
        heart.cancel()
        assert len(scheduler) == jobs

    play(scene())
    return stalls
