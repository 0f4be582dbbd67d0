"""What comes into queues: new items, duplicates, and dead letters that are tried again."""

import pytest
from support.clock import NOON
from support.ledger import Store
from support.queues import claim, column, complete, fail, push

from jeeves_runner.clock import from_text
from jeeves_runner.db import queue_enqueue, queue_upkeep, queues
from jeeves_runner.errors import Conflict, InvalidValue, NotFound

BY_SHA = '{"key": "$.sha", "scope": "pending"}'
BY_SHA_EVER = '{"key": "$.sha", "scope": "all"}'


class TestDuplicates:
    def test_are_dropped_while_the_first_waits_or_is_claimed(self, store: Store) -> None:
        store.declare_queue("mail", dedup_config=BY_SHA)
        first, second, third = push(store, {"sha": "a"}, {"sha": "a", "n": 2}, {"sha": "b"})
        assert (first is None, second is None, third is None) == (False, True, False)
        [item] = claim(store)
        assert push(store, {"sha": "a"}) == [None]
        complete(store, item)
        assert push(store, {"sha": "a"}) != [None]

    def test_are_known_by_the_value_not_its_spelling(self, store: Store) -> None:
        store.declare_queue("mail", dedup_config=BY_SHA)
        assert push(store, {"sha": 1}, {"sha": 1.0}, {"sha": "1"}, {"sha": True})[1:2] == [None]
        assert push(store, {"sha": {"a": [2.0], "b": 3}}) != [None]
        assert push(store, {"sha": {"b": 3.0, "a": [2]}}) == [None]
        assert store.count("queue_items") == 4

    def test_are_dropped_for_as_long_as_the_first_is_kept(self, store: Store) -> None:
        store.declare_queue("mail", dedup_config=BY_SHA_EVER)
        push(store, {"sha": "a"})
        complete(store, claim(store)[0])
        assert push(store, {"sha": "a"}) == [None]
        store.clock.advance(hours=1)
        with store.tx() as tx:
            assert queue_upkeep.prune_queue(tx, "mail", limit=10, now=tx.now) == 1
        assert push(store, {"sha": "a"}) != [None]

    def test_are_not_blocked_by_an_item_whose_last_lease_has_ended(self, store: Store) -> None:
        store.declare_queue("mail", dedup_config=BY_SHA, max_attempts=1)
        push(store, {"sha": "a"})
        claim(store, lease_ms=1_000)
        store.clock.advance(seconds=1)
        assert push(store, {"sha": "a"}) != [None]

    def test_are_told_from_equal_looking_values(self, store: Store) -> None:
        store.declare_queue("mail", dedup_config=BY_SHA)
        assert None not in push(store, {"sha": 1}, {"sha": "1"}, {"sha": True}, {"sha": "true"})

    @pytest.mark.parametrize("payload", [{}, {"sha": None}, [], "text", None])
    def test_cannot_be_recognised_without_the_key(self, store: Store, payload: object) -> None:
        store.declare_queue("mail", dedup_config=BY_SHA)
        with pytest.raises(InvalidValue, match=r"no \$\.sha"):
            push(store, payload)

    def test_cannot_be_recognised_by_a_path_sqlite_does_not_know(self, store: Store) -> None:
        store.declare_queue("mail", dedup_config='{"key": "$.[", "scope": "all"}')
        with pytest.raises(InvalidValue, match="queue mail"):
            push(store, {"sha": 1})


class TestQueue:
    def test_nobody_declared_comes_into_being_with_the_defaults(self, store: Store) -> None:
        assert claim(store) == []
        assert queues.queue_rows(store.conn) == []
        push(store, "work")
        [row] = queues.queue_rows(store.conn)
        assert (row.id, row.declared, row.max_attempts, row.lease_ms) == ("mail", False, 3, 300_000)

    @pytest.mark.parametrize("queue_id", ["", "Mail", "a b", ".mail", "mail\n", "m" * 129])
    def test_must_have_an_id_that_could_be_declared(self, store: Store, queue_id: str) -> None:
        with pytest.raises(InvalidValue, match="cannot be the id of a queue"):
            push(store, "work", queue_id=queue_id)

    def test_that_was_deleted_can_be_emptied_but_not_filled(self, store: Store) -> None:
        store.declare_queue("mail")
        push(store, "work")
        store.conn.execute("UPDATE queues SET deleted_at = ''")
        with pytest.raises(Conflict, match="queue mail was deleted"):
            push(store, "more")
        [item] = claim(store)
        complete(store, item)


class TestRetry:
    def test_makes_a_dead_letter_pending_with_all_its_attempts(self, store: Store) -> None:
        push(store, "work", max_attempts=1)
        [item] = claim(store)
        fail(store, item)
        with store.tx() as tx:
            assert queue_enqueue.retry(tx, item.id) == "mail"
        assert [again.attempt for again in claim(store)] == [1]

    def test_refuses_what_has_not_failed(self, store: Store) -> None:
        [item_id] = push(store, "work")
        assert item_id is not None
        with store.tx() as tx:
            with pytest.raises(Conflict, match="is pending, not failed"):
                queue_enqueue.retry(tx, item_id)
            with pytest.raises(NotFound):
                queue_enqueue.retry(tx, item_id + 1)

    def test_refuses_an_item_while_an_equal_one_waits(self, store: Store) -> None:
        store.declare_queue("mail", dedup_config=BY_SHA)
        push(store, {"sha": "a"}, max_attempts=1)
        [item] = claim(store)
        fail(store, item)
        push(store, {"sha": "a"})
        with store.tx() as tx, pytest.raises(Conflict, match="same deduplication key"):
            queue_enqueue.retry(tx, item.id)


def test_times_are_those_of_the_clock_given(store: Store) -> None:
    [item_id] = push(store, "work")
    assert item_id is not None
    assert from_text(str(column(store, "created_at", item_id))) == NOON
