"""Jobs that come after others: given ends, which runs follow, when, and of what."""

import json
from typing import Any

import pytest
from support.runs import HOLD, Place, Rig, due_now, job, with_runner

from jeeves_runner.core.edge_spec import After
from jeeves_runner.core.model import ExitCodes, JobSpec, OverlapPolicy, Retries, RunStatus, Trigger
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Run
from jeeves_runner.db import after, overrides
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.runner.after_watch import AfterWatch

_QUALIFIES = "SELECT upstream, qualifies FROM arrivals"


def follower(*upstreams: str, when: Any = "ok", command: str = "true", **fields: Any) -> JobSpec:
    return job("next", command, after=After(upstreams, when), **fields)


def causes(run: Run) -> Any:
    return json.loads(run.caused_by or "{}")


def watch(rig: Rig) -> AfterWatch:
    return AfterWatch(conn=rig.place.conn, writer=rig.writer, clock=rig.place.clock, runs=rig.runs)


def followers(place: Place) -> list[Run]:
    return place.runs("next")


async def until_followed(rig: Rig, times: int = 1) -> Run:
    """The newest run that follows, once so many have ended."""
    await rig.until(lambda: sum(run.status.is_final for run in followers(rig.place)) == times)
    return followers(rig.place)[-1]


def test_an_ok_end_is_followed_by_a_run_that_names_it(place: Place) -> None:
    place.apply(job("first"), follower("first", command='echo "$JR_TRIGGER $JR_CAUSED_BY $JR_SCHEDULED_FOR"'))

    async def scenario(rig: Rig) -> None:
        ended = await rig.finish("first")
        run = await until_followed(rig)
        assert (run.trigger, run.status, run.depth, run.caused_by) == ("after", "ok", 1, '{"runs":[1]}')
        assert run.stdout == 'after {"runs":[1]} \n'
        assert place.conn.execute("SELECT cause, run_id FROM run_causes").fetchall() == [(ended.id, run.id)]

    with_runner(place, scenario)
    assert place.story("next") == ["ok"]


def test_it_runs_once_all_have_ended_and_consumes_all_of_them(place: Place) -> None:
    place.apply(job("a"), job("b"), follower("a", "b"))

    async def scenario(rig: Rig) -> None:
        await rig.finish("a")
        await rig.finish("a")
        assert not followers(place)
        await rig.finish("b")
        assert causes(await until_followed(rig)) == {"runs": [1, 2, 3]}
        await rig.finish("b")
        assert len(followers(place)) == 1  # `a` has not ended since
        await rig.finish("a")
        assert causes(await until_followed(rig, 2)) == {"runs": [5, 6]}

    with_runner(place, scenario)


@pytest.mark.parametrize(
    ("command", "when", "follows"),
    [
        ("true", "ok", True),
        ("false", "ok", False),
        ("exit 78", "ok", False),
        ("true", "finished", True),
        ("false", "finished", True),
        ("exit 78", "finished", False),
    ],
)
def test_which_ends_count(place: Place, command: str, when: str, follows: bool) -> None:
    place.apply(job("first", command, exit_codes=ExitCodes(skip=(78,))), follower("first", when=when))

    async def scenario(rig: Rig) -> None:
        await rig.finish("first")
        assert len(followers(place)) == follows

    with_runner(place, scenario)


def test_a_cancelled_run_is_finished_and_one_that_never_started_is_not(place: Place) -> None:
    place.apply(job("first", HOLD), follower("first", when="finished"))

    async def scenario(rig: Rig) -> None:
        running = await rig.runs.request("first")
        waiting = await rig.runs.request("first", force=True)
        await rig.runs.cancel(waiting.id)
        assert rig.status(waiting.id) is RunStatus.CANCELLED
        assert not followers(place)
        await rig.runs.cancel(running.id)
        assert causes(await until_followed(rig)) == {"runs": [running.id]}

    with_runner(place, scenario, max_concurrency=1)


def test_only_the_last_attempt_of_a_chain_counts(place: Place) -> None:
    retries = Retries(limit=1, delay_ms=1)
    place.apply(job("first", "test $JR_ATTEMPT = 2", retries=retries), follower("first", when="finished"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("first")
        assert causes(await until_followed(rig)) == {"runs": [2]}

    with_runner(place, scenario)
    assert place.story("next") == ["ok"]


def test_a_run_of_a_backfill_is_not_followed(place: Place) -> None:
    place.apply(job("first"), follower("first"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.enter(RunRequest(job_id="first", trigger=Trigger.BACKFILL, backfill_id=1))
        await rig.until_story("first", "ok")

    with_runner(place, scenario)
    assert not followers(place)


@pytest.mark.parametrize("policy", [OverlapPolicy.SKIP, OverlapPolicy.QUEUE])
def test_while_a_run_is_active_nothing_is_consumed_and_one_follows_with_all_causes(
    place: Place, policy: OverlapPolicy
) -> None:
    place.apply(job("first"), follower("first", command=place.held(), overlap_policy=policy))

    async def scenario(rig: Rig) -> None:
        for _ in range(4):
            await rig.finish("first")
        assert place.story("next") == ["running"]
        place.go()
        assert causes(await until_followed(rig, 2)) == {"runs": [3, 4, 5]}

    with_runner(place, scenario)
    assert place.story("next") == ["ok", "ok"]


@pytest.mark.parametrize(
    ("policy", "story"),
    [(OverlapPolicy.ALLOW, ["running", "running"]), (OverlapPolicy.REPLACE, ["cancelled", "running"])],
)
def test_other_policies_consume_at_once(place: Place, policy: OverlapPolicy, story: list[str]) -> None:
    place.apply(job("first"), follower("first", command=HOLD, overlap_policy=policy))

    async def scenario(rig: Rig) -> None:
        await rig.finish("first")
        await rig.until(lambda: place.runs("next")[0].status is RunStatus.RUNNING)
        await rig.finish("first")
        await rig.until(lambda: [run.status for run in followers(place)] == story)

    with_runner(place, scenario)


@pytest.mark.parametrize("of_all", [False, True])
def test_a_pause_consumes_nothing_and_one_run_follows_its_end(place: Place, of_all: bool) -> None:
    place.apply(job("first"), follower("first"))
    paused = None if of_all else "next"

    async def scenario(rig: Rig) -> None:
        with place.write() as tx:
            overrides.pause(tx, paused, until=None, reason=None, by=Actor("test"))
        for _ in range(2):
            run = await rig.runs.request("first", force=True)
            await rig.runs.wait(run.id)
        await watch(rig).look()
        assert not followers(place)
        with place.write() as tx:
            overrides.resume(tx, paused, by=Actor("test"))
        await rig.runs.look()
        await watch(rig).look()
        assert causes(await until_followed(rig)) == {"runs": [1, 2]}
        await watch(rig).look()
        assert len(followers(place)) == 1

    with_runner(place, scenario)


def test_an_edge_begins_with_the_apply_that_declares_it_and_with_enable(place: Place) -> None:
    place.apply(job("first"), job("next"))

    async def scenario(rig: Rig) -> None:
        async def apply(spec: JobSpec) -> None:
            await rig.runs.on_plan(place.apply(spec))
            await watch(rig).look()

        await rig.finish("first")
        await apply(follower("first"))
        assert not followers(place)
        await apply(follower("first", enabled=False))
        await rig.finish("first")
        await apply(follower("first"))
        assert not followers(place)
        await rig.finish("first")
        assert causes(await until_followed(rig)) == {"runs": [3]}

    with_runner(place, scenario)


def test_how_an_upstream_must_end_is_read_where_it_is_said(place: Place) -> None:
    place.apply(job("first"), follower("first", tags=("finished",)))
    assert place.conn.execute(_QUALIFIES).fetchall() == [("first", "ok")]
    place.apply(follower("first", when="finished"))
    assert place.conn.execute(_QUALIFIES).fetchall() == [("first", "finished")]


def test_what_an_apply_lets_go_of_is_not_waited_for(place: Place) -> None:
    place.apply(job("a"), job("b"), follower("a", "b"))

    async def scenario(rig: Rig) -> None:
        await rig.finish("a")
        await rig.runs.on_plan(place.apply(follower("a")))
        await watch(rig).look()
        assert causes(await until_followed(rig)) == {"runs": [1]}
        await rig.runs.on_plan(place.apply(delete=("next",)))
        await rig.finish("a")

    with_runner(place, scenario)
    assert len(followers(place)) == 1
    assert place.value("SELECT count(*) FROM arrivals") == 0


def test_the_time_is_that_of_the_jobs_it_follows_where_all_have_the_same(place: Place) -> None:
    place.apply(job("a"), job("b"), follower("a", "b"))

    async def scenario(rig: Rig) -> None:
        for of_a, of_b in ((0, 0), (1, 2)):
            first, other = due_now(place, "a", of_a), due_now(place, "b", of_b)
            await rig.runs.submit(first)
            await rig.runs.submit(other)
            run = await until_followed(rig, of_a + 1)
            assert run.scheduled_for == (first.first if first.first == other.first else None)

    with_runner(place, scenario)


def test_an_occurrence_that_falls_together_with_it_is_the_same_run(place: Place) -> None:
    place.apply(job("full", HOLD), job("first"), follower("first"))

    async def scenario(rig: Rig) -> None:
        with place.write() as tx:
            overrides.pause(tx, "next", until=None, reason=None, by=Actor("test"))
        await rig.finish("first")
        full = await rig.runs.request("full")
        with place.write() as tx:
            overrides.resume(tx, "next", by=Actor("test"))
        await watch(rig).look()
        await rig.until_story("next", "scheduled: limit")
        await rig.runs.submit(due_now(place, "next", 1))
        await rig.runs.cancel(full.id)
        await until_followed(rig, 2)

    with_runner(place, scenario, max_concurrency=1)
    assert place.story("next") == ["ok", "skipped: overlap"]


def test_why_it_cannot_follow_is_told_once_and_it_follows_once_it_can(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    place.apply(job("first"), follower("first"))

    async def scenario(rig: Rig) -> None:
        looks = watch(rig)
        good = place.value("SELECT spec FROM jobs WHERE id = 'next'")
        damaged = "json_set(spec, '$.timeout_ms', 'soon')"
        place.conn.execute(f"UPDATE jobs SET spec = {damaged} WHERE id = 'next'")
        await rig.finish("first")
        for _ in range(3):
            await looks.look()
        assert followers(place) == []
        place.conn.execute("UPDATE jobs SET spec = ? WHERE id = 'next'", (good,))
        await looks.look()
        await until_followed(rig)

    with_runner(place, scenario)
    told = [text for text in caplog.messages if "after others" in text]
    assert len(told) == 2
    assert told[0].startswith("next cannot run after others: ")
    assert told[1] == "next can run after others again"


def test_it_waits_for_a_run_that_started_between_the_end_and_the_look(place: Place) -> None:
    place.apply(job("first"), follower("first", command=place.held()))

    async def scenario(rig: Rig) -> None:
        with place.write() as tx:
            tx.conn.execute("UPDATE arrivals SET count = 1, runs = '[[1, null]]'")
            after.follow_all(tx, ["next"])
        await rig.runs.submit(due_now(place, "next"))
        await rig.runs.look()
        await rig.until_story("next", "scheduled: overlap", "running")
        place.go()
        await until_followed(rig, 2)

    with_runner(place, scenario)
    assert place.story("next") == ["ok", "ok"]


def test_a_hundred_causes_are_named_and_all_are_counted(place: Place) -> None:
    place.apply(job("first"), follower("first"))
    with place.write() as tx:
        overrides.pause(tx, "next", until=None, reason=None, by=Actor("test"))
        for number in range(1, 131):
            tx.conn.execute(
                "INSERT INTO runs (id, job_id, status, trigger, created_at) VALUES (?, 'first', 'scheduled',"
                " 'manual', ?)",
                (number, tx.at),
            )
    with place.write() as tx:
        for run in place.runs("first"):
            after.arrive(tx, run._replace(status=RunStatus.OK, started_at=run.created_at))
        tx.conn.execute("DELETE FROM runs")
        overrides.resume(tx, "next", by=Actor("test"))
        after.follow_all(tx, ["next"])
    (run,) = followers(place)
    assert causes(run) == {"runs": list(range(31, 131)), "total": 130}


def test_one_that_follows_does_not_overtake_what_waits(place: Place) -> None:
    """It comes in the very moment in which a slot is free, and that one belongs to what has waited for it."""
    place.apply(job("first", place.held()), job("other", HOLD), follower("first", command=HOLD))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("first")
        waiting = await rig.runs.request("other")
        assert waiting.reason == "limit"
        place.go()
        await rig.until(lambda: place.story("next") == ["scheduled: limit"])  # taken up, and waits
        await rig.until(lambda: place.story("other") == ["running"])

    with_runner(place, scenario, max_concurrency=1)
