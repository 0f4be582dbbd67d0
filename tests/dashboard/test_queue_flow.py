"""What has left a queue of late, within the last hour and by minute."""

from pathlib import Path

import pytest
from support.ledger import Store

from jeeves_runner.dashboard.pages.queue import _read
from jeeves_runner.db.queue_claims import claim, complete, fail
from jeeves_runner.db.queue_enqueue import enqueue
from jeeves_runner.db.queue_flow import Flow, Minute, flows, minutes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """At noon, of 13 items one was completed an hour ago, two 59 minutes ago, and one is given up."""
    made = Store(tmp_path / "runner.sqlite")
    made.declare_queue("mail", max_attempts=1)
    made.declare_queue("still")
    with made.tx() as tx:
        enqueue(tx, "mail", ["1"] * 13)
    for done, seconds in ((1, 60), (2, 59 * 60), (0, 0)):
        for _ in range(done):
            with made.tx() as tx:
                [item] = claim(tx, "mail")
                complete(tx, item.id, item.lease_token)
        made.clock.advance(seconds=seconds)
    with made.tx() as tx:
        [item] = claim(tx, "mail")
        fail(tx, item.id, item.lease_token, "no")
    return made


def test_what_left_within_an_hour_is_counted(store: Store) -> None:
    assert flows(store.conn, store.now) == {"mail": Flow(2, 1), "still": Flow(0, 0)}
    assert flows(store.conn, store.now, "mail") == {"mail": Flow(2, 1)}


def test_it_is_told_by_minute(store: Store) -> None:
    assert minutes(store.conn, store.now, "mail") == [
        Minute("2026-03-01T12:01", 2, 0),
        Minute("2026-03-01T13:00", 0, 1),
    ]
    assert minutes(store.conn, store.now, "still") == []


def test_the_page_says_how_long_it_takes_so_fast(store: Store) -> None:
    page = _read(store.conn, store.now, "mail", None)
    assert page.empty_in_ms == 9 * 3_600_000 // 2
    assert [(bar.place, bar.completed, bar.failed) for bar in page.bars] == [(0, 100, 0), (59, 0, 50)]
