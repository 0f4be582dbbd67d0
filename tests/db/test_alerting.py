"""What is reported, and what a mute, a pause, a delete and a look make of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.alerts import OPS, AlertLedger

from jeeves_runner.clock import to_text
from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.alerts.words import Cause, ClosedBy
from jeeves_runner.db import alerting, overrides
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.clock_events import put_right
from jeeves_runner.errors import NotFound

HOUR = 3_600_000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[AlertLedger]:
    made = AlertLedger(tmp_path / "runner.sqlite")
    made.add_told_job("a", alert=Alert(remind_ms=HOUR))
    yield made
    made.conn.close()


def report(ledger: AlertLedger, cause: Cause, **fields: Any) -> None:
    with ledger.tx() as tx:
        alerting.report(tx, Happened(cause, **fields))


def went_well(ledger: AlertLedger, job_id: str | None, cause: Cause, subject: str = "") -> None:
    with ledger.tx() as tx:
        alerting.went_well(tx, job_id, [cause], subject)


def places(ledger: AlertLedger, said: str) -> list[object]:
    rows = ledger.conn.execute("SELECT channel FROM outbox WHERE said = ? ORDER BY id", (said,))
    return [channel for (channel,) in rows]


def closed(ledger: AlertLedger) -> list[tuple[object, ...]]:
    rows = ledger.conn.execute(
        "SELECT job_id, cause, closed_by FROM incidents WHERE closed_at IS NOT NULL ORDER BY id"
    )
    return list(rows)


# What has no job


def test_what_has_no_job_is_told_where_the_report_says_and_by_its_subject(ledger: AlertLedger) -> None:
    for subject in ("jobs.d/a.yaml", "jobs.d/b.yaml", "jobs.d/a.yaml"):
        report(ledger, Cause.HELD, subject=subject, channels=(OPS,), facts={"words": "is held"})
    went_well(ledger, None, Cause.HELD, "jobs.d/b.yaml")
    rows = ledger.conn.execute("SELECT said, channel, facts FROM outbox ORDER BY id").fetchall()
    found = [(said, channel, json.loads(str(facts))["subject"]) for said, channel, facts in rows]
    assert found == [
        ("opened", OPS, "jobs.d/a.yaml"),
        ("opened", OPS, "jobs.d/b.yaml"),
        ("recovered", OPS, "jobs.d/b.yaml"),
    ]


def test_an_event_is_said_each_time_and_nothing_stays_open(ledger: AlertLedger) -> None:
    for _ in range(2):
        report(ledger, Cause.CLOCK, channels=(OPS,), facts={"words": "was set back"})
    assert ledger.said() == ["event clock"] * 2
    assert ledger.open_causes() == []


def test_causes_of_one_job_are_incidents_of_their_own(ledger: AlertLedger) -> None:
    report(ledger, Cause.LATE, job_id="a")
    report(ledger, Cause.OVERRUN, job_id="a")
    went_well(ledger, "a", Cause.LATE)
    assert ledger.open_causes() == ["overrun"]
    assert ledger.said() == ["opened late", "opened overrun", "recovered late"]


def test_the_end_says_for_how_long_and_how_often(ledger: AlertLedger) -> None:
    report(ledger, Cause.MISSED, job_id="a", times=3)
    report(ledger, Cause.MISSED, job_id="a")
    ledger.clock.advance(minutes=30)
    went_well(ledger, "a", Cause.MISSED)
    facts = json.loads(str(ledger.conn.execute("SELECT facts FROM outbox ORDER BY id DESC LIMIT 1").get))
    assert facts == {"opened_at": "2026-03-01T12:00:00.000Z", "times": 4}


def test_a_changed_spec_closes_nothing_and_counts_from_the_next_word_on(ledger: AlertLedger) -> None:
    ledger.end("a", "error")
    ledger.add_told_job("a", alert=Alert(remind_ms=None), on_failure=("webhook:new",))
    ledger.clock.advance(hours=1)
    assert (ledger.review(), ledger.review()) == (1, 0)
    ledger.clock.advance(days=9)
    assert ledger.review() == 0
    channels = ledger.conn.execute("SELECT channel FROM outbox ORDER BY id").fetchall()
    assert channels == [(OPS,), ("webhook:new",)]
    ledger.end("a", "ok")
    assert places(ledger, "recovered") == [OPS, "webhook:new"]


# Mutes


def test_a_mute_of_all_holds_for_what_has_no_job_and_for_jobs_to_come(ledger: AlertLedger) -> None:
    ledger.mute(None, minutes=30)
    ledger.add_told_job("new")
    ledger.end("new", "error")
    report(ledger, Cause.DISK_FULL, channels=(OPS,))
    report(ledger, Cause.CLOCK, channels=(OPS,))
    assert ledger.said() == []
    ledger.clock.advance(minutes=29)
    assert ledger.review() == 0
    ledger.clock.advance(minutes=1)
    assert ledger.review() == 2
    assert ledger.said() == ["opened failure", "opened disk_full"]


def test_what_two_mutes_hold_back_is_said_when_both_have_ended(ledger: AlertLedger) -> None:
    ledger.mute("a", minutes=30)
    ledger.mute(None)
    ledger.end("a", "error")
    ledger.clock.advance(minutes=31)
    assert ledger.review() == 0
    assert ledger.unmute(None)
    assert not ledger.unmute("a")  # it has expired
    assert ledger.review() == 1


def test_a_mute_replaces_the_one_before_and_is_in_the_audit(ledger: AlertLedger) -> None:
    ledger.mute("a", minutes=30)
    ledger.mute("a", minutes=90)
    assert overrides.mutes(ledger.conn, ledger.now).of_jobs == {"a": ledger.at(minutes=-90)}
    ledger.unmute("a")
    acts = ledger.conn.execute("SELECT action, target FROM audit ORDER BY id").fetchall()
    assert acts == [("mute", "job a"), ("mute", "job a"), ("unmute", "job a")]


def test_a_mute_does_not_pause_and_a_pause_does_not_mute(ledger: AlertLedger) -> None:
    ledger.mute("a")
    assert overrides.pauses(ledger.conn, ledger.now).end_of("a") is None
    assert not overrides.job_is_paused(ledger.conn, "a", ledger.now)
    ledger.unmute("a")
    ledger.pause("a")
    assert overrides.mutes(ledger.conn, ledger.now).end_of("a") is None
    assert not overrides.is_muted(ledger.conn, "a", ledger.now)


def test_only_a_live_job_is_muted(ledger: AlertLedger) -> None:
    with pytest.raises(NotFound, match="there is no job b"):
        ledger.mute("b")


def test_a_mute_by_length_that_a_clock_ahead_has_dated_ends_after_its_length(ledger: AlertLedger) -> None:
    ledger.clock.advance(days=900)
    ledger.mute("a", minutes=60)
    ledger.end("a", "error")
    ledger.clock.set(days=-900)
    assert overrides.mutes(ledger.conn, ledger.now).of_jobs == {"a": ledger.at(hours=-1)}
    with ledger.tx() as tx:
        put_right(tx, "the clock was set back", since=tx.now)
    ledger.clock.advance(hours=1)
    assert (ledger.review(), ledger.said()) == (1, ["opened failure"])


def test_mutes_that_have_long_been_over_are_deleted(ledger: AlertLedger) -> None:
    ledger.add_told_job("b")
    ledger.add_told_job("c")
    ledger.mute("a", minutes=60)
    ledger.mute("b", minutes=60)
    ledger.mute("c")
    ledger.unmute("b")
    ledger.clock.advance(minutes=61)
    with ledger.tx() as tx:
        assert overrides.prune_mutes(tx, ledger.at(minutes=30), 100) == 1
        assert overrides.prune(tx, ledger.now, 100) == 0
        assert overrides.prune_mutes(tx, ledger.now, 100) == 1
    assert ledger.conn.execute("SELECT job_id FROM overrides").fetchall() == [("c",)]


# Jobs that stop


@pytest.mark.parametrize("by", [ClosedBy.DELETED, ClosedBy.DISABLED])
def test_what_a_job_has_open_is_closed_without_a_word_when_it_stops(
    ledger: AlertLedger, by: ClosedBy
) -> None:
    ledger.add_told_job("b")
    for job_id in ("a", "b"):
        ledger.end(job_id, "error")
    report(ledger, Cause.LATE, job_id="a")
    ledger.said()
    if by is ClosedBy.DELETED:
        ledger.delete_job("a")
    else:
        ledger.add_told_job("a", enabled=False)
    with ledger.tx() as tx:
        alerting.close_of_stopped_jobs(tx, ["a", "b"])
    assert (ledger.said(), ledger.open_causes()) == ([], ["failure"])
    assert closed(ledger) == [("a", "failure", by), ("a", "late", by)]


def test_nothing_is_reported_of_a_deleted_job(ledger: AlertLedger) -> None:
    ledger.delete_job("a")
    report(ledger, Cause.LATE, job_id="a", channels=(OPS,))
    assert ledger.open_causes() == []


# Rows changed by hand


def test_an_incident_whose_times_are_no_times_stops_nothing(ledger: AlertLedger) -> None:
    ledger.end("a", "error")
    ledger.conn.execute("UPDATE incidents SET opened_at = 'x', told_at = 'x', said_at = 'x', remind_at = 'x'")
    assert ledger.review() == 0
    assert alerting.next_review(ledger.conn, ledger.now) is None
    ledger.end("a", "ok")
    assert ledger.open_causes() == []


def test_a_test_is_one_row(ledger: AlertLedger) -> None:
    with ledger.tx() as tx:
        row_id = alerting.test(tx, OPS)
    rows = ledger.conn.execute("SELECT id, said, channel, created_at FROM outbox").fetchall()
    assert rows == [(row_id, "test", OPS, to_text(ledger.now))]
