"""When items of a queue start a job, and how long a job rests that comes to nothing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.ledger import Ledger
from support.queues import claim, column, complete, fail, push

from jeeves_runner.clock import to_text
from jeeves_runner.core.causes import Causes, causes_from
from jeeves_runner.core.durations import End
from jeeves_runner.core.edge_spec import OnQueue
from jeeves_runner.core.model import Reason, Retries, RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import queue_claims, queue_enqueue, queue_pauses, queue_triggers, runs
from jeeves_runner.db.clock_events import put_right
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.queue_triggers import Ready, judge
from jeeves_runner.db.queue_upkeep import prune_queue
from jeeves_runner.db.renames import Rename, rename
from jeeves_runner.db.run_ends import RunRecord, end_running, end_waiting

WANTED = OnQueue("mail", batch=3, max_wait_ms=5000)
BY_ERROR = Retries(limit=1, delay_ms=0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("triage", on_queue=WANTED)
    yield ledger
    ledger.conn.close()


def ready(ledger: Ledger) -> Ready:
    return judge(ledger.conn, ledger.now, "triage", WANTED)


def start(ledger: Ledger) -> int | None:
    with ledger.tx() as tx:
        return queue_triggers.start(tx, "triage")


def pass_time(ledger: Ledger, **span: float) -> None:
    ledger.clock.time += timedelta(**span)


def begin(ledger: Ledger, run_id: int | None = None) -> int:
    """A run that items start, or the one that is named, now runs."""
    begun = run_id or start(ledger)
    assert begun is not None
    ledger.conn.execute("UPDATE runs SET status = 'running', started_at = created_at WHERE id = ?", (begun,))
    return begun


def end(
    ledger: Ledger, run_id: int, status: RunStatus = RunStatus.OK, retries: Retries | None = None
) -> None:
    with ledger.tx() as tx:
        assert end_running(tx, run_id, Outcome(status=status), RunRecord(started_at=tx.now), retries)


def rest(ledger: Ledger) -> tuple[Any, ...] | None:
    """For how many milliseconds the job rests, and until when."""
    return ledger.conn.execute("SELECT rest_ms, not_before FROM queue_triggers").fetchone()


def fruitless(ledger: Ledger, status: RunStatus = RunStatus.ERROR) -> int:
    """A run that completes nothing, once the job no longer rests; how long the job rests then, in
    milliseconds."""
    if (found := rest(ledger)) is not None:
        pass_time(ledger, milliseconds=found[0])
    end(ledger, begin(ledger), status)
    after = rest(ledger)
    assert after is not None
    assert after[1] == to_text(ledger.now + timedelta(milliseconds=after[0]))
    return int(after[0])


class TestReady:
    def test_as_soon_as_a_batch_is(self, ledger: Ledger) -> None:
        push(ledger, 1, 2)
        assert not ready(ledger).is_due
        push(ledger, 3, delay_ms=1000)
        assert not ready(ledger).is_due
        pass_time(ledger, seconds=1)
        assert ready(ledger).is_due

    def test_or_the_oldest_has_waited(self, ledger: Ledger) -> None:
        push(ledger, 1)
        pass_time(ledger, seconds=2)
        push(ledger, 2, delay_ms=1000)
        assert ready(ledger) == Ready(False, ledger.now + timedelta(seconds=1))
        pass_time(ledger, seconds=1)
        assert ready(ledger) == Ready(False, ledger.now + timedelta(seconds=2))
        pass_time(ledger, seconds=2)
        assert ready(ledger) == Ready(True)

    def test_what_was_delayed_waits_from_when_it_is_ready(self, ledger: Ledger) -> None:
        push(ledger, 1, delay_ms=60_000)
        assert ready(ledger) == Ready(False, ledger.now + timedelta(minutes=1))
        pass_time(ledger, minutes=1)
        assert ready(ledger) == Ready(False, ledger.now + timedelta(seconds=5))

    def test_an_empty_queue_brings_nothing(self, ledger: Ledger) -> None:
        assert ready(ledger) == Ready(False)
        push(ledger, 1)
        complete(ledger, claim(ledger)[0])
        assert ready(ledger) == Ready(False)

    def test_claimed_items_are_ready_again_when_the_lease_ends(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        claim(ledger, 3, lease_ms=10_000)
        assert ready(ledger) == Ready(False, ledger.now + timedelta(seconds=10))
        pass_time(ledger, seconds=10)
        assert ready(ledger) == Ready(False, has_ended_leases=True)
        assert start(ledger) is not None

    def test_the_last_lease_of_an_item_makes_a_dead_letter_and_starts_nothing(self, ledger: Ledger) -> None:
        push(ledger, 1, max_attempts=1)
        claim(ledger, lease_ms=1000)
        pass_time(ledger, seconds=10)
        assert start(ledger) is None
        assert ledger.count("queue_items", "status = 'failed'") == 1
        assert ready(ledger) == Ready(False)

    def test_an_item_of_a_clock_that_was_ahead_waits_no_longer_than_others(self, ledger: Ledger) -> None:
        push(ledger, 1)
        pass_time(ledger, days=-300)
        assert ready(ledger).is_due

    def test_not_while_the_queue_is_paused(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        until = ledger.now + timedelta(hours=1)
        with ledger.tx() as tx:
            queue_pauses.pause(tx, "mail", until=End(until, 3_600_000), reason=None, by=Actor("cli"))
        assert ready(ledger) == Ready(False, until)
        assert start(ledger) is None
        pass_time(ledger, hours=1)
        assert start(ledger) is not None

    def test_a_pause_without_an_end_waits_for_a_person(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        with ledger.tx() as tx:
            queue_pauses.pause(tx, "mail", until=None, reason=None, by=Actor("cli"))
        assert ready(ledger) == Ready(False)


class TestStart:
    def test_enters_a_run_with_its_cause(self, ledger: Ledger) -> None:
        ids = push(ledger, 1, 2, 3)
        run = runs.run(ledger.conn, start(ledger) or 0)
        assert run is not None
        assert (run.trigger, run.status, run.depth) == ("queue", "scheduled", 0)
        assert causes_from(run.caused_by) == Causes(items=tuple(i for i in ids if i), queue="mail")

    def test_names_a_hundred_items_at_most(self, ledger: Ledger) -> None:
        ledger.add_job("triage", on_queue=WANTED._replace(batch=250))
        ids = push(ledger, *range(300))
        run = runs.run(ledger.conn, start(ledger) or 0)
        assert run is not None
        causes = causes_from(run.caused_by)
        assert causes == Causes(items=tuple(ids[150:250]), total=250, queue="mail")  # type: ignore[arg-type]

    def test_is_deeper_by_one_than_the_run_that_has_enqueued(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        producer = ledger.add_run("triage", depth=4)
        ledger.conn.execute("UPDATE queue_items SET producer_run = ?, depth = 4 WHERE id = 2", (producer,))
        run = runs.run(ledger.conn, start(ledger) or 0)
        assert run is not None
        assert run.depth == 5

    @pytest.mark.parametrize("status", ["scheduled", "running"])
    def test_not_while_a_run_of_the_job_is_active(self, ledger: Ledger, status: str) -> None:
        push(ledger, 1, 2, 3)
        ledger.add_run("triage", status)
        assert start(ledger) is None
        assert ledger.count("runs") == 1

    def test_not_while_it_is_to_be_tried_again(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        end(ledger, begin(ledger), RunStatus.ERROR, BY_ERROR)
        assert start(ledger) is None

    @pytest.mark.parametrize("job_id", ["triage", None])
    def test_not_while_it_is_paused(self, ledger: Ledger, job_id: str | None) -> None:
        push(ledger, 1, 2, 3)
        ledger.pause(job_id)
        assert start(ledger) is None
        assert ledger.count("runs") == 0

    def test_not_while_it_is_disabled_or_deleted(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        ledger.add_job("triage", on_queue=WANTED, enabled=False)
        assert start(ledger) is None
        ledger.delete_job("triage")
        assert start(ledger) is None
        assert ledger.count("runs") == 0


class TestRest:
    def test_doubles_from_a_second_to_five_minutes(self, ledger: Ledger) -> None:
        push(ledger, *range(3), max_attempts=100)
        assert [fruitless(ledger) for _ in range(11)] == [
            *(1000 * 2**n for n in range(9)), 300_000, 300_000,
        ]  # fmt: skip

    def test_nothing_starts_the_job_meanwhile(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        fruitless(ledger)
        assert start(ledger) is None
        assert ready(ledger) == Ready(False, ledger.now + timedelta(seconds=1))
        pass_time(ledger, seconds=1)
        assert start(ledger) is not None

    @pytest.mark.parametrize("status", [RunStatus.OK, RunStatus.TIMEOUT, RunStatus.SKIPPED])
    def test_follows_a_run_that_has_completed_nothing(self, ledger: Ledger, status: RunStatus) -> None:
        push(ledger, 1, 2, 3)
        assert [fruitless(ledger, status), fruitless(ledger, status)] == [1000, 2000]

    def test_ends_with_a_run_that_ends_ok_and_has_completed_an_item(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        fruitless(ledger)
        pass_time(ledger, seconds=1)
        run_id = begin(ledger)
        first, second, _ = claim(ledger, 3, run_id=run_id)
        complete(ledger, first)
        fail(ledger, second)
        end(ledger, run_id)
        assert rest(ledger) is None
        push(ledger, 4, 5, 6)
        assert fruitless(ledger) == 1000

    def test_what_an_attempt_before_has_completed_counts(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        run_id = begin(ledger)
        complete(ledger, claim(ledger, run_id=run_id)[0])
        end(ledger, run_id, RunStatus.ERROR, BY_ERROR)
        assert rest(ledger) is None
        retry = ledger.conn.execute("SELECT max(id) FROM runs").get
        ledger.conn.execute(
            "UPDATE runs SET status = 'running', started_at = created_at WHERE id = ?", (retry,)
        )
        end(ledger, retry)
        assert rest(ledger) is None

    def test_a_run_that_fails_after_a_completion_makes_it_rest(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        run_id = begin(ledger)
        complete(ledger, claim(ledger, run_id=run_id)[0])
        end(ledger, run_id, RunStatus.ERROR)
        assert rest(ledger) is not None

    def test_an_item_of_another_queue_does_not_count(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        push(ledger, 1, queue_id="other")
        run_id = begin(ledger)
        with ledger.tx() as tx:
            [item] = queue_claims.claim(tx, "other", effects=Effects(run_id))
        complete(ledger, item)
        end(ledger, run_id)
        assert rest(ledger) is not None

    def test_an_item_that_its_queue_no_longer_keeps_counts(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        run_id = begin(ledger)
        complete(ledger, claim(ledger, run_id=run_id)[0])
        pass_time(ledger, days=8)
        with ledger.tx() as tx:
            assert prune_queue(tx, "mail", 100, now=tx.now) == 1
        end(ledger, run_id)
        assert rest(ledger) is None

    def test_a_run_of_a_person_counts_if_it_ran(self, ledger: Ledger) -> None:
        end(ledger, ledger.add_run("triage", "running"), RunStatus.ERROR)
        assert rest(ledger) is not None

    def test_what_never_ran_for_another_run_says_nothing(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        with ledger.tx() as tx:
            end_waiting(tx, queue_triggers.start(tx, "triage") or 0, RunStatus.SKIPPED, None)
        assert rest(ledger) is not None
        ledger.conn.execute("DELETE FROM queue_triggers")
        with ledger.tx() as tx:
            run_id = queue_triggers.start(tx, "triage") or 0
            end_waiting(tx, run_id, RunStatus.SKIPPED, Reason.OVERLAP)
            end_waiting(tx, ledger.add_run("triage", "scheduled"), RunStatus.CANCELLED, None)
        assert rest(ledger) is None

    def test_jobs_that_no_items_start_never_rest(self, ledger: Ledger) -> None:
        ledger.add_job("other")
        end(ledger, ledger.add_run("other", "running"), RunStatus.ERROR)
        assert rest(ledger) is None

    def test_goes_along_with_a_new_id(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        fruitless(ledger)
        with ledger.tx() as tx:
            rename(tx, [Rename("triage", "sort")], ledger.revision)
        assert ledger.conn.execute("SELECT job_id FROM queue_triggers").fetchall() == [("sort",)]

    def test_lasts_no_longer_after_a_clock_that_was_ahead(self, ledger: Ledger) -> None:
        push(ledger, 1, 2, 3)
        fruitless(ledger)
        pass_time(ledger, days=-300)
        assert ready(ledger).again_at == ledger.now + timedelta(seconds=1)
        with ledger.tx() as tx:
            put_right(tx, "a test", since=ledger.now)
        assert rest(ledger) == (1000, to_text(ledger.now + timedelta(seconds=1)))


def test_a_broken_item_ends_as_a_dead_letter_after_few_runs(ledger: Ledger) -> None:
    push(ledger, "poison", max_attempts=3)
    pass_time(ledger, seconds=5)
    for _ in range(3):
        run_id = begin(ledger)
        claim(ledger, 10, run_id=run_id)
        end(ledger, run_id, RunStatus.ERROR)
        pass_time(ledger, minutes=5)
    assert ledger.count("queue_items", "status = 'failed'") == 1
    assert start(ledger) is None


def test_an_item_of_a_loop_is_a_dead_letter_at_the_depth_limit_and_in_nothings_way(ledger: Ledger) -> None:
    push(ledger, 1, 2, 3, 4)
    producer = ledger.add_run("triage", depth=20)
    ledger.conn.execute("UPDATE queue_items SET producer_run = ?, depth = 20 WHERE id = 2", (producer,))
    refused = start(ledger)
    assert refused is not None
    with ledger.tx() as tx:
        end_waiting(tx, refused, RunStatus.SKIPPED, Reason.DEPTH, message="depth 21, and graph.depth is 20")
    error = "no run may follow: depth 21, and graph.depth is 20"
    assert [column(ledger, name, 2) for name in ("status", "error")] == ["failed", error]
    run = runs.run(ledger.conn, start(ledger) or 0)
    assert run is not None
    assert (run.depth, rest(ledger)) == (0, None)

    with ledger.tx() as tx:
        queue_enqueue.retry(tx, 2)
    assert column(ledger, "depth", 2) == 0


def test_a_login_that_has_expired_costs_few_items_of_ten_thousand(ledger: Ledger) -> None:
    """Each run claims a batch and fails: what is lost in an hour is bounded by the rests."""
    ledger.add_job("triage", on_queue=WANTED._replace(batch=100))
    push(ledger, *range(10_000), max_attempts=3)
    begun = ledger.now
    attempts = 0
    while ledger.now < begun + timedelta(hours=1):
        fruitless_run(ledger)
        attempts += 1
    assert attempts <= 21
    assert ledger.count("queue_items", "status = 'failed'") <= 700


def fruitless_run(ledger: Ledger) -> None:
    run_id = begin(ledger)
    claim(ledger, 100, run_id=run_id)
    end(ledger, run_id, RunStatus.ERROR)
    found = rest(ledger)
    assert found is not None
    pass_time(ledger, milliseconds=found[0])
