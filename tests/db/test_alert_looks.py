"""What is said by and by: reminders, and what mutes and pauses hold back."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger

from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.durations import End
from jeeves_runner.db import alerting, overrides
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.clock_events import put_right

HOUR = 3_600_000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[AlertLedger]:
    made = AlertLedger(tmp_path / "runner.sqlite")
    made.add_told_job("a", alert=Alert(remind_ms=HOUR))
    yield made
    made.conn.close()


def looks(ledger: AlertLedger) -> int:
    """Review until nothing is due; how often."""
    for number in count():
        due = alerting.next_review(ledger.conn, ledger.now)
        if due is None or due > ledger.now:
            return number
        ledger.review()
    raise AssertionError


def pause(ledger: AlertLedger, job_id: str | None, minutes: int | None = None) -> None:
    """As a person does it."""
    end = None if minutes is None else End(ledger.at(minutes=-minutes), None)
    with ledger.tx() as tx:
        overrides.pause(tx, job_id, until=end, reason=None, by="test")


def test_a_look_is_due_for_the_soonest_that_nothing_holds_back(ledger: AlertLedger) -> None:
    for job_id in ("muted", "paused", "free"):
        ledger.add_told_job(job_id, alert=Alert(remind_ms=HOUR))
        ledger.end(job_id, "error")
        ledger.clock.advance(minutes=10)
    begin = ledger.at(minutes=30)
    ledger.mute("muted", minutes=200)
    ledger.pause("paused", begin + timedelta(minutes=95))
    said = []
    for _ in range(8):
        at = alerting.next_review(ledger.conn, ledger.now)
        assert at is not None
        ledger.clock.time = at
        said += [(at - begin) / timedelta(minutes=1)] * ledger.review()
    assert said[:3] == [80, 95, 140]


def test_a_look_costs_next_to_nothing_whatever_is_muted_or_paused(ledger: AlertLedger) -> None:
    for number in range(300):
        ledger.add_told_job(f"job-{number}", alert=Alert(remind_ms=HOUR))
        ledger.end(f"job-{number}", "error")
    for number in range(150):
        ledger.mute(f"job-{number}", minutes=900)
    pause(ledger, None)
    ledger.clock.advance(hours=3)
    assert looks(ledger) == 2, "in portions"
    steps = count()
    ledger.conn.set_progress_handler(lambda: next(steps) < 0, 1)
    assert looks(ledger) == 0
    assert next(steps) < 100
    ledger.conn.set_progress_handler(None)


def test_what_only_a_person_lets_go_on_is_looked_at_now_and_then(ledger: AlertLedger) -> None:
    ledger.end("a", "error")
    pause(ledger, "a")
    ledger.clock.advance(days=1)
    assert looks(ledger) == 1
    assert alerting.next_review(ledger.conn, ledger.now) == ledger.at(hours=-1)


@pytest.mark.parametrize("target", ["a", None])
def test_what_was_put_off_is_said_as_soon_as_a_person_lets_it(
    ledger: AlertLedger, target: str | None
) -> None:
    ledger.mute(target)
    ledger.end("a", "error")
    ledger.clock.advance(minutes=1)
    assert looks(ledger) == 1
    ledger.unmute(target)
    assert (ledger.review(), ledger.said()) == (1, ["opened failure"])
    pause(ledger, target)
    ledger.clock.advance(days=1)
    assert looks(ledger) == 1
    with ledger.tx() as tx:
        overrides.resume(tx, target, by="test")
    assert (ledger.review(), ledger.said()) == (1, ["reminder failure"])


def test_a_mute_or_a_pause_that_is_made_shorter_lets_go_at_its_new_end(ledger: AlertLedger) -> None:
    ledger.mute("a", minutes=50)
    ledger.end("a", "error")
    assert looks(ledger) == 1
    ledger.mute("a", minutes=10)
    assert looks(ledger) == 1
    ledger.clock.advance(minutes=10)
    assert (ledger.review(), ledger.said()) == (1, ["opened failure"])
    ledger.clock.advance(days=1)
    pause(ledger, "a", minutes=50)
    assert looks(ledger) == 1
    pause(ledger, "a", minutes=10)
    assert looks(ledger) == 1
    ledger.clock.advance(minutes=10)
    assert (ledger.review(), ledger.said()) == (1, ["reminder failure"])


def test_what_was_put_off_by_a_clock_ahead_is_looked_at_when_that_is_put_right(ledger: AlertLedger) -> None:
    ledger.mute("a")
    ledger.clock.advance(days=900)
    ledger.end("a", "error")
    assert looks(ledger) == 1
    ledger.clock.set(days=-900)
    with ledger.tx() as tx:
        put_right(tx, "the clock was set back", since=tx.now)
    assert looks(ledger) == 1
    assert alerting.next_review(ledger.conn, ledger.now) == ledger.at(hours=-1)


def test_people_are_not_reminded_of_a_job_that_is_disabled_and_was_run_by_hand(ledger: AlertLedger) -> None:
    ledger.add_told_job("off", enabled=False, alert=Alert(remind_ms=HOUR))
    ledger.end("off", "error")
    assert ledger.said() == ["opened failure"]
    ledger.clock.advance(hours=2)
    assert (looks(ledger), ledger.said()) == (1, [])


def test_a_thousand_that_are_due_are_said_in_portions(ledger: AlertLedger) -> None:
    for number in range(450):
        with ledger.tx() as tx:
            alerting.report(tx, Happened(Cause.HELD, subject=str(number), channels=(OPS,)))
    ledger.clock.advance(hours=6)
    spoken = []
    while (due := alerting.next_review(ledger.conn, ledger.now)) is not None and due <= ledger.now:
        spoken.append(ledger.review())
    assert spoken == [200, 200, 50]
