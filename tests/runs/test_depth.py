"""Runs that cause one another in a circle: they come to an end, and the rows say so."""

from support.runs import Place, Rig, job, with_runner

from jeeves_runner.core.causes import Causes
from jeeves_runner.core.model import Trigger
from jeeves_runner.db.run_requests import RunRequest, request_run


def follow(job_id: str, depth: int, cause: int = 1, trigger: Trigger = Trigger.QUEUE) -> RunRequest:
    return RunRequest(job_id=job_id, trigger=trigger, caused_by=Causes(runs=(cause,)), depth=depth)


def test_a_run_at_the_limit_starts_and_one_beyond_is_a_row_that_says_so(place: Place) -> None:
    place.apply(job("loop"))

    async def scenario(rig: Rig) -> None:
        at_limit = await rig.runs.enter(follow("loop", 3))
        assert (await rig.runs.wait(at_limit.id)).status == "ok"
        beyond = await rig.runs.enter(follow("loop", 4, cause=at_limit.id))
        assert (beyond.status, beyond.reason, beyond.depth) == ("skipped", "depth", 4)
        assert beyond.message == "depth 4, and graph.depth is 3"

    with_runner(place, scenario, depth_limit=3)
    assert place.story() == ["ok", "skipped: depth"]


def test_refusals_share_a_row_also_those_that_other_programs_asked_for(place: Place) -> None:
    place.apply(job("loop"))

    async def scenario(rig: Rig) -> None:
        first = await rig.runs.enter(follow("loop", 4, cause=11))
        assert (await rig.runs.enter(follow("loop", 4, cause=12))).id == first.id
        with place.write() as tx:
            request_run(tx, follow("loop", 5, cause=13))
        await rig.runs.look()
        await rig.until(lambda: place.runs()[0].occurrences == 3)
        (row,) = place.runs()
        assert (row.id, row.depth, row.caused_by) == (first.id, 5, '{"runs":[13]}')
        assert not rig.runs._board.of_job("loop")

    with_runner(place, scenario, depth_limit=3)
    causes = place.conn.execute("SELECT cause FROM run_causes WHERE run_id = 1 ORDER BY cause").fetchall()
    assert causes == [(11,), (12,), (13,)]


def test_of_a_run_that_has_caused_several_refusals_of_one_row_nothing_is_left_behind(place: Place) -> None:
    place.apply(job("loop"))

    async def scenario(rig: Rig) -> None:
        for _ in range(3):
            await rig.runs.enter(follow("loop", 4, cause=11, trigger=Trigger.CHANGE))

    with_runner(place, scenario, depth_limit=3)
    (row,) = place.runs()
    assert row.occurrences == 3
    assert place.conn.execute("SELECT cause, run_id FROM run_causes").fetchall() == [(11, row.id)]


def test_a_refusal_of_another_kind_or_after_another_run_has_its_own_row(place: Place) -> None:
    place.apply(job("loop"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.enter(follow("loop", 4))
        await rig.runs.enter(follow("loop", 4, trigger=Trigger.AFTER))
        await rig.finish("loop")
        await rig.runs.enter(follow("loop", 4, trigger=Trigger.AFTER))
        for _ in range(2):  # who asked is told a number
            await rig.runs.enter(follow("loop", 4, trigger=Trigger.MANUAL))

    with_runner(place, scenario, depth_limit=3)
    assert place.story() == ["skipped: depth"] * 2 + ["ok"] + ["skipped: depth"] * 3
    assert {run.occurrences for run in place.runs()} == {1}
