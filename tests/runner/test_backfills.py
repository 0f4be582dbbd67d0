"""Backfills: times of the past, one after the other, through the admission that all runs pass."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.runs import HOLD, Place, Rig, due_now, job, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core.edge_spec import After
from jeeves_runner.core.model import OverlapPolicy, Param, Retries
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import backfills, overrides
from jeeves_runner.db.backfills import BackfillRow, Wanted
from jeeves_runner.db.renames import Rename, rename
from jeeves_runner.errors import Conflict, InvalidValue, JeevesError, NotFound
from jeeves_runner.runner.backfills import Backfills
from jeeves_runner.views.backfills import backfill_view

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOURLY = ("0 * * * *",)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def ask(place: Place, job_id: str = "a", hours: float = 3, **options: Any) -> int:
    wanted = Wanted(job_id, BEGIN, BEGIN + timedelta(hours=hours), **options)
    with place.write() as tx:
        return backfills.begin(tx, wanted, by=Actor("test"))


def row(place: Place, number: int) -> BackfillRow:
    found = backfills.backfill_row(place.conn, number)
    assert found is not None
    return found


def counts(place: Place, number: int) -> tuple[str, int, int, int, int]:
    one = row(place, number)
    return one["status"], one["had_run"], one["entered"], one["ok"], one["failed"]


def hours(place: Place, job_id: str | None = None) -> list[tuple[str, int, str]]:
    """Job, hour of the day and status of all runs, oldest first."""
    return [
        (run.job_id, run.scheduled_for.hour, run.status)
        for run in place.runs(job_id)
        if run.scheduled_for is not None
    ]


async def kept(rig: Rig, until: Callable[[], bool]) -> None:
    """Have backfills go on until something is so."""
    work = Backfills(conn=rig.place.conn, writer=rig.writer, runs=rig.runs, clock=rig.place.clock)
    task = asyncio.create_task(work.run())
    try:
        await rig.until(until)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def carry_out(place: Place, number: int) -> None:
    async def scenario(rig: Rig) -> None:
        await kept(rig, lambda: row(place, number)["status"] != "active")

    with_runner(place, scenario)


def test_each_time_gets_its_run_with_its_time_one_after_the_other(place: Place) -> None:
    place.apply(job("a", "sleep 0.05; echo $JR_SCHEDULED_FOR $JR_TRIGGER", schedule=HOURLY, priority=5))
    number = ask(place)
    carry_out(place, number)
    assert counts(place, number) == ("done", 0, 3, 3, 0)
    assert hours(place) == [("a", 0, "ok"), ("a", 1, "ok"), ("a", 2, "ok")]
    runs = place.runs()
    assert [run.stdout for run in runs] == [f"2026-03-01T0{n}:00:00.000Z backfill\n" for n in range(3)]
    assert {(run.trigger, run.backfill_id, run.priority, run.depth) for run in runs} == {
        ("backfill", number, -100, 0)
    }
    for before, after in pairwise(runs):
        assert before.finished_at is not None
        assert after.created_at >= before.finished_at
    assert place.value("SELECT decided_until FROM jobs") is None


def test_what_has_run_is_left_out_unless_it_is_to_run_again(place: Place) -> None:
    place.apply(job("a", schedule=HOURLY))
    first = ask(place, hours=2)
    carry_out(place, first)
    second = ask(place, hours=4)
    carry_out(place, second)
    assert counts(place, second) == ("done", 2, 2, 2, 0)
    again = ask(place, hours=2, again=True)
    carry_out(place, again)
    assert counts(place, again) == ("done", 0, 2, 2, 0)
    assert [hour for _, hour, _ in hours(place)] == [0, 1, 2, 3, 0, 1]


def test_occurrences_that_were_missed_or_skipped_have_not_run_and_failed_ones_have(place: Place) -> None:
    place.apply(job("a", schedule=HOURLY))
    with place.write() as tx:
        for hour, status in enumerate(("missed", "skipped", "ok", "error")):
            when = to_text(BEGIN + timedelta(hours=hour))
            started = None if status in ("missed", "skipped") else when
            tx.conn.execute(
                "INSERT INTO runs (job_id, status, trigger, scheduled_for, created_at, started_at,"
                " finished_at, end_seq) VALUES ('a', ?, 'schedule', ?, ?, ?, ?, 1)",
                (status, when, when, started, when),
            )
    number = ask(place, hours=4)
    carry_out(place, number)
    assert counts(place, number) == ("done", 2, 2, 2, 0)
    assert [hour for _, hour, _ in hours(place)[4:]] == [0, 1]


Attempts = Sequence[tuple[str, str]]


def put(place: Place, hour: int, attempts: Attempts, backfill: int | None = None) -> None:
    """The runs that a time has had, as trigger and status: each of these is one chain's attempt."""
    when = to_text(BEGIN + timedelta(hours=hour))
    first: int | None = None
    with place.write() as tx:
        for number, (trigger, status) in enumerate(attempts, 1):
            run_id = tx.conn.execute(
                "INSERT INTO runs (job_id, status, trigger, scheduled_for, created_at, started_at,"
                " finished_at, end_seq, attempt, chain_id, backfill_id)"
                " VALUES ('a', ?1, ?2, ?3, ?3, ?3, ?3, 1, ?4, ?5, ?6) RETURNING id",
                (status, trigger, when, number, first, backfill),
            ).get
            first = first or run_id


def test_times_whose_runs_were_all_cut_off_are_taken_up_again_and_others_are_not(place: Place) -> None:
    place.apply(job("a", schedule=HOURLY))
    cut, ok = "interrupted", "ok"
    put(place, 0, [("schedule", cut)])
    put(place, 1, [("schedule", cut), ("retry", ok)])
    put(place, 2, [("schedule", "error"), ("retry", cut)])
    put(place, 3, [("backfill", cut), ("retry", cut)], backfill=70)
    put(place, 4, [("schedule", cut)])
    put(place, 4, [("backfill", ok)], backfill=71)
    put(place, 5, [("schedule", "error")])
    put(place, 5, [("backfill", cut)], backfill=72)
    number = ask(place, hours=6)
    carry_out(place, number)
    assert counts(place, number) == ("done", 3, 3, 3, 0)
    assert row(place, number)["taken_up"] == 3
    made_up = [
        run.scheduled_for.hour for run in place.runs() if run.backfill_id == number and run.scheduled_for
    ]
    assert made_up == [0, 2, 3]
    carry_out(place, again := ask(place, hours=6))
    assert counts(place, again) == ("done", 6, 0, 0, 0)


def test_no_more_are_active_than_parallel_says(place: Place) -> None:
    place.apply(job("a", place.held(), schedule=HOURLY, overlap_policy=OverlapPolicy.ALLOW))
    number = ask(place, hours=5, parallel=2)

    async def scenario(rig: Rig) -> None:
        await kept(rig, lambda: place.story() == ["running", "running"])
        assert row(place, number)["entered"] == 2
        place.go()
        await kept(rig, lambda: row(place, number)["status"] == "done")

    with_runner(place, scenario)
    assert counts(place, number) == ("done", 0, 5, 5, 0)


def test_a_chain_is_over_with_its_last_attempt(place: Place) -> None:
    script = 'test "$JR_ATTEMPT" = 2'
    place.apply(job("a", script, schedule=HOURLY, retries=Retries(limit=1, delay_ms=0)))
    number = ask(place, hours=2)
    carry_out(place, number)
    assert counts(place, number) == ("done", 0, 2, 2, 0)
    assert hours(place) == [("a", 0, "error"), ("a", 0, "ok"), ("a", 1, "error"), ("a", 1, "ok")]


def test_a_failure_is_counted_and_the_next_time_has_its_turn(place: Place) -> None:
    place.apply(job("a", "exit 3", schedule=HOURLY))
    number = ask(place, hours=2)
    carry_out(place, number)
    assert counts(place, number) == ("done", 0, 2, 0, 2)
    assert place.value("SELECT count(*) FROM incidents") == 0


def test_an_occurrence_that_meets_it_waits_and_is_not_skipped(place: Place) -> None:
    place.apply(job("a", place.held(), schedule=HOURLY))
    number = ask(place)

    async def scenario(rig: Rig) -> None:
        await kept(rig, lambda: place.story() == ["running"])
        (due,) = await rig.runs.submit(due_now(place, "a"))
        assert (due.status, due.reason) == ("scheduled", "overlap")
        (second,) = await rig.runs.submit(due_now(place, "a", 1))
        assert (second.status, second.reason) == ("skipped", "overlap")
        place.go()
        await kept(rig, lambda: row(place, number)["status"] == "done")

    with_runner(place, scenario)
    triggers = sorted((run.started_at, run.trigger) for run in place.runs() if run.started_at is not None)
    assert [trigger for _, trigger in triggers] == ["backfill", "schedule", "backfill", "backfill"]


@pytest.mark.parametrize("overlap", [OverlapPolicy.SKIP, OverlapPolicy.QUEUE, OverlapPolicy.REPLACE])
def test_it_waits_for_a_run_of_the_job_and_is_replaced_by_none(place: Place, overlap: OverlapPolicy) -> None:
    place.apply(job("a", place.held(), schedule=HOURLY, overlap_policy=overlap))

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due_now(place, "a"))
        number = ask(place, hours=1)
        await kept(rig, lambda: place.story() == ["running", "scheduled: overlap"])
        place.go()
        await kept(rig, lambda: row(place, number)["status"] == "done")

    with_runner(place, scenario)
    assert place.story() == ["ok", "ok"]


def test_while_the_job_is_paused_nothing_of_it_is_entered(place: Place) -> None:
    place.apply(job("a", schedule=HOURLY))
    with place.write() as tx:
        overrides.pause(tx, "a", until=None, reason=None, by=Actor("test"))
    number = ask(place, hours=1)

    async def scenario(rig: Rig) -> None:
        work = Backfills(conn=place.conn, writer=rig.writer, runs=rig.runs, clock=place.clock)
        await work.look()
        assert place.runs() == []
        with place.write() as tx:
            overrides.resume(tx, "a", by=Actor("test"))
        await rig.runs.look()
        await kept(rig, lambda: row(place, number)["status"] == "done")

    with_runner(place, scenario)
    assert place.story() == ["ok"]


def test_what_keeps_it_from_going_on_is_told(place: Place) -> None:
    place.apply(job("a", schedule=HOURLY), job("b", after=After(jobs=("a",))))

    def held_up(number: int) -> str | None:
        return backfill_view(place.conn, number, place.clock.now())["backfill"]["held_up"]

    def pause(job_id: str | None) -> None:
        with place.write() as tx:
            overrides.pause(tx, job_id, until=None, reason=None, by=Actor("test"))

    number = ask(place, hours=1, downstream=True)
    assert held_up(number) is None
    pause("b")
    assert held_up(number) is None  # its turn has not come

    async def scenario(rig: Rig) -> None:
        await kept(rig, lambda: held_up(number) is not None)

    with_runner(place, scenario)
    assert held_up(number) == "job b is paused"
    other = ask(place, hours=2)
    pause("a")
    assert held_up(other) == "job a is paused"
    pause(None)
    assert held_up(other) == held_up(number) == "all jobs are paused"
    place.apply(job("a", schedule=HOURLY, enabled=False), job("b", after=After(jobs=("a",))))
    assert held_up(other) == "job a is disabled"
    with place.write() as tx:
        backfills.cancel(tx, other, by=Actor("test"))
    assert held_up(other) is None


def test_downstream_each_job_comes_when_those_before_it_are_ok_with_the_same_time(place: Place) -> None:
    place.apply(
        job("a", schedule=HOURLY),
        job("b", "exit 1", after=After(("a",))),
        job("c", after=After(("a",))),
        job("d", after=After(("b", "c"))),
        job("e", after=After(("b", "c"), "finished")),
        job("off", after=After(("a",)), enabled=False),
    )
    number = ask(place, hours=2, downstream=True)
    carry_out(place, number)
    expected = [("a", "ok"), ("b", "error"), ("c", "ok"), ("e", "ok")]
    assert hours(place) == [(name, hour, status) for hour in (0, 1) for name, status in expected]
    assert counts(place, number) == ("done", 0, 2, 0, 2)
    first_e = place.runs("e")[0]
    assert first_e.caused_by == '{"runs":[2,3]}'


def test_a_cancelled_one_enters_nothing_more_and_what_runs_goes_on_without_retries(place: Place) -> None:
    place.apply(job("a", place.held("exit 1"), schedule=HOURLY, retries=Retries(limit=3, delay_ms=0)))
    number = ask(place)

    async def scenario(rig: Rig) -> None:
        await kept(rig, lambda: place.story() == ["running"])
        with place.write() as tx:
            assert backfills.cancel(tx, number, by=Actor("test")) == []
        assert backfills.running_of(place.conn, number) == [1]
        place.go()
        await rig.runs.wait(1)

    with_runner(place, scenario)
    assert place.story() == ["error"]
    assert row(place, number)["status"] == "cancelled"
    with pytest.raises(Conflict, match="cancelled already"), place.write() as tx:
        backfills.cancel(tx, number, by=Actor("test"))
    with pytest.raises(NotFound), place.write() as tx:
        backfills.cancel(tx, 99, by=Actor("test"))


def test_what_waits_of_a_cancelled_one_is_cancelled(place: Place) -> None:
    place.apply(job("a", HOLD, schedule=HOURLY))

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due_now(place, "a"))
        number = ask(place)
        await kept(rig, lambda: place.story() == ["running", "scheduled: overlap"])
        with place.write() as tx:
            assert [run.id for run in backfills.cancel(tx, number, by=Actor("test"))] == [2]

    with_runner(place, scenario)
    assert place.story()[1:] == ["cancelled: cancel"]


def test_it_follows_a_rename_in_the_midst_of_it_and_ends_with_its_job(place: Place) -> None:
    place.apply(job("a", place.held(), schedule=HOURLY))
    number = ask(place, hours=2)

    async def scenario(rig: Rig) -> None:
        await kept(rig, lambda: place.story() == ["running"])
        with place.write() as tx:
            rename(tx, [Rename("a", "b")], 1)
        await rig.runs.on_plan(["a", "b"])
        place.go()
        await kept(rig, lambda: row(place, number)["status"] == "done")

    with_runner(place, scenario)
    assert sorted(hours(place)) == [("b", 0, "ok"), ("b", 1, "ok")]
    assert (row(place, number)["job_id"], counts(place, number)) == ("b", ("done", 0, 2, 2, 0))
    other = ask(place, "b", hours=5)
    place.apply(delete=("b",))
    carry_out(place, other)
    assert (row(place, other)["status"], row(place, other)["message"]) == ("cancelled", "its job was deleted")


@pytest.mark.parametrize(
    ("fields", "hours", "error", "words"),
    [
        ({"schedule": HOURLY, "enabled": False}, 3, Conflict, "disabled"),
        ({}, 3, Conflict, "no schedule"),
        ({"schedule": HOURLY}, -1, InvalidValue, "before it ends"),
        ({"schedule": HOURLY}, 0.5, None, ""),
        ({"schedule": ("30 * * * *",)}, 0.5, InvalidValue, "no time there"),
        ({"schedule": ("* * * * * *",)}, 100, InvalidValue, "360,000 times"),
        ({"schedule": HOURLY, "params": (Param("day", required=True),)}, 3, InvalidValue, "day"),
    ],
)
def test_what_cannot_be_made_up_for_is_refused(
    place: Place, fields: dict[str, Any], hours: float, error: type[JeevesError] | None, words: str
) -> None:
    place.apply(job("a", **fields))
    if error is None:
        assert ask(place, hours=hours) == 1
        return
    with pytest.raises(error, match=words):
        ask(place, hours=hours)
    assert place.value("SELECT count(*) FROM backfills") == 0


def test_only_times_that_have_been_decided_about_are_meant(place: Place) -> None:
    place.apply(job("a", schedule=("* * * * *",)))
    since = place.clock.now().replace(second=0, microsecond=0) - timedelta(minutes=2)
    with place.write() as tx:
        number = backfills.begin(tx, Wanted("a", since, since + timedelta(days=1)), by=Actor("test"))
    found = row(place, number)
    assert (found["total"], found["to_at"]) == (3, to_text(since + timedelta(minutes=3)))
