"""What people see of a queue."""

from support.ledger import Store
from support.queues import claim, push

from jeeves_runner.db import queue_contents
from jeeves_runner.db.queue_contents import QueueCounts


class TestQueue:
    def test_is_counted(self, store: Store) -> None:
        push(store, "oldest", "old")
        store.clock.advance(seconds=30)
        push(store, "new")
        push(store, "later", delay_ms=60_000)
        claim(store)
        counts = queue_contents.queue_counts(store.conn, store.now)["mail"]
        assert counts == QueueCounts(depth=3, claimed=1, failed=0, oldest_age_ms=30_000)

    def test_that_is_empty_has_no_age(self, store: Store) -> None:
        store.declare_queue("mail")
        counts = queue_contents.queue_counts(store.conn, store.now)["mail"]
        assert counts == QueueCounts(depth=0, claimed=0, failed=0, oldest_age_ms=None)
