"""Queues: leases, dead letters, duplicates, retention; also with several processes, and killed ones."""

import inspect
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.clock import NOON
from support.db import child, expect
from support.ledger import Store

from jeeves_runner.clock import from_text
from jeeves_runner.db import queue, queue_items
from jeeves_runner.db.queue_items import Item
from jeeves_runner.errors import Conflict, DatabaseError, InvalidValue, LeaseLost, NotFound

BY_SHA = '{"key": "$.sha", "scope": "pending"}'
BY_SHA_EVER = '{"key": "$.sha", "scope": "all"}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "runner.sqlite")
    yield store
    store.conn.close()


def push(store: Store, *payloads: object, queue_id: str = "mail", **options: int) -> list[int | None]:
    with store.tx() as tx:
        return queue_items.enqueue(tx, queue_id, [json.dumps(payload) for payload in payloads], **options)


def claim(store: Store, count: int = 1, *, run_id: int | None = None, **options: int) -> list[Item]:
    with store.tx() as tx:
        return queue_items.claim(tx, "mail", count=count, run_id=run_id, **options)


def complete(store: Store, item: Item) -> None:
    with store.tx() as tx:
        queue_items.complete(tx, item.id, item.lease_token)


def fail(store: Store, item: Item, **options: int) -> str:
    with store.tx() as tx:
        return queue_items.fail(tx, item.id, item.lease_token, "broken", **options)


def column(store: Store, name: str, item_id: int) -> object:
    return store.conn.execute(f"SELECT {name} FROM queue_items WHERE id = ?", (item_id,)).get


def called_from(depth: int, act: Callable[[], object]) -> None:
    """Call it from a function that is called by a function that is called …"""
    if depth:
        called_from(depth - 1, act)
    else:
        act()


class TestOrder:
    def test_is_priority_then_ready_time_then_id(self, store: Store) -> None:
        push(store, "late", delay_ms=2)
        push(store, "first", "second")
        push(store, "urgent", priority=5)
        push(store, "whenever", priority=-5)
        push(store, "tomorrow", priority=9, delay_ms=86_400_000)
        store.clock.advance(milliseconds=2)
        payloads = [item.payload for item in claim(store, 10)]
        assert payloads == ["urgent", "first", "second", "late", "whenever"]


class TestLease:
    def test_keeps_an_item_from_others_until_it_ends(self, store: Store) -> None:
        push(store, "work")
        [first] = claim(store, lease_ms=1_000)
        store.clock.advance(milliseconds=999)
        assert claim(store) == []
        store.clock.advance(milliseconds=1)
        [second] = claim(store)
        assert (second.id, second.attempt) == (first.id, 2)
        assert second.lease_token != first.lease_token

    @pytest.mark.parametrize("taken_by_another", [False, True])
    def test_that_has_ended_takes_no_answer(self, store: Store, taken_by_another: bool) -> None:
        push(store, "work")
        [stale] = claim(store, lease_ms=1_000)
        store.clock.advance(seconds=1)
        if taken_by_another:
            claim(store)
        with pytest.raises(LeaseLost, match=f"item {stale.id} of queue mail"):
            complete(store, stale)
        with pytest.raises(LeaseLost):
            fail(store, stale)
        with store.tx() as tx, pytest.raises(LeaseLost):
            queue_items.extend(tx, stale.id, stale.lease_token, 1_000)

    def test_of_a_completed_item_takes_no_second_answer(self, store: Store) -> None:
        push(store, "work")
        [item] = claim(store)
        complete(store, item)
        with pytest.raises(LeaseLost, match="completed by now") as caught:
            fail(store, item)
        assert "leave it alone" in str(caught.value.hint)
        assert column(store, "status", item.id) == "completed"

    def test_can_be_extended(self, store: Store) -> None:
        push(store, "work")
        [item] = claim(store, lease_ms=1_000)
        with store.tx() as tx:
            queue_items.extend(tx, item.id, item.lease_token, 5_000)
        store.clock.advance(seconds=4)
        assert claim(store) == []
        complete(store, item)

    def test_has_the_length_the_queue_declares(self, store: Store) -> None:
        store.declare_queue("mail", lease_ms=5_000)
        push(store, "work")
        [item] = claim(store)
        assert column(store, "lease_until", item.id) == "2026-03-01T12:00:05.000Z"

    def test_of_a_run_last_until_the_runner_has_extended_them(self, store: Store) -> None:
        store.declare_queue("mail", lease_ms=1_000)
        push(store, "a", "b")
        [by_default] = claim(store, run_id=1)
        [asked] = claim(store, lease_ms=2_000, run_id=1)
        with store.tx() as tx:
            queue_items.extend(tx, asked.id, asked.lease_token, 100)
        assert column(store, "lease_until", by_default.id) == "2026-03-01T12:00:15.000Z"
        assert column(store, "lease_until", asked.id) == "2026-03-01T12:00:15.000Z"
        store.clock.advance(seconds=10)
        with store.tx() as tx:
            assert queue.extend_leases_of_runs(tx, [1]) == 2
        assert column(store, "lease_until", asked.id) == "2026-03-01T12:00:25.000Z"

    def test_that_ends_after_the_last_attempt_makes_a_dead_letter(self, store: Store) -> None:
        push(store, "work", max_attempts=2)
        for _ in range(2):
            assert len(claim(store, lease_ms=1_000)) == 1
            store.clock.advance(seconds=1)
        assert queue.queue_counts(store.conn, store.now)["mail"].failed == 1
        assert claim(store) == []
        [dead] = queue.failed_items(store.conn, store.now, "mail", 10)
        assert (dead.attempt, dead.error) == (2, "the lease ended without an answer")


class TestFailure:
    def test_waits_longer_each_time_and_ends_as_a_dead_letter(self, store: Store) -> None:
        backoff = '{"delay_ms": 1000, "factor": 3.0, "max_delay_ms": 5000}'
        store.declare_queue("mail", backoff=backoff, max_attempts=4)
        [item_id] = push(store, "work")
        assert item_id is not None
        for wait in (1, 3, 5):
            [item] = claim(store)
            assert fail(store, item) == "pending"
            assert column(store, "error", item_id) == "broken"
            store.clock.advance(milliseconds=wait * 1000 - 1)
            assert claim(store) == []
            store.clock.advance(milliseconds=1)
        [item] = claim(store)
        assert fail(store, item) == "failed"
        store.clock.advance(days=1)
        assert claim(store) == []

    def test_may_name_its_own_wait(self, store: Store) -> None:
        push(store, "work")
        [item] = claim(store)
        fail(store, item, retry_in_ms=60_000)
        store.clock.advance(seconds=59)
        assert claim(store) == []
        store.clock.advance(seconds=1)
        assert len(claim(store)) == 1

    @pytest.mark.parametrize(("attempt", "wait"), [(1, 10), (2, 20), (3, 40), (4, 60), (5000, 60)])
    def test_backs_off_up_to_a_limit(self, attempt: int, wait: int) -> None:
        assert queue_items.backoff_ms(10, 2.0, 60, attempt) == wait

    def test_can_be_forgiven(self, store: Store) -> None:
        push(store, "work", max_attempts=1)
        [item] = claim(store)
        fail(store, item)
        with store.tx() as tx:
            assert queue_items.retry(tx, item.id) == "mail"
        assert [again.attempt for again in claim(store)] == [1]

    def test_is_needed_for_a_retry(self, store: Store) -> None:
        [item_id] = push(store, "work")
        assert item_id is not None
        with store.tx() as tx:
            with pytest.raises(Conflict, match="is pending, not failed"):
                queue_items.retry(tx, item_id)
            with pytest.raises(NotFound):
                queue_items.retry(tx, item_id + 1)

    def test_is_not_forgiven_while_an_equal_item_waits(self, store: Store) -> None:
        store.declare_queue("mail", dedup_config=BY_SHA)
        push(store, {"sha": "a"}, max_attempts=1)
        [item] = claim(store)
        fail(store, item)
        push(store, {"sha": "a"})
        with store.tx() as tx, pytest.raises(Conflict, match="same deduplication key"):
            queue_items.retry(tx, item.id)


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
            assert queue.prune_queue(tx, "mail", limit=10) == 1
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
        assert queue.queue_rows(store.conn) == []
        push(store, "work")
        [row] = queue.queue_rows(store.conn)
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

    def test_is_counted(self, store: Store) -> None:
        push(store, "oldest", "old")
        store.clock.advance(seconds=30)
        push(store, "new")
        push(store, "later", delay_ms=60_000)
        claim(store)
        counts = queue.queue_counts(store.conn, store.now)["mail"]
        assert counts.as_json() == {"depth": 3, "claimedCount": 1, "failedCount": 0, "oldestAge": 30_000}

    def test_that_is_empty_has_no_age(self, store: Store) -> None:
        store.declare_queue("mail")
        counts = queue.queue_counts(store.conn, store.now)["mail"]
        assert counts.as_json() == {"depth": 0, "claimedCount": 0, "failedCount": 0, "oldestAge": None}

    def test_survives_a_payload_that_is_no_json(self, store: Store) -> None:
        first, second = push(store, "broken", "fine")
        assert first is not None
        store.conn.execute("UPDATE queue_items SET payload = '{no json' WHERE id = ?", (first,))
        assert [item.id for item in claim(store)] == [second]
        assert column(store, "status", first) == "failed"
        assert "not JSON" in str(column(store, "error", first))
        [dead] = queue.failed_items(store.conn, store.now, "mail", 10)
        assert dead.payload == "{no json"

    def test_buries_what_is_nested_too_deep_and_nothing_for_a_deep_caller(self, store: Store) -> None:
        [endless] = push(store, "a script of another language wrote it")
        store.conn.execute("UPDATE queue_items SET payload = ?", ("[" * 5_000 + "]" * 5_000,))
        assert claim(store) == []
        [dead] = queue.failed_items(store.conn, store.now, "mail", 10)
        assert (dead.id, len(dead.payload)) == (endless, 10_000)
        assert "nested deeper than 100 levels" in str(dead.error)
        [deep] = push(store, json.loads("[" * 100 + "]" * 100))
        with suppress(RecursionError):  # some Pythons count the levels of JSON on the same stack
            called_from(sys.getrecursionlimit() - len(inspect.stack()) - 80, lambda: claim(store))
        assert deep is not None
        assert column(store, "status", deep) != "failed"

    @pytest.mark.parametrize("spoilt", ["{}", "[]", "{no json", '{"delay_ms": "1h"}'])
    def test_that_was_spoilt_by_hand_is_named(self, store: Store, spoilt: str) -> None:
        store.declare_queue("mail", backoff=spoilt, dedup_config=None)
        push(store, "work")
        [item] = claim(store)
        with pytest.raises(DatabaseError, match="backoff of queue mail"):
            fail(store, item)
        store.conn.execute("UPDATE queues SET dedup_config = ?", (spoilt,))
        with pytest.raises(DatabaseError, match="dedup_config of queue mail"):
            push(store, "more")


class TestRetention:
    def test_frees_each_kind_in_its_time(self, store: Store) -> None:
        store.declare_queue("mail")
        push(store, "done", "dead", "waiting", max_attempts=1)
        done, dead = claim(store, 2)
        complete(store, done)
        fail(store, dead)
        for hours, freed in ((1, 1), (0, 0), (1, 1), (1000, 0)):
            store.clock.advance(hours=hours)
            with store.tx() as tx:
                assert queue.prune_queue(tx, "mail", limit=10) == freed
        assert [row.payload for row in queue.peek(store.conn, store.now, "mail", 10)] == ["waiting"]

    def test_works_in_portions(self, store: Store) -> None:
        store.declare_queue("mail")
        push(store, *range(5))
        for item in claim(store, 5):
            complete(store, item)
        store.clock.advance(hours=1)
        portions = []
        for _ in range(3):
            with store.tx() as tx:
                portions.append(queue.prune_queue(tx, "mail", limit=2))
        assert portions == [2, 2, 1]


class TestRuns:
    def test_keep_their_claims_while_they_run(self, store: Store) -> None:
        store.declare_queue("mail", lease_ms=60_000)
        push(store, "a", "b", "c")
        claim(store, run_id=1, lease_ms=1_000)
        claim(store, run_id=2, lease_ms=600_000)
        claim(store, run_id=3, lease_ms=1_000)
        with store.tx() as tx:
            assert queue.extend_leases_of_runs(tx, [1, 2]) == 1
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
            assert queue.release_items_of_run(tx, 1, count_attempt=count_attempt) == 1
        assert [(item.id, item.attempt) for item in claim(store, 2)] == [(held.id, next_attempt)]

    def test_that_end_at_the_last_attempt_leave_a_dead_letter(self, store: Store) -> None:
        push(store, "a", max_attempts=1)
        claim(store, run_id=1)
        with store.tx() as tx:
            queue.release_items_of_run(tx, 1, count_attempt=True)
        [dead] = queue.failed_items(store.conn, store.now, "mail", 10)
        assert dead.error == "run 1 ended without an answer"


CLAIM_ALL = """
import sys
from jeeves_runner.client import Client
with Client(sys.argv[1]) as jr:
    print("ready", flush=True)
    sys.stdin.readline()
    while items := jr.claim("mail", count=3, lease=3600):
        for item in items:
            jr.complete(item)
            print(item.id, item.attempt, item.payload)
"""

CLAIM_ONE = """
import sys
from jeeves_runner.client import Client
with Client(sys.argv[1]) as jr:
    print(*(item.payload for item in jr.claim("mail", lease=30)), flush=True)
    sys.stdin.readline()
"""


class TestProcesses:
    def test_share_a_queue_without_losing_repeating_or_waiting_in_vain(self, store: Store) -> None:
        ids = push(store, *range(400))
        workers = [child(CLAIM_ALL, store.path) for _ in range(4)]
        for worker in workers:
            expect(worker, "ready")
        answers = [worker.communicate("go\n")[0].split("\n")[:-1] for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0, 0, 0]
        done = sorted(tuple(map(int, line.split())) for lines in answers for line in lines)
        assert done == [(item_id, 1, payload) for payload, item_id in enumerate(ids)]
        assert store.count("queue_items", "status = 'completed'") == 400

    def test_that_die_leave_their_item_to_the_next_when_the_lease_ends(self, store: Store) -> None:
        [item_id] = push(store, "work")
        assert item_id is not None
        with child(CLAIM_ONE, store.path) as worker:
            expect(worker, "work")
            worker.kill()
        assert worker.returncode == -signal.SIGKILL
        store.clock.time = from_text(str(column(store, "lease_until", item_id)))
        store.clock.advance(milliseconds=-1)
        assert claim(store) == []
        store.clock.advance(milliseconds=1)
        assert [(item.id, item.attempt) for item in claim(store)] == [(item_id, 2)]


def test_times_are_those_of_the_clock_given(store: Store) -> None:
    [item_id] = push(store, "work")
    assert item_id is not None
    assert from_text(str(column(store, "created_at", item_id))) == NOON
