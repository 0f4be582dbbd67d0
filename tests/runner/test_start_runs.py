"""``on_start``: one run of the job each time a runner starts, at its own moment, unless it is paused then."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.runs import HOLD, Place, Rig, due_now, job, with_runner

from jeeves_runner.core.model import Trigger
from jeeves_runner.core.start_spread import delay_of
from jeeves_runner.db.overrides import pause
from jeeves_runner.db.writer import Priority
from jeeves_runner.runner import start_runs
from jeeves_runner.runner.start_runs import run_at_start


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def nothing_due() -> None:
    """Nothing is to be caught up."""


def start(place: Place, caught_up: Callable[[Rig], Awaitable[None]] | None = None) -> None:
    """A runner starts, asks for these runs, all at once, and stops when nothing runs."""

    async def scenario(rig: Rig) -> None:
        async def catch_up() -> None:
            if caught_up is not None:
                await caught_up(rig)

        await run_at_start(place.conn, rig.runs, place.clock, caught_up=catch_up, spread=0.0)
        await rig.runs.idle()

    with_runner(place, scenario)


def stories(place: Place) -> list[tuple[str, str, str | None]]:
    return [(run.job_id, run.status, run.reason) for run in place.runs()]


def test_each_start_of_a_runner_brings_one_run(place: Place) -> None:
    place.apply(job("warm", on_start=True), job("other"))
    start(place)
    start(place)
    assert stories(place) == [("warm", "ok", None)] * 2
    assert {run.trigger for run in place.runs()} == {Trigger.START}
    assert {run.scheduled_for for run in place.runs()} == {None}


def test_a_job_that_is_not_wanted_does_not_run(place: Place) -> None:
    place.apply(job("off", on_start=True, enabled=False), job("gone", on_start=True))
    place.apply(delete=("gone",))
    start(place)
    assert stories(place) == []


def test_a_pause_skips_it_and_it_does_not_come_later(place: Place) -> None:
    place.apply(job("warm", on_start=True))
    with place.write() as tx:
        pause(tx, "warm", until=None, reason=None, by="test")
    start(place)
    assert stories(place) == [("warm", "skipped", "paused")]


def test_what_is_caught_up_comes_first(place: Place) -> None:
    place.apply(job("warm", on_start=True))

    async def occurrence_is_due(rig: Rig) -> None:
        rig.runs.submit(due_now(place, "warm"))

    start(place, occurrence_is_due)
    assert stories(place) == [("warm", "ok", None), ("warm", "skipped", "overlap")]
    assert [run.trigger for run in place.runs()] == [Trigger.SCHEDULE, Trigger.START]


def test_a_job_that_is_changed_before_its_moment_is_left_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.apply(*(job(name, on_start=True) for name in ("one", "two", "three")))
    ask_for = start_runs._ask_for

    async def and_the_others_change(runs: start_runs.Entrance, job_id: str) -> None:
        await ask_for(runs, job_id)
        others = [name for name in ("one", "two", "three") if name != job_id]
        place.apply(job(others[0]), delete=(others[1],))

    monkeypatch.setattr(start_runs, "_ask_for", and_the_others_change)
    start(place)
    assert len(stories(place)) == 1


def test_what_the_database_did_not_take_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_runs, "TRY_AGAIN", 0.0)
    place.apply(job("warm", on_start=True))

    async def the_disk_is_full(rig: Rig) -> None:
        rig.writer.failing.add(Priority.START)

    start(place, the_disk_is_full)
    assert stories(place) == [("warm", "ok", None)]


def test_a_damaged_row_keeps_its_own_job_from_running_alone(place: Place) -> None:
    place.apply(job("bad", on_start=True), job("warm", on_start=True))
    place.conn.execute("""UPDATE jobs SET spec = '{"on_start": true}' WHERE id = 'bad'""")
    start(place)
    assert stories(place) == [("warm", "ok", None)]


def test_the_moments_are_spread_over_the_first_minute_and_stay() -> None:
    moments = {f"job{n}": delay_of(f"job{n}") for n in range(600)}
    by_ten_seconds = [sum(int(moment // 10) == n for moment in moments.values()) for n in range(6)]
    assert sum(by_ten_seconds) == 600
    assert min(by_ten_seconds) > 60
    assert moments == {name: delay_of(name) for name in moments}


def test_a_run_that_the_last_runner_left_waiting_is_the_one_of_this_start(place: Place) -> None:
    """The overlap policy decides between the two, as between any others."""
    place.apply(job("warm", on_start=True), job("busy", HOLD))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("busy")
        await run_at_start(place.conn, rig.runs, place.clock, caught_up=nothing_due, spread=0.0)

    with_runner(place, scenario, max_concurrency=1)
    assert place.story("warm") == ["scheduled: limit"]
    start(place)
    assert place.story("warm") == ["ok", "skipped: overlap"]
