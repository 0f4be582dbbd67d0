"""`why`: what starts a job besides its schedule, how far that has come, and what holds it back."""

from datetime import datetime, timedelta

import pytest
from support.ledger import Ledger
from support.queues import claim, fail, push
from support.why import said, why

from jeeves_runner.core.durations import End
from jeeves_runner.core.edge_spec import After, Need, OnChange, OnQueue
from jeeves_runner.core.model import OverlapPolicy
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import after, change_watches, queue_pauses, queue_triggers, runs

BATCH = "It starts once 3 items of queue mail are ready, or the oldest has been for 5s"
CHANGES = "It starts when in/*.csv has changed, and has rested for 5s since"


@pytest.fixture
def sort(ledger: Ledger) -> Ledger:
    """A job that items start."""
    ledger.add_job("sort", on_queue=OnQueue("mail", batch=3))
    return ledger


@pytest.fixture
def watch(ledger: Ledger) -> Ledger:
    """A job that changes of files start."""
    ledger.add_job("watch", on_change=OnChange(("in/*.csv",)))
    return ledger


@pytest.fixture
def report(ledger: Ledger) -> Ledger:
    """A job that comes after another."""
    ledger.add_job("fetch")
    ledger.add_job("report", after=After(("fetch",)))
    ledger.conn.execute("INSERT INTO arrivals (job_id, upstream, qualifies) VALUES ('report', 'fetch', 'ok')")
    return ledger


def rest(ledger: Ledger) -> None:
    """The last run of ``sort`` completed nothing."""
    with ledger.tx() as tx:
        run = runs.run(tx.conn, ledger.add_run("sort", "error"))
        assert run is not None
        queue_triggers.settle(tx, run)


def pause_queue(ledger: Ledger, until: datetime | None, reason: str | None = None) -> None:
    with ledger.tx() as tx:
        end = None if until is None else End(until, None)
        queue_pauses.pause(tx, "mail", until=end, reason=reason, by=Actor("cli"))


class TestItems:
    def test_an_empty_queue(self, sort: Ledger) -> None:
        assert (
            said(sort, "sort")["next"] == f"{BATCH}: none is, and `jeeves-runner queue push mail` adds one."
        )

    def test_fewer_than_a_batch(self, sort: Ledger) -> None:
        push(sort, 1)
        at = "2026-03-01 12:00:05Z, in 5.0s"
        assert said(sort, "sort")["next"] == f"{BATCH}: 1 is ready, and that is enough at {at}."
        push(sort, 2)
        assert said(sort, "sort")["next"] == f"{BATCH}: 2 are ready, and that is enough at {at}."

    def test_enough(self, sort: Ledger) -> None:
        push(sort, 1, 2, 3)
        assert said(sort, "sort")["next"] == f"{BATCH}: that is so now, and it starts at once."
        assert said(sort, "sort", served=False)["next"] == f"{BATCH}: that is so now, and no server runs."

    def test_those_that_are_delayed_or_claimed(self, sort: Ledger) -> None:
        push(sort, 1)
        claim(sort, lease_ms=60_000)
        assert said(sort, "sort")["next"] == (
            f"{BATCH}: none is, and the first claim ends at 2026-03-01 12:01Z, in 1m, if it is not answered"
            " before."
        )
        push(sort, 2, delay_ms=600_000)
        assert (
            said(sort, "sort")["next"]
            == f"{BATCH}: none is, and the next one is at 2026-03-01 12:10Z, in 10m."
        )

    def test_one_is_enough(self, ledger: Ledger) -> None:
        ledger.add_job("sort", on_queue=OnQueue("mail"))
        push(ledger, 1)
        text = "It starts as soon as an item of queue mail is ready: one is now, and it starts at once."
        assert said(ledger, "sort")["next"] == text

    def test_those_that_have_failed_for_good(self, sort: Ledger) -> None:
        push(sort, 1, max_attempts=1)
        fail(sort, claim(sort)[0])
        assert said(sort, "sort")["state"] == (
            "1 item of it has failed for good, and starts nothing before `jeeves-runner queue retry` makes it"
            " ready; `jeeves-runner queue peek mail --failed` shows it."
        )

    def test_a_job_that_rests_says_until_when_and_what_does_not_wait(self, sort: Ledger) -> None:
        push(sort, 1, 2, 3)
        rest(sort)
        rest(sort)
        found = said(sort, "sort")
        assert found["next"] == f"{BATCH}: that is so now."
        assert found["wait"] == (
            "The job rests, because its last run did not end ok or completed no item, until 2026-03-01"
            " 12:00:02Z, in 2.0s. Each run like that doubles it, up to 5m; `jeeves-runner trigger sort` does"
            " not wait for that."
        )
        sort.clock.time += timedelta(seconds=2)
        assert "wait" not in said(sort, "sort")

    @pytest.mark.parametrize(
        ("hours", "reason", "words"),
        [
            (1, "the disk is full", "until 2026-03-01 13:00Z: the disk is full."),
            (None, None, "until it is resumed."),
        ],
    )
    def test_a_queue_that_is_paused(
        self, sort: Ledger, hours: int | None, reason: str | None, words: str
    ) -> None:
        push(sort, 1, 2, 3)
        pause_queue(sort, None if hours is None else sort.now + timedelta(hours=hours), reason)
        assert said(sort, "sort")["next"] == f"{BATCH}: that is so now."
        assert said(sort, "sort")["pause"] == (
            f"Queue mail is now paused {words} `jeeves-runner queue resume mail` ends that."
        )

    def test_a_run_that_is_not_over(self, sort: Ledger) -> None:
        push(sort, 1, 2, 3)
        run = sort.add_run("sort", "running")
        assert said(sort, "sort")["next"] == f"{BATCH}: that is so now."
        assert said(sort, "sort")["wait"] == f"Until run {run} of the job is over items start nothing."

    def test_a_job_that_is_paused(self, sort: Ledger) -> None:
        push(sort, 1, 2, 3)
        sort.pause("sort", sort.now + timedelta(hours=1))
        assert said(sort, "sort")["wait"] == "While the job is paused items start nothing."
        assert said(sort, "sort")["pause"] == "It is now paused until 2026-03-01 13:00Z."

    def test_one_that_is_disabled_says_only_that(self, sort: Ledger) -> None:
        sort.add_job("sort", on_queue=OnQueue("mail"), enabled=False)
        assert "next" not in said(sort, "sort")


class TestOthers:
    @pytest.mark.parametrize(
        ("status", "columns", "words"),
        [
            ("skipped", {"reason": "exit_code"}, "was skipped, which does not count."),
            ("error", {}, "ended error, which does not count: `jeeves-runner why fetch 1`."),
            ("timeout", {}, "ended timeout, which does not count: `jeeves-runner why fetch 1`."),
            (
                "cancelled",
                {"started_at": None},
                "was cancelled, which does not count: `jeeves-runner why fetch 1`.",
            ),
            ("missed", {"started_at": None}, "was missed, which does not count."),
            ("ok", {"trigger": "backfill"}, "was of a backfill, which does not count."),
            ("ok", {}, "ended ok, and counts no more: it was followed, or is older than this `after`."),
            ("running", {}, "is not over."),
            ("scheduled", {"reason": "limit"}, "is not over."),
        ],
    )
    def test_the_newest_run_of_what_has_not_come_is_named(
        self, report: Ledger, status: str, columns: dict[str, str | None], words: str
    ) -> None:
        run = report.add_run("fetch", status, **columns)
        assert said(report, "report")["next"] == (
            f"It comes after fetch, and starts once fetch has ended ok anew. Run {run} of fetch {words}"
        )

    def test_one_that_never_ran(self, report: Ledger) -> None:
        assert said(report, "report")["next"].endswith(" has ended ok anew. No run of fetch is recorded.")

    def test_what_holds_back_a_run_that_would_follow(self, report: Ledger) -> None:
        report.conn.execute("UPDATE arrivals SET count = 1")
        run = report.add_run("report", "running")
        begin = "It comes after fetch, and what it waits for has ended."
        assert said(report, "report")["next"] == begin
        end = "nothing is consumed; then one run follows all of it."
        assert said(report, "report")["wait"] == f"Until run {run} of the job is over {end}"
        report.add_job("report", after=After(("fetch",)), overlap_policy=OverlapPolicy.ALLOW)
        with report.tx() as tx:
            assert after.free_to_follow(tx.conn, tx.now) == ["report"]
        assert said(report, "report")["next"].endswith(
            "follows as soon as it may: what it waits for has ended."
        )
        report.pause("report", report.now + timedelta(hours=1))
        assert said(report, "report")["wait"] == f"While the job is paused {end}"


class TestChanges:
    def take(self, ledger: Ledger) -> None:
        with ledger.tx() as tx:
            change_watches.take(tx, "watch", "hash", {"in/*.csv": "1"})

    def note(self, ledger: Ledger, since: datetime | None) -> None:
        with ledger.tx() as tx:
            change_watches.note_change(tx, "watch", since)

    def test_files_that_were_not_looked_at(self, watch: Ledger) -> None:
        assert said(watch, "watch")["next"] == (
            f"{CHANGES}: no server has looked at it yet, and the first look starts nothing."
        )

    def test_files_that_have_not_changed_since(self, watch: Ledger) -> None:
        self.take(watch)
        watch.clock.time += timedelta(hours=2)
        since = "2026-03-01 12:00Z, 2h ago"
        assert said(watch, "watch")["next"] == f"{CHANGES}: no change has been seen since {since}."
        assert said(watch, "watch", served=False)["next"] == (
            f"{CHANGES}: no change has been seen since {since}, and no server looks."
        )

    def test_a_change_that_has_not_settled(self, watch: Ledger) -> None:
        self.take(watch)
        self.note(watch, watch.now)
        watch.clock.time += timedelta(seconds=3)
        text = f"{CHANGES}: it began to change at 2026-03-01 12:00Z, 3.0s ago, and has not started it yet."
        assert said(watch, "watch")["next"] == text
        run = watch.add_run("watch", "running")
        assert (
            said(watch, "watch")["wait"] == f"Until run {run} of the job is over the change starts nothing."
        )
        self.note(watch, None)
        assert "no change has been seen since" in said(watch, "watch")["next"]

    def test_a_datastore_without_a_place(self, ledger: Ledger) -> None:
        ledger.add_job("watch", on_change=OnChange(("datastore:in", "datastore:out")))
        ledger.add_node("datastore:out", path="out")
        assert said(ledger, "watch")["state"] == (
            "Changes of datastore:in do not start it: no manifest says where it is, so give its node a `path`"
            " of files."
        )
        assert said(ledger, "watch")["next"].startswith(
            "It starts when datastore:in or datastore:out has changed, and has rested for 5s since: no server"
        )


def test_a_run_that_waits_for_what_its_job_needs_says_until_when(ledger: Ledger) -> None:
    ledger.add_job("load")
    ledger.add_job("report", schedule=("0 12 * * *",), needs=(Need("load", wait_ms=7_200_000),))
    run = ledger.add_run(
        "report", "scheduled", trigger="schedule", reason="needs", reason_ref="load",
        scheduled_for="2026-03-01T12:00:00.000Z",
    )  # fmt: skip
    assert said(ledger, "report", run=run)["reason"] == (
        "It waits for job load, which has not ended ok within the span that `needs` says. If it has not by"
        " 2026-03-01 14:00Z, in 2h, this run is skipped; `jeeves-runner trigger report` does not ask for it."
    )


def test_each_part_is_for_programs_too(sort: Ledger) -> None:
    push(sort, 1, 2, 3)
    rest(sort)
    pause_queue(sort, None)
    parts = [part["about"] for part in why(sort, "sort")["parts"]]
    assert parts == ["cause", "outcome", "next", "wait", "pause"]
