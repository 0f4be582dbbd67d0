"""Attempts that are made again."""

from datetime import timedelta
from pathlib import Path

from support.admission_acts import due_of
from support.admission_play import with_doors
from support.admission_state import JobRules
from support.clock import NOON
from support.doors import Doors
from support.runs import Place, Rig, job, occur, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import CancelCause, OverlapPolicy, Retries


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


def test_a_retry_does_not_move_the_watermark(template: Path) -> None:
    first, second = NOON + timedelta(seconds=4), NOON + timedelta(seconds=8)

    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=8)
        for when in (first, second):
            doors.arrive_due(due_of("flaky", [when]))
            await doors.rest()
        doors.end(1, 1)
        await doors.rest()
        assert [(row.trigger, row.scheduled_for) for row in doors.rows()] == [
            ("schedule", first),
            ("schedule", second),
            ("retry", first),
        ]
        assert doors.watermarks() == {"flaky": second}

    with_doors(template, scenario, JobRules(id="flaky", overlap=OverlapPolicy.ALLOW, retries=1))


def test_each_retry_waits_for_its_own_time(place: Place) -> None:
    """Also for one that is behind another whose time comes later."""
    place.apply(job("flaky", overlap_policy=OverlapPolicy.ALLOW))
    with place.write() as tx:
        for delay in (timedelta(hours=1), timedelta(seconds=0.1)):
            tx.conn.execute(
                "INSERT INTO runs (job_id, status, trigger, attempt, not_before, created_at, reason)"
                " VALUES ('flaky', 'scheduled', 'retry', 2, ?, ?, 'retry')",
                (to_text(tx.now + delay), tx.at),
            )
    with_runner(place, lambda rig: rig.until_story("flaky", "scheduled: retry", "ok"))


def test_a_request_that_is_seen_with_the_retry_of_an_older_run_meets_it(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.request_by_hand("flaky")
        await doors.rest()
        doors.write_request("flaky")
        doors.end(1, 1)
        await doors.rest()
        assert [(row.status, row.reason) for row in doors.rows()] == [
            ("error", None),
            ("skipped", "overlap"),
            ("scheduled", "retry"),
        ]

    with_doors(template, scenario, JobRules(id="flaky", retries=1))


def test_a_run_that_is_replaced_after_its_timeout_is_not_tried_again(place: Place) -> None:
    go = place.root / "go"
    command = f"trap : TERM; until test -e {go}; do sleep 0.02 || true; done; exit 1"
    retries = Retries(limit=1, delay_ms=60_000, on=("timeout",))
    limits = {"timeout_ms": 100, "kill_grace_ms": 60_000}
    place.apply(job("slow", command, overlap_policy=OverlapPolicy.REPLACE, retries=retries, **limits))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        await rig.until(lambda: place.runs()[0].cancel_cause is CancelCause.TIMEOUT)
        await rig.runs.request("slow")
        go.touch()
        await rig.until_story("slow", "timeout: replaced", "error", "cancelled: replaced")

    with_runner(place, scenario)
    first, second, retry = place.runs()
    assert (first.reason_ref, retry.reason_ref) == (str(second.id), str(second.id))
