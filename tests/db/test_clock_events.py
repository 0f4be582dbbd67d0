"""What a clock that was ahead has left in the database, and what is put right of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import apsw
import pytest
from support.clock import NOON, HandClock
from support.ledger import Ledger

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.durations import End, text_after
from jeeves_runner.core.model import Reason, Retries, RunStatus, Trigger
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Outcome
from jeeves_runner.core.wrong_clock import Rest
from jeeves_runner.db import (
    alerting,
    clock_events,
    outbox,
    overrides,
    queue_claims,
    queue_enqueue,
    queue_pauses,
    run_entries,
    skipping,
    skips,
    state,
    tokens,
)
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.clock_events import HOLDS_BACK, WAITS, WATERMARK
from jeeves_runner.db.connection import APPLICATION_ID
from jeeves_runner.db.migrate import migrate, migrations
from jeeves_runner.db.run_ends import RunRecord, end_running, end_waiting
from jeeves_runner.db.run_entries import Occurrence
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.db.runs import Start
from jeeves_runner.db.waits import Wait

YEARS: Final = timedelta(days=730)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("a", schedule=("0 * * * *",))
    yield made
    made.conn.close()


def leave_traces(ledger: Ledger) -> None:
    """One of each kind of wait and record that holds something back."""
    with ledger.tx() as tx:
        overrides.pause(
            tx, "a", until=End(tx.now + timedelta(hours=2), 7_200_000), reason=None, by=Actor("me")
        )
        overrides.pause(tx, None, until=None, reason=None, by=Actor("me"))
        overrides.resume(tx, None, by=Actor("me"))
        state.set_value(tx, "space", "key", "1", ttl_ms=60_000)
        state.set_item(tx, "space", "items", "old", "1", ttl_ms=60_000)
        queue_enqueue.enqueue(tx, "mail", ["1"])
        queue_enqueue.enqueue(tx, "mail", ["2"], delay_ms=30_000)
        queue_claims.claim(tx, "mail", lease_ms=90_000)
        queue_pauses.pause(
            tx, "mail", until=End(tx.now + timedelta(minutes=50), 3_000_000), reason=None, by=Actor("me")
        )
        tx.conn.execute("INSERT INTO queue_triggers VALUES ('a', 5000, ?)", (text_after(tx.now, 5000),))
        tx.conn.execute("UPDATE jobs SET schedule_since = ?, decided_until = ?", (tx.at, tx.at))
    ledger.add_run(
        "a", "scheduled", trigger="retry", not_before=text_after(ledger.now, 10_000), delay_ms=10_000
    )
    ledger.add_run("a", "running", deadline=text_after(ledger.now, 20_000), timeout_ms=20_000)
    with ledger.tx() as tx:
        failure = Happened(Cause.FAILURE, "a", channels=("C0123456",))
        alerting.report(tx, failure)
        outbox.put_off(tx, [alerting.test(tx, "C0123456")], timedelta(seconds=40), "", may_have_arrived=False)
        hours = End(tx.now + timedelta(hours=3), 10_800_000)
        tokens.create(tx, "ci", TokenRole.READ, until=hours, by=Actor("me"))
        tokens.begin_session(tx, 1, by=Actor("me"))
        tokens.note_use(tx, 1)


def put_right(ledger: Ledger) -> clock_events.PutRight:
    with ledger.tx() as tx:
        return clock_events.put_right(tx, "the clock was set back", since=tx.now)


def left(ledger: Ledger, wait: Wait) -> list[float]:
    """The seconds that the waits of a kind still last."""
    ends = f"SELECT {wait.until} FROM {wait.table} WHERE {wait.lasts} AND {wait.until} IS NOT NULL"
    rows = ledger.conn.execute(ends)
    return [(from_text(until) - ledger.now).total_seconds() for (until,) in rows]


@pytest.mark.parametrize("ahead", [timedelta(hours=4), YEARS], ids=["4 hours", "2 years"])
def test_after_a_clock_that_was_ahead_everything_waits_for_its_length_from_now(
    ledger: Ledger, ahead: timedelta
) -> None:
    ledger.clock.time += ahead
    leave_traces(ledger)
    ledger.clock.time -= ahead
    assert clock_events.is_ahead(ledger.conn, ledger.now)
    put_right(ledger)
    assert [left(ledger, wait) for wait in WAITS] == [
        [10],
        [20],
        [7200],
        [3000],
        [5],
        [60],
        [60],
        [90],
        [30],
        [21_600],
        [40],
        [10_800],
        [10_800],
    ]
    for table, column in [*HOLDS_BACK, WATERMARK]:
        assert ledger.count(table, f"{column} > '{to_text(ledger.now)}'") == 0
    assert not clock_events.is_ahead(ledger.conn, ledger.now)
    told = ledger.conn.execute("SELECT detail FROM audit ORDER BY id DESC LIMIT 1").get
    assert str(told).startswith("the clock was set back: waits shortened: 13, records ahead")


def test_where_no_clock_was_wrong_nothing_is_changed(ledger: Ledger) -> None:
    leave_traces(ledger)
    ledger.clock.advance(seconds=3)
    before = [left(ledger, wait) for wait in WAITS]
    assert not clock_events.is_ahead(ledger.conn, ledger.now)
    assert put_right(ledger) == clock_events.PutRight(0, 0, 0)
    assert [left(ledger, wait) for wait in WAITS] == before


def test_what_was_skipped_as_the_next_one_is_the_next_one_now(ledger: Ledger) -> None:
    """A clock that is ahead has named a time of years later. What a person has named stays what it is."""
    ledger.add_job("hourly", schedule=("0 * * * *",))
    ledger.clock.time += YEARS
    named = to_text(ledger.now + timedelta(hours=5))
    with ledger.tx() as tx:
        for given in (None, None, named):
            skipping.skip(tx, "hourly", given, reason=None, by=Actor("me"))
    ledger.clock.time -= YEARS
    assert clock_events.is_ahead(ledger.conn, ledger.now)
    put_right(ledger)
    assert not clock_events.is_ahead(ledger.conn, ledger.now)
    times = sorted(skips.coming_times(ledger.conn, ledger.now)["hourly"])
    assert [to_text(each) for each in times] == [
        "2026-03-01T13:00:00.000Z",
        "2026-03-01T14:00:00.000Z",
        named,
    ]


def test_what_is_the_next_one_by_both_clocks_stays_skipped_alone(ledger: Ledger) -> None:
    ledger.add_job("hourly", schedule=("0 * * * *",))
    ledger.clock.time += timedelta(minutes=30)
    with ledger.tx() as tx:
        both = [skipping.skip(tx, "hourly", None, reason=None, by=Actor("me")) for _ in range(2)]
    ledger.clock.time -= timedelta(minutes=30)
    put_right(ledger)
    assert skips.coming_times(ledger.conn, ledger.now) == {"hourly": set(both)}


def test_a_skip_that_has_been_carried_out_leaves_out_no_other_occurrence(ledger: Ledger) -> None:
    """The occurrence does not come again: what a clock has decided that was little ahead stays decided."""
    ledger.add_job("hourly", schedule=("0 * * * *",))
    ledger.clock.time += timedelta(minutes=30)
    with ledger.tx() as tx:
        when = skipping.skip(tx, "hourly", None, reason=None, by=Actor("me"))
    ledger.clock.time = when
    enter(ledger, when, "skip", job_id="hourly")
    ledger.clock.time = when - timedelta(minutes=40)
    put_right(ledger)
    assert skips.coming(ledger.conn, ledger.now) == {}


def test_what_a_wrong_clock_has_skipped_is_skipped_again(ledger: Ledger) -> None:
    """The occurrence is yet to come, and so is its skip."""
    ledger.add_job("hourly", schedule=("0 * * * *",))
    with ledger.tx() as tx:
        when = skipping.skip(tx, "hourly", "2026-03-01T20:00", reason=None, by=Actor("me"))
    ledger.clock.time = when
    enter(ledger, when, "skip", job_id="hourly")
    assert skips.coming(ledger.conn, ledger.now) == {}
    ledger.clock.time -= timedelta(hours=8)
    put_right(ledger)
    assert skips.coming_times(ledger.conn, ledger.now) == {"hourly": {when}}
    assert skips.is_skipped(ledger.conn, "hourly", when)


def test_an_instant_that_a_person_named_stays_what_it_is(ledger: Ledger) -> None:
    named = datetime(2027, 1, 1, tzinfo=UTC)
    ledger.clock.time += timedelta(hours=4)
    with ledger.tx() as tx:
        overrides.pause(tx, "a", until=End(named), reason=None, by=Actor("me"))
    ledger.clock.time -= timedelta(hours=4)
    put_right(ledger)
    assert overrides.pauses(ledger.conn, ledger.now).of_jobs == {"a": named}


def test_a_pause_that_was_ended_by_a_clock_ahead_skips_nothing_afterwards(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        overrides.pause(tx, "a", until=None, reason=None, by=Actor("me"))
    ledger.clock.time += YEARS
    with ledger.tx() as tx:
        overrides.resume(tx, "a", by=Actor("me"))
    ledger.clock.time -= YEARS
    put_right(ledger)
    later = ledger.now + timedelta(hours=1)
    assert overrides.paused_times(ledger.conn, "a", later, later) == []


def test_items_written_by_a_clock_ahead_do_not_stay_the_newest(ledger: Ledger) -> None:
    ledger.clock.time += YEARS
    with ledger.tx() as tx:
        state.set_item(tx, "space", "seen", "ahead", "1")
    ledger.clock.time -= YEARS
    put_right(ledger)
    ledger.clock.advance(seconds=1)
    with ledger.tx() as tx:
        state.set_item(tx, "space", "seen", "later", "1")
        state.prune_items(tx, "space", "seen", keep=1)
    assert state.item_keys(ledger.conn, ledger.now, "space", "seen") == ["later"]


# Occurrences


def enter(
    ledger: Ledger, when: datetime, how: str, last: datetime | None = None, job_id: str = "a"
) -> object:
    occurrence = Occurrence(
        job_id=job_id,
        spec_hash=ledger.conn.execute("SELECT spec_hash FROM jobs WHERE id = ?", (job_id,)).get,
        known_skip=10,
        trigger=Trigger.SCHEDULE,
        epoch=1,
        scheduled_for=when,
        last_for=last,
        occurrences=1 if last is None else 2,
    )
    with ledger.tx() as tx:
        match how:
            case "start":
                return run_entries.enter_started(tx, occurrence, Start("mark", "local"))
            case "skip":
                return run_entries.enter_skipped(tx, occurrence, Reason.OVERLAP, None)
            case _:
                return run_entries.enter_missed(tx, occurrence, Reason.LATE)


def test_occurrences_that_are_yet_to_come_run_although_a_clock_ahead_had_missed_them(ledger: Ledger) -> None:
    hours = [NOON + timedelta(hours=hours) for hours in range(1, 6)]
    ledger.clock.time = hours[-1]
    assert enter(ledger, hours[0], "miss", hours[2])
    assert enter(ledger, hours[3], "skip")
    assert enter(ledger, hours[4], "start")
    ledger.clock.time = NOON
    put_right(ledger)
    begun = []
    for hour in hours:
        ledger.clock.time = hour
        if enter(ledger, hour, "start") is not None:
            begun.append(hour)
    assert begun == hours[:4]  # the last one had its first attempt


def test_a_row_of_missed_occurrences_ends_before_those_that_are_yet_to_come(ledger: Ledger) -> None:
    first, last = NOON + timedelta(hours=1), NOON + timedelta(hours=9)
    ledger.clock.time = last
    enter(ledger, first, "miss", last)
    ledger.clock.time = NOON + timedelta(hours=3, minutes=30)
    put_right(ledger)
    rows = ledger.conn.execute("SELECT scheduled_for, last_for, occurrences FROM runs").fetchall()
    assert rows == [(to_text(first), to_text(first + timedelta(hours=2)), 3)]


def test_a_watermark_up_to_three_hours_ahead_holds(ledger: Ledger) -> None:
    later = NOON + timedelta(hours=3)
    enter(ledger, later, "miss")
    assert put_right(ledger).jobs == 0
    ledger.clock.time = later
    assert enter(ledger, later, "start") is None


def test_a_skipped_row_does_not_end_before_it_begins(ledger: Ledger) -> None:
    ledger.clock.time += timedelta(hours=2)
    enter(ledger, ledger.now, "skip")
    ledger.clock.time -= timedelta(hours=2)
    with ledger.tx() as tx:
        tx.conn.execute("UPDATE jobs SET decided_until = NULL")
    enter(ledger, ledger.now + timedelta(minutes=1), "skip")
    enter(ledger, ledger.now + timedelta(minutes=2), "skip")
    assert ledger.count("runs") == 2
    assert ledger.count("runs", "last_for < scheduled_for") == 0
    assert ledger.count("runs", "finished_at < created_at") == 0


def test_no_run_ends_before_it_began(ledger: Ledger) -> None:
    ledger.clock.time += timedelta(hours=2)
    now = to_text(ledger.now)
    running = ledger.add_run("a", "running", started_at=now, created_at=now)
    waiting = ledger.add_run("a", "scheduled", created_at=now)
    ledger.clock.time -= timedelta(hours=2)
    with ledger.tx() as tx:
        ended = end_running(
            tx, running, Outcome(status=RunStatus.ERROR), RunRecord(), Retries(limit=1, delay_ms=5000)
        )
        cancelled = end_waiting(tx, waiting, RunStatus.CANCELLED, Reason.CANCEL)
    assert ended is not None
    assert ended.finished_at == ended.started_at
    assert cancelled is not None
    assert cancelled.finished_at == cancelled.created_at
    retry = ledger.conn.execute("SELECT not_before, delay_ms FROM runs WHERE trigger = 'retry'").fetchall()
    assert retry == [(text_after(ledger.now, 5000), 5000)]


# Queues, without a runner


def test_what_was_not_delayed_can_be_claimed_whatever_the_clock_said(ledger: Ledger) -> None:
    ledger.clock.time += YEARS
    with ledger.tx() as tx:
        (item,) = queue_enqueue.enqueue(tx, "mail", ["1"])
    ledger.clock.time -= YEARS
    with ledger.tx() as tx:
        assert [found.id for found in queue_claims.claim(tx, "mail")] == [item]


def test_a_claim_finds_what_a_clock_ahead_has_leased_and_delayed(ledger: Ledger) -> None:
    ledger.clock.time += YEARS
    with ledger.tx() as tx:
        leased, delayed = queue_enqueue.enqueue(tx, "mail", ["1", "2"])
        for item in queue_claims.claim(tx, "mail", count=2, lease_ms=60_000):
            if item.id == delayed:
                queue_claims.fail(tx, item.id, item.lease_token, "later", retry_in_ms=30_000)
    ledger.clock.time -= YEARS

    def claim() -> list[int]:
        with ledger.tx() as tx:
            return [item.id for item in queue_claims.claim(tx, "mail", count=2, lease_ms=600_000)]

    assert claim() == []  # it waits no longer than it was to, from now on
    ledger.clock.advance(seconds=30)
    assert claim() == [delayed]
    ledger.clock.advance(seconds=30)
    assert claim() == [leased]


# The time that was seen last


def test_the_time_is_noted_by_the_runner_of_the_epoch_alone(ledger: Ledger) -> None:
    assert clock_events.seen_time(ledger.conn) == clock_events.SeenTime()
    rest = Rest(NOON - timedelta(days=9), timedelta(hours=5))
    with ledger.tx() as tx:
        epoch = begin_epoch(tx, 1, "boot")
        clock_events.note_time(tx, epoch, rest)
        clock_events.note_time(tx, epoch - 1, None)
    assert clock_events.seen_time(ledger.conn) == clock_events.SeenTime(NOON, rest)


# The migration


def test_the_lengths_of_what_waits_already_are_told_by_when_it_began(tmp_path: Path) -> None:
    conn = apsw.Connection(str(tmp_path / "before.sqlite"))
    migrate(conn, HandClock(), application_id=APPLICATION_ID, steps=migrations()[:5])
    now, later = to_text(NOON), text_after(NOON, 90_000)
    insert(conn, "state", namespace="n", key="k", value="1", updated_at=now, expires_at=later)
    insert(
        conn, "queues", id="q", retention="{}", max_attempts=3, lease_ms=1, backoff="{}", declared=0,
        created_at=now, updated_at=now,
    )  # fmt: skip
    item = {"queue_id": "q", "payload": "1", "created_at": now, "max_attempts": 3}
    insert(conn, "queue_items", id=1, status="pending", ready_at=now, **item)
    insert(conn, "queue_items", id=2, status="pending", ready_at=later, **item)
    insert(
        conn, "queue_items", id=7, status="claimed", ready_at=now, claimed_at=now, lease_token="t",
        lease_until=later, **item,
    )  # fmt: skip
    migrate(conn, HandClock(), application_id=APPLICATION_ID)
    assert conn.execute("SELECT ttl_ms FROM state").get == 90_000
    assert list(conn.execute("SELECT id, ready_at, delay_ms, lease_ms FROM queue_items ORDER BY id")) == [
        (1, None, None, None),
        (2, later, 90_000, None),
        (7, None, None, 90_000),
    ]
    conn.close()


def insert(conn: apsw.Connection, table: str, **columns: Any) -> None:
    names, places = ", ".join(columns), ", ".join("?" for _ in columns)
    conn.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(columns.values()))
