"""What becomes of a run that meets another one of its job."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from support.admission_acts import spec_of
from support.admission_play import with_doors
from support.admission_state import JobRules
from support.doors import Doors
from support.runs import HOLD, Place, Rig, due_now, job, occur, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import OverlapPolicy, Retries, RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides
from jeeves_runner.db.writer import Priority


def test_skip_joins_skipped_occurrences_into_one_row(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        for second in range(4):
            await occur(rig, "slow", second)

    with_runner(place, scenario)
    running_one, skipped = place.runs()
    assert running_one.status is RunStatus.INTERRUPTED
    assert (skipped.status, skipped.reason, skipped.occurrences) == ("skipped", "overlap", 3)
    assert skipped.scheduled_for is not None
    assert skipped.last_for is not None
    assert skipped.last_for >= skipped.scheduled_for + timedelta(seconds=2)


def test_what_is_skipped_is_decided_about(place: Place) -> None:
    place.apply(job("slow", HOLD))
    first, second, third = (due_now(place, "slow", second) for second in range(3))

    async def scenario(rig: Rig) -> None:
        for due in (first, second, third, third):
            await rig.runs.submit(due)

    with_runner(place, scenario)
    assert place.runs()[1].occurrences == 2
    assert place.value("SELECT decided_until FROM jobs") == to_text(third.latest)


def test_skips_for_two_reasons_are_two_rows(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        await occur(rig, "slow", 0)
        await occur(rig, "slow", 1)
        with place.write() as tx:
            overrides.pause(tx, "slow", until=None, reason=None, by=Actor("test"))
        await occur(rig, "slow", 2)
        await occur(rig, "slow", 3)

    with_runner(place, scenario)
    skipped = place.runs()[1:]
    assert [(run.reason, run.occurrences) for run in skipped] == [("overlap", 1), ("paused", 2)]


def test_allow_lets_runs_overlap(place: Place) -> None:
    place.apply(job("slow", HOLD, overlap_policy=OverlapPolicy.ALLOW))

    async def scenario(rig: Rig) -> None:
        await occur(rig, "slow", 0)
        await occur(rig, "slow", 1)
        assert place.story() == ["running", "running"]

    with_runner(place, scenario)


def test_queue_keeps_one_waiting_and_skips_the_others(place: Place) -> None:
    place.apply(job("slow", HOLD, overlap_policy=OverlapPolicy.QUEUE))

    async def scenario(rig: Rig) -> None:
        for second in range(3):
            await occur(rig, "slow", second)
        assert place.story() == ["running", "scheduled: overlap", "skipped: queue_full"]
        await rig.runs.cancel(place.runs()[0].id)
        await rig.until_story("slow", "cancelled", "running", "skipped: queue_full")

    with_runner(place, scenario)


def test_replace_ends_the_running_one_and_starts_after_it(place: Place) -> None:
    place.apply(job("slow", HOLD, overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        await occur(rig, "slow", 0)
        await occur(rig, "slow", 1)
        await rig.until_story("slow", "cancelled", "running")
        first, second = place.runs()
        assert first.cancel_cause == "replaced"
        assert first.finished_at is not None
        assert second.started_at is not None
        assert first.finished_at <= second.started_at

    with_runner(place, scenario)


def test_a_run_is_replaced_although_its_start_is_still_being_committed(place: Place) -> None:
    place.apply(job("slow", HOLD, overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        await asyncio.gather(rig.runs.request("slow"), rig.runs.request("slow"))
        await rig.until_story("slow", "cancelled", "running")

    with_runner(place, scenario)


def test_replace_cancels_what_waits(place: Place) -> None:
    place.apply(job("full", HOLD), job("late", overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("full")
        await occur(rig, "late", 0)
        await occur(rig, "late", 1)
        assert [run.status for run in place.runs("late")] == ["cancelled", "scheduled"]
        assert place.runs("late")[0].reason == "replaced"

    with_runner(place, scenario, max_concurrency=1)


def test_a_run_asked_for_by_another_program_replaces_what_runs(place: Place) -> None:
    place.apply(job("slow", HOLD, overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        place.request("slow")
        await rig.runs.look()
        await rig.until_story("slow", "cancelled", "running")
        assert place.runs()[0].cancel_cause == "replaced"

    with_runner(place, scenario)


def test_a_run_that_had_failed_when_it_was_replaced_is_not_tried_again(place: Place) -> None:
    """Its end is recorded later, for something of it still holds its output."""
    command = 'test -z "$JR_PARAM_NEW" || exec sleep 60; setsid sleep 60 & exit 1'
    retries = Retries(limit=1, delay_ms=60_000)
    place.apply(job("leaves", command, overlap_policy=OverlapPolicy.REPLACE, retries=retries))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("leaves")
        await rig.until_the_program_exits()
        await rig.runs.request("leaves", {"NEW": "yes"})
        await rig.until_story("leaves", "error", "running", "cancelled: replaced")

    with_runner(place, scenario, executor=place.local(4, drain=60))


def test_what_is_behind_a_run_that_is_being_replaced_does_not_take_its_slot(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        for job_id in ("full", "urgent", "other"):
            doors.request_by_hand(job_id)
            await doors.rest()
        doors.writer.holds = True
        doors.request_by_hand("urgent")
        doors.end(1, 0)
        await doors.rest()
        await doors.writer.commit(only=Priority.OUTCOME)  # and the replacement comes later
        await doors.writer.release()
        assert [(row.job, row.status) for row in doors.rows()] == [
            ("full", "ok"),
            ("urgent", "cancelled"),
            ("other", "scheduled"),
            ("urgent", "running"),
        ]

    urgent = JobRules(id="urgent", overlap=OverlapPolicy.REPLACE, priority=1)
    with_doors(template, scenario, JobRules(id="full"), urgent, JobRules(id="other"), limit=1)


@pytest.mark.parametrize("is_retry", [False, True])
def test_a_later_request_does_not_take_the_slot_of_a_run_that_is_being_replaced(
    template: Path, is_retry: bool
) -> None:
    async def scenario(doors: Doors) -> None:
        if is_retry:
            doors.request_by_hand("urgent")
            await doors.rest()
            doors.end(1, 1)
            await doors.rest()
        doors.request_by_hand("full")
        await doors.rest()
        full = doors.rows()[-1].id
        if is_retry:
            doors.clock.advance(seconds=30)
        else:
            doors.request_by_hand("urgent")
        await doors.rest()
        doors.writer.holds = True
        doors.request_by_hand("urgent")
        doors.end(full, 0)
        await doors.rest()
        await doors.writer.commit(only=Priority.OUTCOME)  # the slot is free, and the replacement comes later
        doors.request_by_hand("other")
        await doors.rest()
        await doors.writer.release()
        assert [(row.job, row.status) for row in doors.rows()[-3:]] == [
            ("full", "ok") if is_retry else ("urgent", "cancelled"),
            ("urgent", "running"),
            ("other", "scheduled"),
        ]

    urgent = JobRules(id="urgent", overlap=OverlapPolicy.REPLACE, priority=1, retries=1)
    with_doors(template, scenario, urgent, JobRules(id="full"), JobRules(id="other"), limit=1)


def test_a_request_whose_job_changes_does_not_replace_what_has_come_after_it(template: Path) -> None:
    """It keeps its turn before the other one, although the commit of its start found another spec."""

    async def scenario(doors: Doors) -> None:
        doors.writer.holds = True
        doors.write_request("job")
        doors.write_request("job", forced=True)
        doors.look()
        await doors.rest()
        doors.apply(spec_of(JobRules(id="job", overlap=OverlapPolicy.REPLACE, priority=1)))
        await doors.writer.release()
        assert [(row.status, row.reason) for row in doors.rows()] == [
            ("running", None),
            ("scheduled", "limit"),
        ]

    with_doors(template, scenario, JobRules(id="job", overlap=OverlapPolicy.REPLACE), limit=1)
