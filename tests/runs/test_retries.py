"""Attempts that are made again."""

from datetime import timedelta

from support.runs import Place, Rig, job, occur, with_runner

from jeeves_runner.core.model import Retries


def test_a_failed_run_is_tried_again_as_often_as_declared(place: Place) -> None:
    place.apply(job("flaky", "exit 1", retries=Retries(limit=2, delay_ms=20, backoff="exponential")))

    async def scenario(rig: Rig) -> None:
        await rig.finish("flaky", {"a": "b"})
        await rig.until_story("flaky", "error", "error", "error")

    with_runner(place, scenario)
    first, second, third = place.runs()
    assert [run.attempt for run in (first, second, third)] == [1, 2, 3]
    assert [run.chain_id for run in (first, second, third)] == [None, first.id, first.id]
    assert {run.params for run in (first, second, third)} == {'{"a": "b"}'}
    for before, after, delay in ((first, second, 20), (second, third, 40)):
        assert before.finished_at is not None
        assert after.not_before == before.finished_at + timedelta(milliseconds=delay)
        assert after.started_at is not None
        assert after.not_before is not None
        assert after.started_at >= after.not_before


def test_a_pending_retry_counts_as_active(place: Place) -> None:
    place.apply(job("flaky", "exit 1", retries=Retries(limit=1, delay_ms=60_000)))

    async def scenario(rig: Rig) -> None:
        await rig.finish("flaky")
        await occur(rig, "flaky")

    with_runner(place, scenario)
    assert place.story() == ["error", "scheduled: retry", "skipped: overlap"]
