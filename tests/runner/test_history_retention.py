"""Revisions, audit, pauses, mutes and alerts go after their time, and not before what refers to them."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import HandClock
from support.runs import Place, job
from support.upkeep import ended, keep_house, logs

from jeeves_runner.clock import SystemClock, to_text
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import (
    alerting,
    audit,
    outbox,
    overrides,
    queue_claims,
    queue_enqueue,
    revisions,
    skipping,
    skips,
    state,
)
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.transaction import Tx


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.apply(job("old"))
    return place


def applied(place: Place, days_ago: float, *jobs: JobSpec, delete: tuple[str, ...] = ()) -> int:
    """A revision of so long ago; its number."""
    place.apply(*jobs, delete=delete)
    number = place.value("SELECT max(id) FROM revisions")
    when = to_text(place.clock.now() - timedelta(days=days_ago))
    place.conn.execute("UPDATE revisions SET applied_at = ? WHERE id = ?", (when, number))
    assert isinstance(number, int)
    return number


def numbers(place: Place) -> list[int]:
    return [number for (number,) in place.conn.execute("SELECT id FROM revisions ORDER BY id")]


def test_a_revision_stays_as_long_as_what_was_made_by_it(place: Place) -> None:
    of_old = numbers(place)  # what the job `old` has its spec by
    of_run = applied(place, 400, job("a", "echo 1"))
    run_id = ended(place, 0, of="a")
    place.conn.execute("UPDATE runs SET revision_id = ? WHERE id = ?", (of_run, run_id))
    gone = applied(place, 399, job("a", "echo 2"))
    of_job = applied(place, 398, job("a", "echo 3"))
    applied(place, 397, job("b", "echo 1"))
    young = applied(place, 300, job("b", "echo 2"))
    newest = applied(place, 390, job("b", "echo 3"))
    assert gone in numbers(place)
    keep_house(place, "run_retention: 30d\n")
    assert numbers(place) == [*of_old, of_run, of_job, young, newest]


def test_a_revision_goes_with_the_last_run_that_was_made_by_it(place: Place) -> None:
    number = applied(place, 400, job("a", "echo 1"))
    run_id = ended(place, 31, of="a")
    place.conn.execute("UPDATE runs SET revision_id = ? WHERE id = ?", (number, run_id))
    ended(place, 0, of="a")
    applied(place, 0, job("a", "echo 2"))
    keep_house(place, "run_retention: 30d\n")
    assert number not in numbers(place)


def test_the_audit_goes_after_its_time(place: Place) -> None:
    with place.write() as tx:
        for days in (20, 5):
            then = tx.now - timedelta(days=days)
            audit.record(
                Tx(tx.conn, then, to_text(then)), actor=Actor("cli"), action="pause", target=f"job {days}"
            )
    keep_house(place, "history_retention: 10d\n")
    assert list(place.conn.execute("SELECT target FROM audit")) == [("job 5",)]


def test_pauses_go_after_their_time(place: Place) -> None:
    with place.write() as tx:
        for days in (20, 5):
            then = tx.now - timedelta(days=days)
            until = End(then + timedelta(hours=1))
            overrides.pause(Tx(tx.conn, then, to_text(then)), "old", until=until, reason=None, by=Actor("me"))
    keep_house(place, "history_retention: 10d\n")
    assert place.value("SELECT count(*) FROM overrides") == 1
    assert place.value("SELECT created_at FROM overrides") > to_text(place.clock.now() - timedelta(days=10))


def test_mutes_go_after_their_time(place: Place) -> None:
    with place.write() as tx:
        for days in (20, 5):
            then = tx.now - timedelta(days=days)
            until = End(then + timedelta(hours=1))
            overrides.mute(Tx(tx.conn, then, to_text(then)), "old", until=until, reason=None, by=Actor("me"))
    keep_house(place, "history_retention: 10d\n")
    assert place.value("SELECT count(*) FROM overrides") == 1
    assert place.value("SELECT created_at FROM overrides") > to_text(place.clock.now() - timedelta(days=10))


def test_what_was_said_and_is_over_goes_after_its_time(place: Place) -> None:
    """All of 20 days ago but for the end of one incident; what is still to be said stays, however old."""
    with place.write() as tx:
        past = tx.now - timedelta(days=20)
        then = Tx(tx.conn, past, to_text(past))
        for subject in ("over", "open", "over now", "unsent"):
            alerting.report(then, Happened(Cause.HELD, subject=subject, channels=("C0123456",)))
        outbox.record_sent(then, [1, 2, 3], None)
        for each, subject in ((then, "over"), (then, "unsent"), (tx, "over now")):
            alerting.went_well(each, None, [Cause.HELD], subject)
            outbox.record_sent(each, [5], None)
        outbox.record_sent(tx, [7], None)
    keep_house(place, "history_retention: 10d\n")
    incidents = place.conn.execute("SELECT subject FROM incidents ORDER BY id").fetchall()
    assert incidents == [("open",), ("over now",), ("unsent",)]
    rows = place.conn.execute("SELECT id, status FROM outbox ORDER BY id").fetchall()
    assert rows == [(2, "sent"), (4, "pending"), (6, "pending"), (7, "sent")]


def test_nothing_goes_that_is_only_old_by_a_clock_that_is_not_believed(place: Place) -> None:
    run, _ = ended(place, 2, log=True), ended(place, 1)
    applied(place, 1)
    with place.write() as tx:
        state.set_value(tx, "space", "key", "1", ttl_ms=1000)
        queue_enqueue.enqueue(tx, "mail", ["1"])
        (item,) = queue_claims.claim(tx, "mail")
        queue_claims.complete(tx, item.id, item.lease_token)
        overrides.pause(tx, "old", until=End(tx.now + timedelta(hours=1)), reason=None, by=Actor("me"))

    def count() -> list[int]:
        tables = ("runs", "revisions", "audit", "overrides", "state", "queue_items")
        return [place.value(f"SELECT count(*) FROM {table}") for table in tables]

    before, real = count(), SystemClock().now()
    place.clock = HandClock(real + timedelta(days=400))
    keep_house(place, "", time_of_age=lambda: real)
    assert count() == before
    assert (logs(place) / f"{run}.log").exists()


def test_not_all_runs_are_read_to_delete_a_revision(place: Place) -> None:
    """Neither by the statement nor for the foreign key."""
    plan = place.conn.execute(f"EXPLAIN QUERY PLAN {revisions._PRUNE}", {"before": "", "limit": 1})
    looks = [step for _, _, _, step in plan if "runs" in step]
    assert looks == ["SEARCH runs USING COVERING INDEX runs_by_revision (revision_id=?)"] * 2


def test_a_skip_goes_after_its_time_once_its_occurrence_has_been_decided_about(place: Place) -> None:
    place.apply(job("a", schedule=("0 * * * *",)), job("b", schedule=("0 * * * *",)))
    long_ago = place.clock.now() - timedelta(days=400)
    place.conn.execute("UPDATE jobs SET schedule_since = ?", (to_text(long_ago),))
    with place.write() as tx:
        for name in ("a", "b"):
            skipping.skip(tx, name, None, reason=None, by=Actor("me"))
    occurrence = to_text(place.clock.now() - timedelta(days=390))
    place.conn.execute("UPDATE overrides SET scheduled_for = ?, until = ?", (occurrence, occurrence))
    place.conn.execute("UPDATE jobs SET decided_until = ? WHERE id = 'a'", (occurrence,))
    keep_house(place, "run_retention: 30d\n")
    assert [job_id for (job_id,) in place.conn.execute("SELECT job_id FROM overrides")] == ["b"]


@pytest.mark.parametrize(
    ("hours_ago", "is_decided", "holds"), [(23, True, True), (25, False, True), (25, True, False)]
)
def test_a_skip_holds_until_a_day_after_its_occurrence_has_been_decided_about(
    place: Place, hours_ago: int, is_decided: bool, holds: bool
) -> None:
    """So that there are few, whatever people have skipped over the years."""
    place.apply(job("a", schedule=("0 * * * *",)))
    with place.write() as tx:
        skipping.skip(tx, "a", None, reason=None, by=Actor("me"))
    when = place.clock.now() - timedelta(hours=hours_ago)
    at, since = to_text(when), to_text(when - timedelta(hours=1))
    place.conn.execute("UPDATE overrides SET scheduled_for = ?, until = ?", (at, at))
    place.conn.execute(
        "UPDATE jobs SET schedule_since = ?, decided_until = ? WHERE id = 'a'",
        (since, at if is_decided else since),
    )
    keep_house(place, "run_retention: 30d\n")
    assert skips.is_skipped(place.conn, "a", when) is holds
