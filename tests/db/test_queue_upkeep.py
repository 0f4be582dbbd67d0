"""What the runner does for queues: retention, and the claims of its runs."""

import pytest
from support.ledger import Store
from support.queues import claim, complete, fail, push

from jeeves_runner.db import queue_contents, queue_upkeep


class TestRetention:
    def test_frees_each_kind_in_its_time(self, store: Store) -> None:
        store.declare_queue("mail")
        push(store, "done", "dead", "waiting", max_attempts=1)
        [done], [dead] = claim(store), claim(store)
        complete(store, done)
        fail(store, dead)
        for hours, freed in ((1, 1), (0, 0), (1, 1), (1000, 0)):
            store.clock.advance(hours=hours)
            with store.tx() as tx:
                assert queue_upkeep.prune_queue(tx, "mail", limit=10, now=tx.now) == freed
        left = queue_contents.peek(store.conn, store.now, "mail", 10)
        assert [row.payload for row in left.rows] == ["waiting"]

    def test_works_in_portions(self, store: Store) -> None:
        store.declare_queue("mail")
        push(store, *range(5))
        for item in claim(store, 5):
            complete(store, item)
        store.clock.advance(hours=1)
        portions = []
        for _ in range(3):
            with store.tx() as tx:
                portions.append(queue_upkeep.prune_queue(tx, "mail", limit=2, now=tx.now))
        assert portions == [2, 2, 1]


class TestRuns:
    def test_keep_their_claims_while_they_run(self, store: Store) -> None:
        store.declare_queue("mail", lease_ms=60_000)
        push(store, "a", "b", "c")
        claim(store, run_id=1, lease_ms=1_000)
        claim(store, run_id=2, lease_ms=600_000)
        claim(store, run_id=3, lease_ms=1_000)
        with store.tx() as tx:
            queue_upkeep.extend_leases_of_runs(tx, [1, 2])
        store.clock.advance(seconds=59)
        assert [item.payload for item in claim(store, 3)] == ["c"]

    @pytest.mark.parametrize(("count_attempt", "next_attempt"), [(True, 2), (False, 1)])
    def test_give_back_what_they_hold_when_they_end(
        self, store: Store, count_attempt: bool, next_attempt: int
    ) -> None:
        push(store, "a", "b")
        [held] = claim(store, run_id=1)
        claim(store, run_id=2)
        with store.tx() as tx:
            queue_upkeep.release_items_of_run(tx, 1, count_attempt=count_attempt)
        assert [(item.id, item.attempt) for item in claim(store, 2)] == [(held.id, next_attempt)]

    def test_that_end_at_the_last_attempt_leave_a_dead_letter(self, store: Store) -> None:
        push(store, "a", max_attempts=1)
        claim(store, run_id=1)
        with store.tx() as tx:
            queue_upkeep.release_items_of_run(tx, 1, count_attempt=True)
        [dead] = queue_contents.failed_items(store.conn, store.now, "mail", 10).rows
        assert dead.error == "run 1 ended without an answer"
