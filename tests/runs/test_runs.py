"""From a trigger or a due occurrence to the row that says how it ended."""

import asyncio
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from support.runs import HOLD, Place, Rig, due_now, job, occur, running, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import CancelCause, JobSpec, OverlapPolicy, Retries, RunStatus, Trigger
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db import overrides, queue_claims, queue_enqueue
from jeeves_runner.db.run_ends import next_end
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.errors import Conflict, Fenced, NoServer, NotFound
from jeeves_runner.execute.local.processes import boot_id


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_triggered_run_is_recorded_with_all_that_is_known_of_it(place: Place) -> None:
    place.apply(job("greet", 'echo "hello $JR_PARAM_WHO"; echo oops >&2; echo \'JR_RESULT:{"tokens":7}\''))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("greet", {"who": "you"})
        assert run.status is RunStatus.RUNNING
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    (run,) = place.runs()
    assert (run.status, run.trigger, run.attempt, run.exit_code) == ("ok", "manual", 1, 0)
    assert run.stdout is not None
    assert run.stdout.startswith("hello you\n")
    assert (run.stderr, run.tokens, run.params) == ("oops\n", 7, '{"who": "you"}')
    assert run.script_hash is not None
    assert (run.file, run.revision_id) == ("greet.yaml", 1)
    assert run.log_path is not None
    assert Path(run.log_path).read_text().count("\n") == 3


def test_a_run_is_recorded_before_its_program_starts(place: Place) -> None:
    """The script itself asks the database about its own run."""
    ask = (
        "import apsw, os, sys; conn = apsw.Connection(os.environ['JR_DB_PATH']); "
        "print(conn.execute('SELECT status, mark = ? FROM runs WHERE id = ?', "
        "(os.environ['JR_RUN_MARK'], os.environ['JR_RUN_ID'])).fetchall())"
    )
    place.apply(job("ask", f'exec {sys.executable} -c "{ask}"'))
    assert with_runner(place, lambda rig: rig.finish("ask")).stdout == "[('running', 1)]\n"


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [("true", "ok", 0), ("exit 3", "error", 3), ("kill -9 $$", "error", None)],
)
def test_the_exit_decides_the_status(place: Place, command: str, status: str, code: int | None) -> None:
    place.apply(job("end", command))
    run = with_runner(place, lambda rig: rig.finish("end"))
    assert (run.status, run.exit_code) == (status, code)


def test_a_script_that_is_missing_ends_its_run_with_that_message(place: Place) -> None:
    place.apply(job("gone", "exit 0", cwd="/no/such/folder"))
    run = with_runner(place, lambda rig: rig.finish("gone"))
    assert run.status is RunStatus.ERROR
    assert run.message == "the working folder does not exist: /no/such/folder; create it, or mend cwd"


def test_a_job_that_does_not_exist_cannot_be_triggered(place: Place) -> None:
    place.apply(job("here"))
    place.apply(delete=("here",))

    async def scenario(rig: Rig) -> None:
        for name in ("nowhere", "here"):
            with pytest.raises(NotFound, match=name):
                await rig.runs.request(name)

    with_runner(place, scenario)
    assert place.runs() == []


def test_a_disabled_job_may_be_run_by_hand_and_has_no_occurrences(place: Place) -> None:
    place.apply(job("off", enabled=False))

    async def scenario(rig: Rig) -> None:
        await occur(rig, "off")
        await rig.finish("off")

    with_runner(place, scenario)
    assert [(run.trigger, run.status) for run in place.runs()] == [("manual", "ok")]


# Occurrences


def test_an_occurrence_runs_once_however_often_it_is_due(place: Place) -> None:
    place.apply(job("tick"))

    async def scenario(rig: Rig) -> None:
        due = due_now(place, "tick")
        await asyncio.gather(*(rig.runs.submit(due) for _ in range(5)))
        await rig.runs.idle()
        await rig.runs.submit(due)
        await rig.runs.idle()

    with_runner(place, scenario)
    assert [run.status for run in place.runs() if run.started_at is not None] == [RunStatus.OK]


def test_a_start_moves_the_watermark(place: Place) -> None:
    place.apply(job("tick"))
    due = due_now(place, "tick")
    with_runner(place, lambda rig: rig.runs.submit(due))
    assert place.value("SELECT decided_until FROM jobs") == to_text(due.latest)


def test_an_occurrence_at_the_watermark_never_starts(place: Place) -> None:
    place.apply(job("tick"))
    due = due_now(place, "tick")
    with place.write() as tx:
        tx.conn.execute("UPDATE jobs SET decided_until = ?", (to_text(due.latest),))
    with_runner(place, lambda rig: rig.runs.submit(due))
    assert place.runs() == []


def test_a_watermark_far_in_the_future_is_no_watermark(place: Place) -> None:
    place.apply(job("tick"))
    ahead = place.clock.now() + timedelta(hours=4)
    with place.write() as tx:
        tx.conn.execute("UPDATE jobs SET decided_until = ?", (to_text(ahead),))
    due = due_now(place, "tick")

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due)
        await rig.runs.submit(due)
        await rig.runs.idle()

    with_runner(place, scenario)
    assert [run.scheduled_for for run in place.runs() if run.started_at] == [due.latest]
    assert place.value("SELECT decided_until FROM jobs") == to_text(due.latest)


def gap(place: Place, job_id: str, *, hours: float, every: int = 10) -> Due:
    """Occurrences each ``every`` minutes from some hours ago to a moment ago."""
    schedule = parse_schedule((f"*/{every} * * * *",), "UTC", "test")
    now = place.clock.now()
    start = now - timedelta(hours=hours)
    first, latest = schedule.next_after(start), schedule.latest(start, now - timedelta(seconds=10))
    assert first is not None
    assert latest is not None
    count = schedule.count(start, latest)
    return Due(job_id=job_id, schedule=schedule, first=first, latest=latest, count=count)


def test_of_a_gap_the_latest_runs_and_one_row_tells_of_the_rest(place: Place) -> None:
    place.apply(job("tick"))
    due = gap(place, "tick", hours=3)

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due)
        await rig.runs.idle()

    with_runner(place, scenario)
    missed, caught_up = place.runs()
    assert (missed.status, missed.reason, missed.scheduled_for) == ("missed", "superseded", due.first)
    assert missed.occurrences == due.count - 1
    assert missed.last_for == due.latest - timedelta(minutes=10)
    assert (caught_up.status, caught_up.trigger) == ("ok", Trigger.CATCH_UP)
    assert caught_up.scheduled_for == due.latest


def test_under_all_every_occurrence_of_a_gap_runs_one_after_the_other(place: Place) -> None:
    place.apply(job("tick", catch_up="all"))
    due = gap(place, "tick", hours=1)

    async def scenario(rig: Rig) -> None:
        await rig.runs.submit(due)
        await rig.runs.idle()

    with_runner(place, scenario)
    ran = place.runs()
    assert [run.status for run in ran] == ["ok"] * due.count
    ends = [run.finished_at for run in ran if run.finished_at]
    starts = [run.started_at for run in ran if run.started_at]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


# Overlap, limits, pause


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


def test_a_cancel_is_not_lost_while_a_start_is_being_committed(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        starting = asyncio.create_task(rig.runs.request("slow"))
        while not place.runs("slow"):  # noqa: ASYNC110 - until the commit, not a turn longer
            await asyncio.sleep(0)
        await rig.runs.cancel(1)
        await starting
        assert (await rig.runs.wait(1)).cancel_cause == "cancel"

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


def test_runs_over_the_limit_wait_and_start_by_priority_then_age(place: Place) -> None:
    place.apply(job("full", HOLD), job("low"), job("also-low"), job("high", priority=5))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        for name in ("low", "also-low", "high"):
            run = await rig.runs.request(name)
            assert (run.status, run.reason) == ("scheduled", "limit")
        await rig.runs.cancel(full.id)
        await rig.until(lambda: all(run.status.is_final for run in place.runs()))

    with_runner(place, scenario, max_concurrency=1)
    started = sorted((run for run in place.runs()[1:]), key=lambda run: (run.started_at, run.finished_at))
    assert [run.job_id for run in started] == ["high", "low", "also-low"]
    assert [run.reason for run in started] == [None, None, None]


def test_a_pool_limits_its_own_jobs_only(place: Place) -> None:
    place.apply(job("a", HOLD, pool="db"), job("b", pool="db"), job("c"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("a")
        waiting = await rig.runs.request("b")
        assert (waiting.reason, waiting.reason_ref) == ("pool", "db")
        assert (await rig.finish("c")).status is RunStatus.OK
        assert place.story("b") == ["scheduled: pool"]

    with_runner(place, scenario, pools={"db": 1})


def test_a_full_disk_stops_admission_until_there_is_room(place: Place) -> None:
    place.apply(job("write"))
    full = [True]

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("write")
        assert (run.status, run.reason) == ("scheduled", "disk_full")
        full[0] = False
        assert (await rig.runs.wait(run.id)).status is RunStatus.OK

    with_runner(place, scenario, disk_full=lambda: full[0])


def pause(place: Place, job_id: str, length: timedelta | None = None) -> None:
    with place.write() as tx:
        overrides.pause(tx, job_id, until=None if length is None else tx.now + length, reason=None, by="test")


def test_a_paused_job_skips_its_occurrences_and_refuses_triggers_without_force(place: Place) -> None:
    place.apply(job("tick"))
    pause(place, "tick")

    async def scenario(rig: Rig) -> None:
        await occur(rig, "tick", 0)
        await occur(rig, "tick", 1)
        with pytest.raises(Conflict, match="paused"):
            await rig.runs.request("tick")
        run = await rig.runs.request("tick", force=True)
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    skipped, forced = place.runs()
    assert (skipped.status, skipped.reason, skipped.occurrences) == ("skipped", "paused", 2)
    assert (forced.status, forced.forced) == ("ok", True)


def test_a_waiting_run_stays_through_a_pause_and_starts_when_it_has_expired(place: Place) -> None:
    place.apply(job("full", HOLD), job("wait"))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        waiting = await rig.runs.request("wait")
        pause(place, "wait", timedelta(seconds=0.5))
        await rig.runs.look()
        await rig.runs.cancel(full.id)
        await rig.runs.wait(full.id)
        assert rig.status(waiting.id) is RunStatus.SCHEDULED
        assert (await rig.runs.wait(waiting.id)).status is RunStatus.OK

    with_runner(place, scenario, max_concurrency=1)


def test_a_pause_of_all_jobs_stops_schedule_and_retries_until_it_is_over(place: Place) -> None:
    place.apply(job("tick"), job("flaky", "exit 1", retries=Retries(limit=1, delay_ms=50)))

    async def scenario(rig: Rig) -> None:
        await rig.finish("flaky")
        with place.write() as tx:
            overrides.pause(tx, None, until=None, reason=None, by="test")
        await rig.runs.look()
        await occur(rig, "tick")
        with pytest.raises(Conflict, match="paused"):
            await rig.runs.request("tick")
        assert place.story("tick") == ["skipped: paused"]
        assert (await rig.runs.wait((await rig.runs.request("tick", force=True)).id)).status is RunStatus.OK
        assert place.runs("flaky")[1].status is RunStatus.SCHEDULED
        with place.write() as tx:
            overrides.resume(tx, None, by="test")
        await rig.runs.look()
        await rig.until_story("flaky", "error", "error")

    with_runner(place, scenario)


# Cancel, timeout, retries


def test_a_timeout_is_recorded_as_the_cause_before_the_signal(place: Place) -> None:
    place.apply(job("stuck", "trap '' TERM; while :; do sleep 0.05; done", timeout_ms=50, kill_grace_ms=100))
    run = with_runner(place, lambda rig: rig.finish("stuck"))
    assert (run.status, run.cancel_cause, run.signal) == ("timeout", "timeout", "SIGKILL")
    assert run.cancel_requested_at is not None
    assert run.finished_at is not None
    assert run.cancel_requested_at <= run.finished_at


@pytest.mark.parametrize("days", [30, 36_500])
def test_a_long_timeout_does_not_fire_at_once(place: Place, days: int) -> None:
    place.apply(job("patient", "sleep 0.2", timeout_ms=days * 86_400_000))
    assert with_runner(place, lambda rig: rig.finish("patient")).status is RunStatus.OK


def test_the_first_recorded_cause_wins(place: Place) -> None:
    place.apply(job("slow", "trap '' TERM; while :; do sleep 0.05; done", kill_grace_ms=300))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("slow")
        await rig.runs.cancel(run.id)
        await rig.runs.cancel(run.id, CancelCause.TIMEOUT)
        assert (await rig.runs.wait(run.id)).status is RunStatus.CANCELLED

    with_runner(place, scenario)


async def until_its_program_exits(rig: Rig) -> None:
    (attempt,) = rig.runs._board.running()
    while not (attempt.execution and attempt.execution.has_ended()):  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("ask", [False, True], ids=["timeout", "cancel"])
def test_a_program_that_has_exited_ended_by_itself_whatever_holds_its_output(place: Place, ask: bool) -> None:
    """What falls into the drain only cuts it short."""
    place.apply(job("leaves", "sleep 0.2; setsid sleep 60 & exit 0", timeout_ms=None if ask else 700))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("leaves")
        if ask:
            await until_its_program_exits(rig)
            await rig.runs.cancel(run.id)
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    (run,) = place.runs()
    assert (run.status, run.exit_code, run.cancel_cause) == ("ok", 0, None)
    assert run.duration_ms is not None
    assert run.duration_ms < 1_100  # of the drain of a second


def test_a_deadline_that_passed_after_the_exit_is_none(place: Place) -> None:
    """As when the runner was stopped (SIGSTOP) meanwhile: it finds both at once."""
    place.apply(job("quick", "true", timeout_ms=300))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("quick")
        time.sleep(0.5)  # noqa: ASYNC251 - the event loop is to stand still
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    assert [(run.status, run.cancel_cause) for run in place.runs()] == [("ok", None)]


def test_a_request_of_another_program_that_comes_after_the_exit_changes_nothing(place: Place) -> None:
    place.apply(job("leaves", "setsid sleep 60 & exit 0"))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("leaves")
        await until_its_program_exits(rig)
        with place.write() as tx:
            request_cancel(tx, run.id, CancelCause.CANCEL)
        await rig.runs.look()
        assert (await rig.runs.wait(run.id)).status is RunStatus.OK

    with_runner(place, scenario)


def test_a_waiting_run_is_cancelled_without_having_started(place: Place) -> None:
    place.apply(job("full", HOLD), job("wait"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("full")
        waiting = await rig.runs.request("wait")
        await rig.runs.cancel(waiting.id)
        run = await rig.runs.wait(waiting.id)
        assert (run.status, run.reason, run.started_at) == ("cancelled", "cancel", None)

    with_runner(place, scenario, max_concurrency=1)


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


@pytest.mark.parametrize(
    ("change", "reason"),
    [([], "deleted"), ([job("slow", enabled=False)], "disabled")],
    ids=["delete", "disable"],
)
def test_a_stopped_job_keeps_its_running_run_and_loses_its_waiting_ones(
    place: Place, change: list[JobSpec], reason: str
) -> None:
    slow = job("slow", "sleep 0.3; exit 1", overlap_policy=OverlapPolicy.QUEUE, retries=Retries(limit=3))
    place.apply(slow)

    async def scenario(rig: Rig) -> None:
        first = await rig.runs.request("slow")
        waiting = await rig.runs.request("slow")
        ids = place.apply(*change, delete=("slow",) * (not change))
        await rig.runs.on_plan(ids)
        assert (await rig.runs.wait(waiting.id)).reason == reason
        assert (await rig.runs.wait(first.id)).status is RunStatus.ERROR

    with_runner(place, scenario)
    assert place.story() == ["error", f"cancelled: {reason}"]


def test_a_run_gives_back_the_queue_items_it_did_not_answer(place: Place) -> None:
    place.apply(job("work", HOLD))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        with place.write() as tx:
            queue_enqueue.enqueue(tx, "inbox", ['{"n":1}'])
            queue_claims.claim(tx, "inbox", count=1, run_id=run.id)
        await rig.runs.cancel(run.id)
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    assert place.value("SELECT status FROM queue_items") == "pending"
    assert place.value("SELECT attempt FROM queue_items") == 1


# Other programs


def test_a_run_asked_for_by_another_program_is_taken_up(place: Place) -> None:
    place.apply(job("greet", 'echo "$JR_PARAM_WHO"'))

    async def scenario(rig: Rig) -> None:
        asked = place.request("greet", '{"WHO":"them"}')
        await rig.runs.look()
        await rig.runs.look()
        assert (await rig.runs.wait(asked.id)).stdout == "them\n"

    with_runner(place, scenario)
    assert len(place.runs()) == 1


def test_a_run_asked_for_by_another_program_has_its_jobs_priority_and_pool(place: Place) -> None:
    place.apply(job("full", HOLD), job("low"), job("high", priority=5, pool="db"))

    async def scenario(rig: Rig) -> None:
        full = await rig.runs.request("full")
        for name in ("low", "high"):
            place.request(name)
        await rig.runs.look()
        await rig.runs.cancel(full.id)
        await rig.until(lambda: all(run.status.is_final for run in place.runs()))

    with_runner(place, scenario, max_concurrency=1)
    low, high = place.runs("low")[0], place.runs("high")[0]
    assert (high.priority, high.pool) == (5, "db")
    assert high.started_at is not None
    assert low.started_at is not None
    assert high.started_at < low.started_at


def test_a_run_asked_for_while_another_is_active_is_skipped(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        asked = place.request("slow")
        await rig.runs.look()
        run = await rig.runs.wait(asked.id)
        assert (run.status, run.reason) == ("skipped", "overlap")

    with_runner(place, scenario)


def test_a_cancel_request_of_another_program_is_obeyed(place: Place) -> None:
    place.apply(job("slow", HOLD), job("wait"))

    async def scenario(rig: Rig) -> None:
        slow, waiting = await rig.runs.request("slow"), await rig.runs.request("wait")
        with place.write() as tx:
            request_cancel(tx, waiting.id, CancelCause.CANCEL)
            request_cancel(tx, slow.id, CancelCause.CANCEL)
        await rig.runs.look()
        assert (await rig.runs.wait(slow.id)).status is RunStatus.CANCELLED
        ended = await rig.runs.wait(waiting.id)
        assert (ended.status, ended.started_at) == ("cancelled", None)

    with_runner(place, scenario, max_concurrency=1)


def test_a_changed_spec_holds_for_the_next_start(place: Place) -> None:
    place.apply(job("say", "echo old"))

    async def scenario(rig: Rig) -> None:
        assert (await rig.finish("say")).stdout == "old\n"
        place.apply(job("say", "echo new"))  # and nobody tells the runner
        assert (await rig.finish("say")).stdout == "new\n"

    with_runner(place, scenario)


# Life


def test_a_run_of_a_job_whose_row_was_damaged_waits_until_it_is_healed(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    spec = job("greet", "echo hello")
    place.apply(spec)
    waiting = place.request("greet")
    with place.write() as tx:
        tx.conn.execute("UPDATE jobs SET spec = '{}'")

    async def scenario(rig: Rig) -> None:
        assert rig.status(waiting.id) is RunStatus.SCHEDULED
        assert "job greet cannot run" in caplog.text
        await rig.runs.on_plan(place.apply(spec))
        assert (await rig.runs.wait(waiting.id)).stdout == "hello\n"

    with_runner(place, scenario)


def test_a_shutdown_waits_for_its_grace_then_ends_and_records_everything(place: Place) -> None:
    place.apply(job("quick", "sleep 0.2"), job("slow", HOLD), job("wait", HOLD))

    async def scenario(rig: Rig) -> None:
        for name in ("quick", "slow", "wait"):
            await rig.runs.request(name)
        await rig.runs.shut_down(0.6)
        with pytest.raises(NoServer):
            await rig.runs.request("quick")

    with_runner(place, scenario, max_concurrency=2)
    assert place.story("quick") == ["ok"]
    assert place.story("slow") == ["interrupted"]
    assert place.runs("slow")[0].cancel_cause == "shutdown"
    assert place.story("wait") == ["scheduled: limit"]


def test_a_shutdown_obeys_cancel_requests_and_no_others(place: Place) -> None:
    place.apply(job("slow", HOLD), job("wait", HOLD), job("late"))

    async def scenario(rig: Rig) -> None:
        ids = [(await rig.runs.request(name)).id for name in ("slow", "wait")]
        down = asyncio.create_task(rig.runs.shut_down(60))
        await asyncio.sleep(0)
        with place.write() as tx:
            for run_id in ids:
                request_cancel(tx, run_id, CancelCause.CANCEL)
        place.request("late")
        await rig.runs.look()
        async with asyncio.timeout(30):
            await down

    with_runner(place, scenario, max_concurrency=1)
    assert [place.story(name) for name in ("slow", "wait")] == [["cancelled"], ["cancelled: cancel"]]
    assert place.story("late") == ["scheduled"]


def test_waiting_runs_survive_a_restart(place: Place) -> None:
    place.apply(job("full", HOLD), job("wait"))

    async def fill(rig: Rig) -> None:
        await rig.runs.request("full")
        await rig.runs.request("wait", {"x": "y"})

    with_runner(place, fill, max_concurrency=1)
    with_runner(place, lambda rig: rig.runs.idle(), max_concurrency=1)
    assert place.story() == ["interrupted", "ok"]


def test_an_outcome_is_recorded_although_its_task_was_cancelled(place: Place) -> None:
    place.apply(job("slow", HOLD))

    async def main() -> None:
        async with running(place) as rig:
            await rig.runs.request("slow")
            for task in list(rig.runs._running._tasks):
                task.cancel()
            await rig.runs.idle()

    asyncio.run(main())
    assert place.story() == ["interrupted"]


def test_a_fenced_runner_stops_admitting_and_ends_its_runs(place: Place) -> None:
    place.apply(job("slow", HOLD), job("next"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        with place.write() as tx:
            begin_epoch(tx, os.getpid(), boot_id())
        with pytest.raises(Fenced):
            await rig.runs.request("next")
        await rig.runs.fenced.wait()
        await rig.runs.idle()
        with pytest.raises(NoServer):
            await rig.runs.request("next")

    with_runner(place, scenario)
    assert place.story("slow") == ["running"]  # its successor settles it
    assert place.story("next") == []


def test_runs_that_end_because_their_runner_is_fenced_are_interrupted(place: Place) -> None:
    """Where the database was taken away and not the epoch, their ends are still recorded."""
    place.apply(job("slow", HOLD, retries=Retries(limit=1)))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("slow")
        rig.runs.fence(Fenced("the lock was deleted"))
        await rig.runs.idle()

    with_runner(place, scenario)
    assert place.story() == ["interrupted"]
    assert place.runs()[0].message == "interrupted: the runner had lost its database (killed by SIGTERM)"


def test_a_caller_who_leaves_while_the_request_is_committed_leaves_the_run_behind(place: Place) -> None:
    place.apply(job("slow", "sleep 0.1"))

    async def scenario(rig: Rig) -> None:
        asking = asyncio.create_task(rig.runs.request("slow"))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await rig.runs.idle()

    with_runner(place, scenario)
    assert place.story("slow") == ["ok"]


def test_who_hears_of_an_end_finds_its_slot_free(place: Place) -> None:
    """Also when something else has looked at the database between the commit and the end of the task."""
    place.apply(job("quick", "true"))

    async def scenario(rig: Rig) -> None:
        async def look() -> None:
            while True:
                await rig.runs.look()
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        for _ in range(50):
            assert (await rig.finish("quick")).status is RunStatus.OK
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)

    with_runner(place, scenario, max_concurrency=1)


def test_a_late_outcome_changes_nothing_and_is_noted(place: Place) -> None:
    place.apply(job("slow", "sleep 0.2"))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("slow")
        with place.write() as tx:
            tx.conn.execute(
                "UPDATE runs SET status = 'interrupted', finished_at = ?, end_seq = ? WHERE id = ?",
                (tx.at, next_end(tx), run.id),
            )
        assert (await rig.runs.wait(run.id)).status is RunStatus.INTERRUPTED
        await rig.runs.idle()

    with_runner(place, scenario)
    assert place.story() == ["interrupted"]
    assert place.value("SELECT action || ': ' || detail FROM audit") == "late result: ok"


def test_a_run_asked_for_while_its_jobs_row_is_damaged_waits_for_the_heal(place: Place) -> None:
    place.apply(job("greet", "true"))

    async def scenario(rig: Rig) -> None:
        asked = place.request("greet")
        with place.write() as tx:
            tx.conn.execute("UPDATE jobs SET spec = '{}' WHERE id = 'greet'")
        await rig.runs.look()
        await rig.runs.on_plan(place.apply(job("greet", "true")))
        ended = await rig.runs.wait(asked.id)
        assert ended.status is RunStatus.OK

    with_runner(place, scenario)


def test_a_job_whose_row_is_damaged_is_not_called_missing(place: Place) -> None:
    place.apply(job("greet", "true"))
    with place.write() as tx:
        tx.conn.execute("UPDATE jobs SET spec = '{}' WHERE id = 'greet'")

    async def scenario(rig: Rig) -> None:
        with pytest.raises(Conflict, match="the row of job greet in the database was damaged"):
            await rig.runs.request("greet")
        with pytest.raises(Conflict, match="damaged") as refused:
            place.request("greet")
        assert "apply" in (refused.value.hint or "")

    with_runner(place, scenario)
