"""What no channel has taken is told once one can, as what opens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger

from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.db import alerting, outbox
from jeeves_runner.db.alerting import Happened

NEW = "webhook:new"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[AlertLedger]:
    made = AlertLedger(tmp_path / "runner.sqlite")
    made.add_told_job("a")
    yield made
    made.conn.close()


def refuse(ledger: AlertLedger, *channels: str) -> None:
    """All that waits on these channels is refused for good."""
    for channel in channels:
        while rows := outbox.next_message(ledger.conn, channel, ledger.now):
            with ledger.tx() as tx:
                alerting.record_refused(tx, [row.id for row in rows], "channel_not_found")


def send(ledger: AlertLedger, channel: str, ref: str) -> None:
    while rows := outbox.next_message(ledger.conn, channel, ledger.now):
        with ledger.tx() as tx:
            outbox.record_sent(tx, [row.id for row in rows], ref)


def waiting(ledger: AlertLedger) -> list[tuple[object, ...]]:
    return list(ledger.conn.execute("SELECT channel, said FROM outbox WHERE status = 'pending' ORDER BY id"))


def test_what_no_channel_has_taken_is_told_anew_and_not_reminded_of(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", on_failure=(OPS, NEW))
    ledger.end("a", "error")
    refuse(ledger, OPS, NEW)
    ledger.end("a", "error")
    assert (ledger.review(), waiting(ledger)) == (0, [])
    ledger.clock.time = alerting.next_review(ledger.conn, ledger.now) or ledger.now
    assert ledger.review() == 1
    assert waiting(ledger) == [(OPS, "opened"), (NEW, "opened")]


def test_what_one_channel_has_taken_is_known(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", on_failure=(OPS, NEW))
    ledger.end("a", "error")
    send(ledger, NEW, "ref")
    refuse(ledger, OPS)
    ledger.clock.advance(hours=6)
    ledger.review()
    assert waiting(ledger) == [(OPS, "reminder"), (NEW, "reminder")]


def test_what_still_waits_on_another_channel_is_not_told_anew(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", on_failure=(OPS, NEW))
    ledger.end("a", "error")
    refuse(ledger, OPS)
    ledger.clock.advance(minutes=5)
    assert (ledger.review(), waiting(ledger)) == (0, [(NEW, "opened")])


def test_the_end_of_what_no_channel_has_taken_is_not_told(ledger: AlertLedger) -> None:
    ledger.end("a", "error")
    refuse(ledger, OPS)
    ledger.end("a", "ok")
    ledger.clock.advance(days=1)
    assert (ledger.review(), waiting(ledger), ledger.open_causes()) == (0, [], [])


def test_a_corrected_manifest_is_told_by_the_next_review(ledger: AlertLedger) -> None:
    ledger.add_told_job("b")
    for job_id in ("a", "b"):
        ledger.end(job_id, "error")
    refuse(ledger, OPS)
    ledger.add_told_job("a", on_failure=(NEW,))
    with ledger.tx() as tx:
        alerting.tell_refused(tx, job_ids=["a"])
    assert (ledger.review(), waiting(ledger)) == (1, [(NEW, "opened")])


def test_a_channel_that_takes_messages_again_hears_of_what_it_refused(ledger: AlertLedger) -> None:
    ledger.add_told_job("b", on_failure=(NEW,))
    for job_id in ("a", "b"):
        ledger.end(job_id, "error")
    refuse(ledger, OPS, NEW)
    with ledger.tx() as tx:
        alerting.tell_refused(tx, channel=OPS)
    assert (ledger.review(), waiting(ledger)) == (1, [(OPS, "opened")])


def test_after_a_start_all_is_told_once_more_also_what_has_no_job(ledger: AlertLedger) -> None:
    ledger.end("a", "error")
    with ledger.tx() as tx:
        alerting.report(tx, Happened(Cause.DISK_FULL, channels=(NEW,)))
    refuse(ledger, OPS, NEW)
    with ledger.tx() as tx:
        alerting.tell_refused(tx)
    assert (ledger.review(), waiting(ledger)) == (2, [(OPS, "opened")] * 2)
    refuse(ledger, OPS)
    assert ledger.review() == 0


def test_under_a_mute_it_is_not_told(ledger: AlertLedger) -> None:
    ledger.end("a", "error")
    refuse(ledger, OPS)
    ledger.mute("a", minutes=30)
    with ledger.tx() as tx:
        alerting.tell_refused(tx)
    assert (ledger.review(), waiting(ledger)) == (0, [])
    ledger.clock.advance(minutes=30)
    ledger.review()
    assert waiting(ledger) == [(OPS, "opened")]


def test_a_reminder_is_a_reply_where_there_was_a_message_and_begins_a_thread_elsewhere(
    ledger: AlertLedger,
) -> None:
    ledger.end("a", "error")
    send(ledger, OPS, "first")
    ledger.add_told_job("a", on_failure=(OPS, NEW))
    ledger.clock.advance(hours=6)
    ledger.review()
    assert [outbox.thread_of(ledger.conn, 1, channel) for channel in (OPS, NEW)] == ["first", None]
    for channel in (OPS, NEW):
        send(ledger, channel, "second")
    assert [outbox.thread_of(ledger.conn, 1, channel) for channel in (OPS, NEW)] == ["first", "second"]
    ledger.clock.advance(days=2)
    with ledger.tx() as tx:
        assert outbox.prune(tx, ledger.at(days=1), 100) == 1
    assert outbox.thread_of(ledger.conn, 1, NEW) == "second"
