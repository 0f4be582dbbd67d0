"""``on_start``: one run of the job each time a runner starts, at its own moment, unless it is paused then."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from support.runs import HOLD, Place, Rig, due_now, job, with_runner

from jeeves_runner.core.model import OverlapPolicy, Trigger
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Run
from jeeves_runner.core.start_spread import delay_of
from jeeves_runner.db.overrides import pause
from jeeves_runner.db.renames import Rename, rename
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.db.writer import Priority
from jeeves_runner.errors import DatabaseError
from jeeves_runner.runner import start_runs
from jeeves_runner.runner.start_runs import StartRuns


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def nothing_due() -> None:
    """Nothing is to be caught up."""


def start(
    place: Place,
    caught_up: Callable[[Rig], Awaitable[None]] | None = None,
    entrance: Callable[[Rig], start_runs.Entrance] = lambda rig: rig.runs,
) -> None:
    """A runner starts, asks for these runs, all at once, and stops when nothing runs."""

    async def scenario(rig: Rig) -> None:
        async def catch_up() -> None:
            if caught_up is not None:
                await caught_up(rig)

        starts = StartRuns(place.conn, entrance(rig), place.clock, spread=0.0)
        await rig.runs.start_up()
        await starts.run(catch_up)
        await rig.runs.idle()

    with_runner(place, scenario, started=False)


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
        pause(tx, "warm", until=None, reason=None, by=Actor("test"))
    start(place)
    assert stories(place) == [("warm", "skipped", "paused")]


def test_what_is_caught_up_comes_first(place: Place) -> None:
    place.apply(job("warm", on_start=True))

    async def occurrence_is_due(rig: Rig) -> None:
        rig.runs.submit(due_now(place, "warm"))

    start(place, occurrence_is_due)
    assert stories(place) == [("warm", "ok", None), ("warm", "skipped", "overlap")]
    assert [run.trigger for run in place.runs()] == [Trigger.SCHEDULE, Trigger.START]


def test_a_job_that_is_changed_before_its_moment_is_left_out(place: Place) -> None:
    place.apply(*(job(name, on_start=True) for name in ("one", "two", "three")))
    start(place, entrance=partial(Changing, place))
    assert len(stories(place)) == 1


class Changing(NamedTuple):
    """The way in for requests; after each the other jobs say no more that they run at the start."""

    place: Place
    rig: Rig

    async def enter(self, request: RunRequest) -> Run:
        run = await self.rig.runs.enter(request)
        others = [name for name in ("one", "two", "three") if name != request.job_id]
        self.place.apply(job(others[0]), delete=(others[1],))
        return run


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


@pytest.mark.parametrize("policy", OverlapPolicy)
def test_a_run_that_the_last_runner_left_waiting_is_the_one_of_this_start(
    place: Place, policy: OverlapPolicy
) -> None:
    place.apply(job("warm", on_start=True, overlap_policy=policy), job("busy", HOLD))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("busy")
        await StartRuns(place.conn, rig.runs, place.clock, spread=0.0).run(nothing_due)

    with_runner(place, scenario, max_concurrency=1)
    assert place.story("warm") == ["scheduled: limit"]
    start(place)
    assert place.story("warm") == ["ok"]
    start(place)
    assert place.story("warm") == ["ok"] * 2


async def rename_to_new(place: Place, rig: Rig) -> None:
    with place.write() as tx:
        rename(tx, [Rename("old", "new")], 1)
    place.apply(job("new", on_start=True))
    await rig.runs.on_plan(["old", "new"])


def test_a_job_that_gets_another_id_before_its_moment_runs_once_under_it(place: Place) -> None:
    place.apply(job("old", on_start=True))
    start(place, partial(rename_to_new, place))
    assert stories(place) == [("new", "ok", None)]
    start(place)
    assert stories(place) == [("new", "ok", None)] * 2


def test_a_job_that_gets_another_id_at_its_moment_runs_once_under_it(place: Place) -> None:
    place.apply(job("old", on_start=True))
    start(place, entrance=partial(Renaming, place))
    assert stories(place) == [("new", "ok", None)]


class Renaming(NamedTuple):
    """The way in for requests; right before the first one the job gets another id."""

    place: Place
    rig: Rig

    async def enter(self, request: RunRequest) -> Run:
        if request.job_id == "old":
            await rename_to_new(self.place, self.rig)
        return await self.rig.runs.enter(request)


def test_what_begins_to_say_so_or_is_enabled_after_the_start_waits_for_the_next(place: Place) -> None:
    place.apply(job("plain"), job("off", on_start=True, enabled=False))
    all_say_so = [job(name, on_start=True) for name in ("made", "off", "plain")]

    async def apply(rig: Rig) -> None:
        await rig.runs.on_plan(place.apply(*all_say_so))

    start(place, apply)
    assert stories(place) == []
    start(place)
    assert sorted(stories(place)) == [(spec.id, "ok", None) for spec in all_say_so]


def test_one_that_is_disabled_and_enabled_again_before_its_moment_runs_once(place: Place) -> None:
    place.apply(job("warm", on_start=True))

    async def apply(rig: Rig) -> None:
        for enabled in (False, True):
            await rig.runs.on_plan(place.apply(job("warm", on_start=True, enabled=enabled)))

    start(place, apply)
    assert stories(place) == [("warm", "ok", None)]


@pytest.mark.parametrize("error", [DatabaseError("no answer of the disk"), MemoryError()], ids=repr)
def test_what_is_begun_again_after_the_commit_asks_for_no_second_run(place: Place, error: Exception) -> None:
    place.apply(job("warm", on_start=True))

    async def scenario(rig: Rig) -> None:
        starts = StartRuns(place.conn, Failing(rig, error), place.clock, spread=0.0)
        with suppress(MemoryError):
            await starts.run(nothing_due)
        place.apply(job("later", on_start=True))
        await starts.run(nothing_due)
        await rig.runs.idle()

    with_runner(place, scenario)
    assert stories(place) == [("warm", "ok", None)]


class Failing(NamedTuple):
    """The way in for requests, which fails when all is done."""

    rig: Rig
    error: Exception

    async def enter(self, request: RunRequest) -> Run:
        await self.rig.runs.enter(request)
        raise self.error
