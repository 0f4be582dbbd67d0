"""Incidents as people look at them: pages, reasons, and which channels jobs name."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger

from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.db import outbox
from jeeves_runner.db.incident_list import incident_rows, open_incidents
from jeeves_runner.db.told_channels import told_channels

DEV = "webhook:dev"


@pytest.fixture
def ledger(tmp_path: Path) -> AlertLedger:
    return AlertLedger(tmp_path / "runner.sqlite")


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
    with ledger.tx() as tx:
        outbox.record_sent(tx, [2], None)
    assert unsent() == [OPS]
    ledger.clock.advance(hours=7)
    assert ledger.review() == 1
    with ledger.tx() as tx:
        outbox.record_sent(tx, [3], None)
    assert unsent() == []


def test_what_waits_for_a_channel_that_failed_has_not_arrived(ledger: AlertLedger) -> None:
    """It is not tried while the channel rests."""
    for job in ("a", "b"):
        ledger.add_told_job(job, on_failure=(OPS, DEV))
    ledger.end("a", "error")
    with ledger.tx() as tx:
        outbox.put_off(tx, [1], timedelta(minutes=9), "it is down", may_have_arrived=False)
        outbox.record_sent(tx, [2], None)
    ledger.end("b", "error")

    def unsent() -> list[list[str]]:
        return [row["unsent"] for row in incident_rows(ledger.conn, ledger.now, limit=9).rows]

    assert unsent() == [[OPS], [OPS]]
    with ledger.tx() as tx:
        outbox.record_sent(tx, [1], None)
    assert unsent() == [[], []]


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


def test_they_come_in_pages_newest_first(ledger: AlertLedger) -> None:
    for name in "abc":
        ledger.add_told_job(name)
        ledger.end(name, "error")
    first = incident_rows(ledger.conn, ledger.now, limit=2)
    assert ([row["job_id"] for row in first.rows], first.more) == (["c", "b"], True)
    rest = incident_rows(ledger.conn, ledger.now, before=first.rows[-1]["id"], limit=2)
    assert ([row["job_id"] for row in rest.rows], rest.more) == (["a"], False)
    assert open_incidents(ledger.conn) == 3


def test_which_channels_jobs_name(ledger: AlertLedger) -> None:
    ledger.add_told_job("a", on_success=(DEV,))
    ledger.add_job("b", output_channel=(DEV, DEV))
    ledger.add_job("c")
    assert told_channels(ledger.conn) == ({OPS: ["a"]}, {DEV: ["a"]}, {DEV: ["b"]})
