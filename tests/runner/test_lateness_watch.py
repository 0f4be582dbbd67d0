"""Runs that wait and run are held against what is expected of them, each once, whatever is begun again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.alerts import AlertLedger

from jeeves_runner.clock import to_text
from jeeves_runner.core.alert_spec import Alert, Expect
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import run_ends
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.lateness_watch import LatenessWatch

MINUTE = 60_000
SOON = Expect(start_within_ms=5 * MINUTE)


class World(AlertLedger):
    """A ledger whose runs are watched."""

    watch: LatenessWatch

    def play(self, acts: Callable[["World"], Awaitable[None]]) -> None:
        async def playing() -> None:
            async with Writer(self.path, self.clock) as writer:
                self.writer = writer
                self.begin_again()
                await acts(self)

        asyncio.run(playing())

    def begin_again(self) -> None:
        """As a runner that starts anew."""
        self.watch = LatenessWatch(conn=self.conn, writer=self.writer, clock=self.clock)

    async def passes(self, minutes: float) -> list[str]:
        """Time passes and the runs are looked at; what is said then."""
        self.clock.advance(minutes=minutes)
        await self.watch.look()
        await self.watch.look()
        return self.said()

    def due(self, job_id: str = "a", *, at: datetime | None = None, **columns: Any) -> int:
        """An occurrence of now, which waits."""
        when = to_text(self.now if at is None else at)
        return self.add_run(job_id, "scheduled", trigger="schedule", scheduled_for=when, **columns)

    def start(self, run_id: int) -> None:
        self.conn.execute(
            "UPDATE runs SET status = 'running', started_at = ?, reason = NULL WHERE id = ?",
            (to_text(self.now), run_id),
        )

    def runs(self, job_id: str = "a", **columns: Any) -> int:
        """An occurrence of now starts at once."""
        run_id = self.due(job_id, **columns)
        self.start(run_id)
        return run_id

    def ends(self, run_id: int, status: str = "ok", took: float = 1) -> None:
        with self.tx() as tx:
            record = RunRecord(duration_ms=round(took * MINUTE))
            run_ends.end_running(tx, run_id, Outcome(RunStatus(status)), record, None)

    def words(self) -> list[str]:
        rows = self.conn.execute("SELECT facts ->> '$.words' FROM outbox WHERE said = 'opened' ORDER BY id")
        return [str(text) for (text,) in rows]

    def counts(self) -> list[tuple[str, int]]:
        rows = self.conn.execute('SELECT cause, "count" FROM incidents WHERE closed_at IS NULL ORDER BY id')
        return [(str(cause), int(count)) for cause, count in rows]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "runner.sqlite")


def test_a_run_that_has_not_started_in_time_is_told_with_what_it_waits_for(world: World) -> None:
    world.add_told_job("a", expect=SOON, timezone="Europe/Berlin")

    async def acts(world: World) -> None:
        run_id = world.due(reason="pool", reason_ref="gpu")
        assert await world.passes(5) == []
        assert await world.passes(5) == ["opened late"]
        world.start(run_id)
        assert await world.passes(5) == []
        world.ends(run_id)
        assert (world.said(), world.counts()) == ([], [("late", 1)])
        world.runs()
        assert await world.passes(1) == ["recovered late"]

    world.play(acts)
    assert world.words() == ["has not started 10m after 13:00 (expected within 5m)"]
    lines = world.conn.execute("SELECT facts ->> '$.lines' FROM outbox ORDER BY id").fetchall()
    assert lines == [('[["Waits for","a place in pool gpu"]]',), ("[]",)]


def test_a_run_that_starts_late_between_two_looks_is_told_while_it_runs(world: World) -> None:
    world.add_told_job("a", expect=SOON)

    async def acts(world: World) -> None:
        run_id = world.due()
        assert await world.passes(5) == []
        world.clock.advance(minutes=1)
        world.start(run_id)
        assert await world.passes(1) == ["opened late"]
        world.ends(run_id)
        assert (world.said(), world.counts()) == ([], [("late", 1)])

    world.play(acts)
    assert world.words() == ["started 6m after 12:00 (expected within 5m)"]


def test_a_run_that_waited_and_starts_in_time_is_told_as_soon_as_it_runs(world: World) -> None:
    world.add_told_job("a", expect=SOON)

    async def acts(world: World) -> None:
        first = world.due(at=world.at(minutes=9))
        assert await world.passes(1) == ["opened late"]
        world.start(first)
        second = world.due()
        assert await world.passes(3) == []
        world.start(second)
        assert await world.passes(0) == ["recovered late"]

    world.play(acts)


def test_a_run_that_is_held_back_by_a_pause_is_not_late(world: World) -> None:
    world.add_told_job("a", expect=SOON)

    async def acts(world: World) -> None:
        run_id = world.due()
        world.pause("a", until=world.now + timedelta(minutes=20))
        assert await world.passes(10) == []
        assert await world.passes(20) == []
        world.start(run_id)
        assert await world.passes(1) == []
        world.due()
        assert await world.passes(6) == ["opened late"]

    world.play(acts)


def test_a_run_that_a_pause_held_back_need_not_end_by_its_time_of_day(world: World) -> None:
    world.add_told_job("a", expect=Expect(finish_by="12:30"))

    async def acts(world: World) -> None:
        run_id = world.due()
        world.pause("a", until=world.now + timedelta(minutes=40))
        assert await world.passes(35) == []
        world.clock.advance(minutes=10)
        world.start(run_id)
        assert await world.passes(5) == []
        world.ends(run_id, took=5)
        assert world.said() == []

    world.play(acts)


def test_a_run_that_takes_too_long_is_told_while_it_runs_and_not_again_at_its_end(world: World) -> None:
    world.add_told_job("a", expect=Expect(finish_within_ms=10 * MINUTE))

    async def acts(world: World) -> None:
        run_id = world.runs()
        assert await world.passes(10) == []
        assert await world.passes(2) == ["opened overrun"]
        assert await world.passes(60) == []
        world.ends(run_id, took=72)
        assert (world.said(), world.counts()) == ([], [("overrun", 1)])
        world.ends(world.runs(at=world.now))
        assert world.said() == ["recovered overrun"]

    world.play(acts)
    assert world.words() == ["still runs after 12m (expected within 10m)"]


def test_a_run_is_told_that_takes_twice_its_usual_time(world: World) -> None:
    world.add_told_job("a")
    for _ in range(5):
        world.ends(world.add_run("a", "running"), took=40)

    async def acts(world: World) -> None:
        world.add_run("a", "running", started_at=to_text(world.now))
        assert await world.passes(80) == []
        assert await world.passes(43) == ["opened overrun"]

    world.play(acts)
    assert world.words() == ["still runs after 2h 3m, usually 40m"]


def test_a_run_that_has_not_ended_by_its_time_of_day_is_told_also_if_it_waits(world: World) -> None:
    world.add_told_job("a", expect=Expect(finish_by="12:30"))
    world.add_told_job("b", expect=Expect(finish_by="12:30"))

    async def acts(world: World) -> None:
        world.runs("a")
        world.due("b")
        assert await world.passes(30) == []
        assert await world.passes(0.1) == ["opened overrun", "opened overrun"]

    world.play(acts)
    assert world.words() == ["has not ended by 12:30"] * 2


def test_a_run_that_outlasts_the_time_to_the_next_is_told_once(world: World) -> None:
    world.add_told_job("a", schedule=("*/10 * * * *",), expect=Expect(finish_within_ms=600 * MINUTE))

    async def acts(world: World) -> None:
        run_id = world.runs()
        assert await world.passes(9.9) == []
        assert await world.passes(0.1) == ["opened outlasts"]
        assert await world.passes(30) == []
        world.ends(run_id, took=40)
        run_id = world.runs()
        assert await world.passes(10) == []
        assert world.counts() == [("outlasts", 2)]
        world.ends(run_id, took=10)
        world.ends(world.runs(), took=9)
        assert world.said() == ["recovered outlasts"]

    world.play(acts)
    assert world.words() == ["takes longer than the time to its next run (10m)"]


def test_a_runner_that_starts_again_counts_nothing_twice_and_forgets_nothing(world: World) -> None:
    expect = Expect(start_within_ms=5 * MINUTE, finish_within_ms=10 * MINUTE)
    world.add_told_job("a", expect=expect, schedule=("0 * * * *",))

    async def acts(world: World) -> None:
        run_id = world.due()
        assert await world.passes(6) == ["opened late"]
        world.begin_again()
        world.start(run_id)
        assert await world.passes(9) == []
        world.begin_again()
        assert await world.passes(2) == ["opened overrun"]
        world.begin_again()
        assert await world.passes(48) == []
        world.begin_again()
        assert await world.passes(1) == ["opened outlasts"]
        for _ in range(3):
            world.begin_again()
            assert await world.passes(60) == []
        world.ends(run_id, took=240)
        assert world.said() == []

    world.play(acts)
    assert world.counts() == [("late", 1), ("overrun", 1), ("outlasts", 1)]


def test_a_machine_that_sleeps_or_whose_clock_is_set_does_not_make_runs_long(world: World) -> None:
    world.add_told_job("a", expect=Expect(finish_within_ms=10 * MINUTE))

    async def acts(world: World) -> None:
        world.runs()
        assert await world.passes(1) == []
        world.clock.set(hours=8)
        assert await world.passes(8) == []
        world.clock.set(hours=-20)
        assert await world.passes(0.9) == []
        assert await world.passes(0.2) == ["opened overrun"]

    world.play(acts)
    assert world.words() == ["still runs after 10m 6s (expected within 10m)"]


def test_what_is_expected_now_counts_for_runs_that_began_before(world: World) -> None:
    world.add_told_job("a")

    async def acts(world: World) -> None:
        world.runs()
        world.due(at=world.at(minutes=1))  # it waits for the other one
        assert await world.passes(20) == []
        world.revision += 1
        world.conn.execute(
            "INSERT INTO revisions (id, applied_at, applied_by, created, updated, deleted, drifted, changes,"
            " held) SELECT ?, applied_at, applied_by, created, updated, deleted, drifted, changes, held"
            " FROM revisions LIMIT 1",
            (world.revision,),
        )
        world.add_told_job("a", expect=Expect(start_within_ms=MINUTE, finish_within_ms=MINUTE))
        assert await world.passes(0) == ["opened overrun", "opened late"]

    world.play(acts)


def test_what_the_job_does_not_choose_and_what_is_of_no_live_job_is_left_alone(world: World) -> None:
    expect = Expect(start_within_ms=MINUTE, finish_within_ms=MINUTE)
    world.add_told_job("a", expect=expect, alert=Alert(on=("failure",)))
    world.add_told_job("b", expect=expect)
    world.add_told_job("c", expect=expect)

    async def acts(world: World) -> None:
        for job_id in ("a", "b"):
            world.runs(job_id)
            world.due(job_id, at=world.at(minutes=5))
        world.add_run("c", "running", trigger="backfill", scheduled_for=to_text(world.at(days=3)))
        world.delete_job("b")
        assert await world.passes(60) == []
        assert world.count("runs", "noted") == 0

    world.play(acts)


def test_a_look_at_runs_that_are_known_reads_none_of_them(world: World) -> None:
    world.add_told_job("a", schedule=("0 * * * *",), overlap_policy="allow", expect=SOON)

    async def acts(world: World) -> None:
        for n in range(100):
            world.runs(at=world.now + timedelta(seconds=n))
            world.due(at=world.now + timedelta(hours=1, seconds=n))
        await world.passes(1)
        statements: list[str] = []

        def note(_cursor: object, sql: str, _bindings: object) -> bool:
            statements.append(sql)
            return True

        world.conn.exec_trace = note
        await world.watch.look()
        assert len(statements) == 3, statements

    world.play(acts)


def test_what_has_ended_since_it_was_read_is_told_by_its_end(world: World) -> None:
    world.add_told_job("a", expect=Expect(finish_within_ms=10 * MINUTE))

    async def acts(world: World) -> None:
        run_id = world.runs()
        await world.passes(9)
        world.clock.advance(minutes=2)
        look = asyncio.create_task(world.watch.look())
        write = world.writer.write

        async def slowly(op: Any, **how: Any) -> Any:
            world.ends(run_id, took=9)
            return await write(op, **how)

        world.writer.write = slowly  # type: ignore[method-assign]
        await look
        assert (world.said(), world.counts()) == ([], [])

    world.play(acts)


def test_a_run_that_waited_and_never_started_is_forgotten(world: World) -> None:
    async def acts(world: World) -> None:
        world.add_told_job("a", expect=Expect(start_within_ms=5 * MINUTE), overlap_policy="allow")
        world.add_told_job("b", expect=Expect(finish_within_ms=5 * MINUTE))
        waiting = [world.due(), world.due("b")]
        assert await world.passes(6) == ["opened late"]
        for run_id in waiting:
            with world.tx() as tx:
                run_ends.end_waiting(tx, run_id, RunStatus.CANCELLED, None)
        await world.passes(1)
        assert not world.watch._known
        started = world.due("b")
        await world.passes(1)
        world.start(started)
        assert await world.passes(6) == ["opened overrun"]

    world.play(acts)
