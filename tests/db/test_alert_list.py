"""What is wrong and what is to be said, as people look at it: pages, reasons, channels that fail."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger

from jeeves_runner.core.alerts.words import Said
from jeeves_runner.core.model import Alert
from jeeves_runner.db import alert_list, outbox
from jeeves_runner.db.alert_list import AlertCounts, alert_counts, incident_rows, message_rows, troubles
from jeeves_runner.db.outbox import Saying

DEV = "webhook:dev"


@pytest.fixture
def ledger(tmp_path: Path) -> AlertLedger:
    return AlertLedger(tmp_path / "runner.sqlite")


def say(ledger: AlertLedger, channel: str = OPS) -> int:
    with ledger.tx() as tx:
        (row_id,) = outbox.put(tx, Saying(Said.TEST), [channel])
    ledger.clock.advance(seconds=1)
    return row_id


def put_off(ledger: AlertLedger, row_id: int, error: str = "Slack cannot be reached") -> None:
    with ledger.tx() as tx:
        outbox.put_off(tx, [row_id], timedelta(seconds=30), error, may_have_arrived=False)


def give_up(
    ledger: AlertLedger, row_id: int, error: str = "Slack answers invalid_auth; put it right"
) -> None:
    with ledger.tx() as tx:
        outbox.give_up(tx, [row_id], error)


def send(ledger: AlertLedger, row_id: int) -> None:
    with ledger.tx() as tx:
        outbox.record_sent(tx, [row_id], None)


def test_why_people_were_not_told(ledger: AlertLedger) -> None:
    ledger.add_told_job("told")
    ledger.add_told_job("few", alert=Alert(after=3))
    ledger.add_told_job("muted")
    ledger.add_job("unheard")
    ledger.mute("muted", minutes=60)
    for job in ("told", "few", "muted", "unheard"):
        ledger.end(job, "error")
    rows = incident_rows(ledger.conn, ledger.now, limit=9).rows
    assert [(row["job_id"], row["untold"], row["muted"]) for row in rows] == [
        ("unheard", "no_channel", False),
        ("muted", "muted", True),
        ("few", "too_few", False),
        ("told", None, False),
    ]
    ledger.clock.advance(hours=2)
    assert [row["untold"] for row in incident_rows(ledger.conn, ledger.now, limit=9).rows][1] == "next_time"


def test_where_it_has_not_arrived(ledger: AlertLedger) -> None:
    other = "webhook:ops"
    ledger.add_told_job("a", on_failure=(OPS, other))
    ledger.end("a", "error")

    def unsent() -> list[str]:
        (row,) = incident_rows(ledger.conn, ledger.now, limit=9).rows
        return row["unsent"]

    assert unsent() == []
    with ledger.tx() as tx:
        outbox.give_up(tx, [1], "not_in_channel")
        outbox.put_off(tx, [2], timedelta(minutes=9), "it is down", may_have_arrived=False)
    assert unsent() == [OPS, other]
    send(ledger, 2)
    assert unsent() == [OPS]
    ledger.clock.advance(hours=7)
    assert ledger.review() == 1
    send(ledger, 3)
    assert unsent() == []


def test_what_is_told_of_an_incident(ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.end("a", "error")
    run = ledger.end("a", "error")
    ledger.conn.execute("UPDATE runs SET message = 'exit code 1: no space' WHERE id = ?", (run,))
    (row,) = incident_rows(ledger.conn, ledger.now, limit=9).rows
    assert (row["cause"], row["what"], row["count"], row["run_id"], row["channels"]) == (
        "failure",
        "exit code 1: no space",
        2,
        run,
        [OPS],
    )
    ledger.end("a", "ok")
    assert incident_rows(ledger.conn, ledger.now, limit=9).rows == []
    (row,) = incident_rows(ledger.conn, ledger.now, all_of_them=True, limit=9).rows
    assert (row["closed_by"], row["untold"]) == ("recovered", None)


def test_what_is_known_of_a_run_that_is_gone(ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.end("a", "error")
    ledger.conn.execute("DELETE FROM runs")
    assert incident_rows(ledger.conn, ledger.now, limit=9).rows[0]["what"] == "exit code 1"


def test_both_lists_come_in_pages_newest_first(ledger: AlertLedger) -> None:
    for name in "abc":
        ledger.add_told_job(name)
        ledger.end(name, "error")
    first = incident_rows(ledger.conn, ledger.now, limit=2)
    assert ([row["job_id"] for row in first.rows], first.more) == (["c", "b"], True)
    rest = incident_rows(ledger.conn, ledger.now, before=first.rows[-1]["id"], limit=2)
    assert ([row["job_id"] for row in rest.rows], rest.more) == (["a"], False)
    for of_all in (False, True):
        page = message_rows(ledger.conn, ledger.now, all_of_them=of_all, limit=2)
        assert ([row["job_id"] for row in page.rows], page.more) == (["c", "b"], True)
        rest_ = message_rows(ledger.conn, ledger.now, all_of_them=of_all, before=page.rows[-1]["id"], limit=2)
        assert ([row["job_id"] for row in rest_.rows], rest_.more) == (["a"], False)


def test_messages_that_were_sent_are_listed_with_all_alone(ledger: AlertLedger) -> None:
    sent, waits, failed = say(ledger), say(ledger), say(ledger, DEV)
    send(ledger, sent)
    give_up(ledger, failed)
    ids = [row["id"] for row in message_rows(ledger.conn, ledger.now, limit=9).rows]
    assert ids == [failed, waits]
    every = message_rows(ledger.conn, ledger.now, all_of_them=True, limit=9).rows
    assert [(row["id"], row["status"]) for row in every] == [
        (failed, "failed"),
        (waits, "pending"),
        (sent, "sent"),
    ]


def test_a_channel_that_takes_a_message_again_is_well(ledger: AlertLedger) -> None:
    failed = say(ledger)
    give_up(ledger, failed)
    other = say(ledger, DEV)
    send(ledger, other)
    assert alert_counts(ledger.conn, ledger.now) == AlertCounts(0, 0, 1)
    (trouble,) = troubles(ledger.conn, ledger.now)
    assert (trouble.channel, trouble.failed, trouble.error) == (
        OPS,
        1,
        "Slack answers invalid_auth; put it right",
    )
    send(ledger, say(ledger))
    assert alert_counts(ledger.conn, ledger.now) == AlertCounts(0, 0, 0)
    assert troubles(ledger.conn, ledger.now) == []
    assert message_rows(ledger.conn, ledger.now, limit=9).rows == []


def test_what_was_sent_before_it_was_given_up_proves_nothing(ledger: AlertLedger) -> None:
    never = say(ledger)
    send(ledger, say(ledger))
    ledger.clock.advance(days=1)
    give_up(ledger, never, "given up: for a day it was not taken")
    assert alert_counts(ledger.conn, ledger.now).messages_failed == 1
    ledger.clock.advance(seconds=1)
    send(ledger, say(ledger))
    assert alert_counts(ledger.conn, ledger.now).messages_failed == 0


def test_what_was_given_up_counts_for_a_day(ledger: AlertLedger) -> None:
    give_up(ledger, say(ledger))
    ledger.clock.advance(hours=23)
    assert alert_counts(ledger.conn, ledger.now).messages_failed == 1
    ledger.clock.advance(hours=2)
    assert alert_counts(ledger.conn, ledger.now).messages_failed == 0
    assert [
        row["status"] for row in message_rows(ledger.conn, ledger.now, all_of_them=True, limit=9).rows
    ] == ["failed"]


def test_a_channel_that_is_tried_again_is_in_trouble_and_one_that_has_its_turn_to_come_is_not(
    ledger: AlertLedger,
) -> None:
    put_off(ledger, say(ledger))
    say(ledger)
    say(ledger, DEV)
    (trouble,) = troubles(ledger.conn, ledger.now)
    assert (trouble.channel, trouble.waiting, trouble.failed) == (OPS, 1, 0)
    assert trouble.error == "Slack cannot be reached"
    assert alert_counts(ledger.conn, ledger.now) == AlertCounts(0, 3, 0)


def test_messages_left_to_another_database_are_nothing_wrong(ledger: AlertLedger) -> None:
    say(ledger)
    with ledger.tx() as tx:
        outbox.own(tx, "there")
    with ledger.tx() as tx:
        assert outbox.own(tx, "here").left_alone == 1
    assert alert_counts(ledger.conn, ledger.now) == AlertCounts(0, 0, 0)


def test_which_channels_jobs_name(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", on_success=(DEV,))
    ledger.add_job("b", output_channel=(DEV, DEV))
    ledger.add_job("c")
    assert alert_list.told_channels(ledger.conn) == ({OPS: ["a"]}, {DEV: ["a"]}, {DEV: ["b"]})
