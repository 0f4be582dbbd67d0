"""Pauses of queues: nothing is claimed, items still enter, and each ends by itself or by a person."""

from datetime import timedelta

import pytest
from support.ledger import Store
from support.queues import claim, complete, push

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import queue_pauses
from jeeves_runner.db.clock_events import put_right
from jeeves_runner.db.queue_pauses import QueuePause
from jeeves_runner.errors import NotFound

HOUR = timedelta(hours=1)


def pause(store: Store, length: timedelta | None = None, *, named: bool = False) -> None:
    length_ms = None if named or length is None else round(length.total_seconds() * 1000)
    until = None if length is None else End(store.now + length, length_ms)
    with store.tx() as tx:
        queue_pauses.pause(tx, "mail", until=until, reason="moving", by=Actor("cli"))


def resume(store: Store) -> bool:
    with store.tx() as tx:
        return queue_pauses.resume(tx, "mail", by=Actor("cli"))


def paused(store: Store) -> QueuePause | None:
    return queue_pauses.queue_pauses(store.conn, store.now).get("mail")


@pytest.mark.parametrize("lease_ms", [None, 1000])
def test_nothing_is_claimed_until_a_person_resumes_it(store: Store, lease_ms: int | None) -> None:
    push(store, 1)
    options = {} if lease_ms is None else {"lease_ms": lease_ms}
    pause(store)
    store.clock.advance(days=300)
    assert paused(store) == QueuePause(to_text(store.now - timedelta(days=300)), None, "moving")
    assert claim(store, **options) == []
    assert resume(store)
    assert not resume(store)
    assert len(claim(store, **options)) == 1


def test_it_ends_by_itself(store: Store) -> None:
    push(store, 1)
    pause(store, HOUR)
    store.clock.advance(minutes=59)
    assert claim(store) == []
    store.clock.advance(minutes=1)
    assert paused(store) is None
    assert len(claim(store)) == 1
    assert not resume(store)


def test_items_enter_and_what_is_claimed_is_answered(store: Store) -> None:
    push(store, 1)
    (item,) = claim(store)
    pause(store)
    push(store, 2)
    complete(store, item)
    assert store.count("queue_items", "status = 'pending'") == 1
    assert store.count("queue_items", "status = 'completed'") == 1


def test_another_one_replaces_it(store: Store) -> None:
    push(store, 1)
    pause(store)
    pause(store, HOUR)
    store.clock.advance(hours=1)
    assert paused(store) is None


def test_other_queues_go_on(store: Store) -> None:
    push(store, 1)
    push(store, 1, queue_id="other")
    with store.tx() as tx:
        queue_pauses.pause(tx, "other", until=None, reason=None, by=Actor("cli"))
    assert len(claim(store)) == 1


def test_an_unknown_queue_is_said_to_be_unknown(store: Store) -> None:
    for act in (pause, resume):
        with pytest.raises(NotFound, match="no queue mail"):
            act(store)


def test_who_did_it_is_recorded(store: Store) -> None:
    push(store, 1)
    pause(store)
    resume(store)
    rows = store.conn.execute("SELECT actor, action, target, detail FROM audit").fetchall()
    assert rows == [("cli", "pause", "queue mail", "moving"), ("cli", "resume", "queue mail", None)]


@pytest.mark.parametrize("named", [False, True])
def test_a_clock_that_was_ahead_makes_it_no_longer_but_an_end_by_a_person_stays(
    store: Store, named: bool
) -> None:
    push(store, 1)
    pause(store, HOUR, named=named)
    end = store.now + HOUR
    store.clock.advance(days=-300)
    expected = end if named else store.now + HOUR
    found = paused(store)
    assert found is not None
    assert found.until == to_text(expected)
    with store.tx() as tx:
        put_right(tx, "a test", since=tx.now)
    assert store.conn.execute("SELECT paused_until FROM queues").get == to_text(expected)
