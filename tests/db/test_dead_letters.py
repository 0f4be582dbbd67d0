"""Items that have failed for good are told: the first at once, further ones as a sum, each of them once."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.alerts import AlertLedger
from support.clock import HandClock
from support.db import is_killed_before
from support.queues import claim, push

from jeeves_runner.db import clock_events, dead_letters, queue_claims
from jeeves_runner.db.connection import APPLICATION_ID
from jeeves_runner.db.migrate import migrate, migrations

FALLBACK = ("C0000009",)
OWN = "C0000001"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[AlertLedger]:
    made = AlertLedger(tmp_path / "runner.sqlite")
    declare(made, "mail", OWN)
    yield made
    made.conn.close()


def declare(ledger: AlertLedger, queue_id: str, *channels: str) -> None:
    ledger.declare_queue(queue_id, max_attempts=1, spec=json.dumps({"on_failed": channels}))


def fails(ledger: AlertLedger, count: int = 1, error: str = "broken", queue_id: str = "mail") -> None:
    push(ledger, *range(count), queue_id=queue_id)
    with ledger.tx() as tx:
        while items := queue_claims.claim(tx, queue_id):
            assert queue_claims.fail(tx, items[0].id, items[0].lease_token, error) == "failed"


def told(ledger: AlertLedger) -> list[tuple[str, str, str]]:
    """Each look's rows that are new: channel, queue and words."""
    while dead_letters.due(ledger.conn, ledger.now):
        with ledger.tx() as tx:
            if not dead_letters.tell(tx, FALLBACK):
                break
    rows: list[tuple[Any, ...]] = ledger.conn.execute(
        "SELECT id, channel, facts ->> '$.subject', facts ->> '$.words' FROM outbox"
        " WHERE cause = 'dead_letters' AND said = 'event' AND id > ? ORDER BY id",
        (ledger.told_until,),
    ).fetchall()
    ledger.told_until = max([ledger.told_until, *(row_id for row_id, *_ in rows)])
    return [(channel, queue, words) for _, channel, queue, words in rows]


def lines(ledger: AlertLedger) -> Any:
    found = ledger.conn.execute("SELECT facts ->> '$.lines' FROM outbox ORDER BY id DESC LIMIT 1").get
    return None if found is None else json.loads(found)


def test_the_first_is_told_at_once_and_further_ones_once_an_hour_as_a_sum(ledger: AlertLedger) -> None:
    fails(ledger)
    assert told(ledger) == [(OWN, "mail", "1 item has failed for good")]
    for _ in range(5):
        ledger.clock.advance(minutes=10)
        fails(ledger)
        assert told(ledger) == []
    ledger.clock.advance(minutes=10)
    assert told(ledger) == [(OWN, "mail", "5 items have failed for good")]
    assert told(ledger) == []
    ledger.clock.advance(hours=5)
    fails(ledger, 3)
    assert told(ledger) == [(OWN, "mail", "3 items have failed for good")]


def test_each_queue_has_its_hour_and_its_channels(ledger: AlertLedger) -> None:
    declare(ledger, "quiet")
    fails(ledger)
    assert len(told(ledger)) == 1
    fails(ledger, queue_id="quiet")
    ledger.declare_queue("undeclared", declared=0, max_attempts=1)
    fails(ledger, 2, queue_id="undeclared")
    assert told(ledger) == [(FALLBACK[0], "undeclared", "2 items have failed for good")]
    ledger.clock.advance(hours=2)
    assert told(ledger) == []  # what had no channel is not kept for later


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("no such\n\tmailbox", "no such mailbox"),
        ("\x1b[31mred\x1b[0m <!channel>\x07", "red <!channel>"),
        ("x" * 5_000, "x" * 199 + "…"),
        (" \n", None),
    ],
)
def test_the_last_error_is_shown_on_one_line(ledger: AlertLedger, error: str, shown: str | None) -> None:
    fails(ledger, error="an older one")
    ledger.clock.advance(seconds=1)
    fails(ledger, error=error)
    assert len(told(ledger)) == 1
    assert lines(ledger) == (None if shown is None else [["Last error", shown]])


def test_every_way_to_fail_counts(ledger: AlertLedger) -> None:
    push(ledger, 1)
    claim(ledger, lease_ms=1_000)
    ledger.clock.advance(minutes=1)
    claim(ledger)  # settles the one whose lease has ended
    assert told(ledger) == [(OWN, "mail", "1 item has failed for good")]
    ledger.clock.advance(hours=1)
    push(ledger, 2)
    ledger.conn.execute("UPDATE queue_items SET payload = 'no json' WHERE status = 'pending'")
    claim(ledger)
    assert told(ledger) == [(OWN, "mail", "1 item has failed for good")]
    ledger.clock.advance(hours=1)
    push(ledger, 3)
    ledger.conn.execute(
        "UPDATE queue_items SET status = 'failed', completed_at = created_at WHERE status = 'pending'"
    )
    assert told(ledger) == [(OWN, "mail", "1 item has failed for good")]


def test_one_that_fails_again_after_a_person_has_tried_again_is_told_again(ledger: AlertLedger) -> None:
    fails(ledger)
    told(ledger)
    ledger.clock.advance(hours=1)
    ledger.conn.execute("UPDATE queue_items SET status = 'pending', completed_at = NULL, attempt = 0")
    assert told(ledger) == []
    with ledger.tx() as tx:
        (item,) = queue_claims.claim(tx, "mail")
        queue_claims.fail(tx, item.id, item.lease_token, "again")
    assert told(ledger) == [(OWN, "mail", "1 item has failed for good")]
    assert lines(ledger) == [["Last error", "again"]]


def test_what_failed_before_the_upgrade_is_not_told(tmp_path: Path) -> None:
    old = apsw.Connection(str(tmp_path / "runner.sqlite"))
    migrate(old, HandClock(), application_id=APPLICATION_ID, steps=migrations()[:10])
    old.execute(
        "INSERT INTO queues (id, declared, retention, max_attempts, lease_ms, backoff, created_at,"
        " updated_at) VALUES ('mail', 0, '{}', 1, 1, '{}', 'x', 'x')"
    )
    old.execute(
        "INSERT INTO queue_items (queue_id, payload, status, created_at, completed_at, max_attempts)"
        " VALUES ('mail', '1', 'failed', 'x', 'x', 1)"
    )
    migrate(old, HandClock(), application_id=APPLICATION_ID)
    assert dead_letters.due(old, HandClock().now()) == []
    old.close()


def test_while_everything_is_muted_it_waits(ledger: AlertLedger) -> None:
    ledger.mute(None, minutes=30)
    fails(ledger, 2)
    assert told(ledger) == []
    ledger.clock.advance(minutes=31)
    fails(ledger)
    assert told(ledger) == [(OWN, "mail", "3 items have failed for good")]


def test_many_queues_are_told_of_in_portions(ledger: AlertLedger) -> None:
    for n in range(120):
        declare(ledger, f"q{n:03}", OWN)
        fails(ledger, queue_id=f"q{n:03}")
    with ledger.tx() as tx:
        assert dead_letters.tell(tx, FALLBACK) == 50
    assert len(told(ledger)) == 120


def test_a_clock_that_was_years_ahead_holds_nothing_back(ledger: AlertLedger) -> None:
    ledger.clock.set(days=700)
    fails(ledger)
    assert len(told(ledger)) == 1
    ledger.clock.set(days=-700)
    fails(ledger)
    with ledger.tx() as tx:
        clock_events.put_right(tx, "set back", since=ledger.now)
    ledger.clock.advance(minutes=59)
    assert told(ledger) == []
    ledger.clock.advance(minutes=1)
    assert told(ledger) == [(OWN, "mail", "1 item has failed for good")]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-90, 90)), max_size=30))
def test_however_the_clock_is_set_each_is_told_once(steps: list[tuple[int, int]]) -> None:
    """Items fail at times that come twice, or lie before others: the sums are right all the same."""
    folder = tempfile.TemporaryDirectory()
    ledger = AlertLedger(Path(folder.name) / "runner.sqlite")
    declare(ledger, "mail", OWN)
    failed = 0
    for count, minutes in steps:
        if count:
            fails(ledger, count)
            failed += count
        sums(ledger)
        ledger.clock.set(minutes=minutes)
    with ledger.tx() as tx:
        clock_events.put_right(tx, "set back", since=ledger.now)
    ledger.clock.advance(hours=1)
    assert sums(ledger) == failed
    ledger.conn.close()
    folder.cleanup()


def sums(ledger: AlertLedger) -> int:
    """How many have been told in all, after a look."""
    told(ledger)
    rows = ledger.conn.execute("SELECT facts ->> '$.words' FROM outbox")
    return sum(int(words.split()[0]) for (words,) in rows)


TELLS = """
from jeeves_runner.db import dead_letters
dead_letters.tell(tx, ())
"""


@pytest.mark.slow
def test_a_kill_between_any_two_steps_neither_loses_nor_repeats_one(ledger: AlertLedger) -> None:
    cuts = failed = 0
    is_killed = True
    while is_killed:
        fails(ledger)
        failed += 1
        is_killed = is_killed_before(cuts, ledger.path, TELLS)
        cuts += 1
        assert ledger.count("outbox") == (not is_killed)
    assert cuts > 5
    assert sums(ledger) == failed
