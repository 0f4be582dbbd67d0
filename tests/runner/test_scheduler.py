"""Due occurrences reach the runs: on time, after changes, after gaps and steps of the clock."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from support.desk import NOON, Desk, look_again, play, running
from support.runs import job

from jeeves_runner.clock import Slice
from jeeves_runner.runner.follower import Follower


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


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
            ("hourly", NOON + timedelta(hours=4), 3),
            ("new", NOON + timedelta(hours=4), 5),  # all since it was created
        ]

    play(scene())


def test_jobs_catch_up_by_their_scheduled_times_then_by_priority(desk: Desk) -> None:
    desk.place.apply(
        job("a-late", schedule=("30 * * * *",)),
        job("b-low", schedule=("0 * * * *",)),
        job("c-high", schedule=("0 * * * *",), priority=5),
        job("d-early", schedule=("0 9-13 * * *",), priority=-5),
    )
    desk.clock.advance(hours=3, minutes=50)

    async def scene() -> None:
        await desk.scheduler.load()
        await desk.scheduler.look()
        assert [due.job_id for due in desk.taken.due] == ["d-early", "c-high", "b-low", "a-late"]

    play(scene())


def test_with_a_spread_jobs_catch_up_one_after_the_other(tmp_path: Path) -> None:
    desk = Desk(tmp_path, spread_ms=600_000)
    desk.place.apply(*(job(name, schedule=("0 * * * *",)) for name in ("a", "b", "gone")))
    desk.place.apply(job("soon", schedule=("34 * * * *",)))
    desk.clock.advance(hours=2, minutes=30)

    async def scene() -> None:
        await desk.scheduler.load()
        for minutes, expected in ((0, ["soon"]), (2.4, []), (0.1, ["a"]), (2.5, ["soon", "b"])):
            desk.taken.due.clear()
            desk.clock.advance(minutes=minutes)
            await desk.scheduler.look()
            assert [due.job_id for due in desk.taken.due] == expected, minutes
        await desk.scheduler.on_plan(desk.place.apply(delete=("gone",)))
        desk.clock.advance(minutes=10)
        await desk.scheduler.look()
        assert [due.job_id for due in desk.taken.due] == ["soon", "b"]

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


@pytest.mark.parametrize("how", ["load", "apply"])
def test_thousands_of_jobs_are_read_a_few_in_each_turn_of_the_loop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A turn reads few rows: the ids of a portion, or what some jobs of it say."""
    monkeypatch.setattr(Slice, "LENGTH", -1.0)  # the clock stands still: each turn is as short as can be
    desk.clock.advance(seconds=1)
    rows, turns = 0, [0]

    def count(_cursor: apsw.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal rows
        rows += 1
        return row

    async def watch() -> None:
        nonlocal rows
        while True:
            turns.append(rows)
            rows = 0
            await asyncio.sleep(0)

    async def changed(_revision: int, ids: Sequence[str]) -> None:
        await desk.scheduler.on_plan(ids)

    async def written() -> None:
        """No other commit matters here."""

    async def scene() -> None:
        follower = Follower(desk.place.conn, changed=changed, written=written)
        desk.place.apply(*(job(f"job-{n:04}", schedule=(f"{n % 60} * * * *",)) for n in range(2_500)))
        desk.place.conn.row_trace = count
        watching = asyncio.create_task(watch())
        await (desk.scheduler.load() if how == "load" else follower.catch_up())
        watching.cancel()
        assert len(desk.scheduler) == 2_500
        assert max(turns) <= 1_100

    play(scene())


def test_a_change_of_anything_else_keeps_the_timer(desk: Desk) -> None:
    desk.place.apply(job("same", "echo 1", schedule=("0 * * * *",)))

    async def scene() -> None:
        await desk.scheduler.load()
        desk.clock.advance(hours=1, minutes=1, seconds=30)  # due, and not looked at yet
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
