"""Claims of queue items: order, leases, answers; also with several processes, and killed ones."""

import inspect
import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from support.db import child, expect
from support.ledger import Store
from support.queues import claim, column, complete, fail, push

from jeeves_runner.clock import from_text
from jeeves_runner.db import queue_claims, queue_contents, queue_upkeep
from jeeves_runner.errors import DatabaseError, LeaseLost


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


class TestLastAttempt:
    def test_comes_alone_and_what_is_before_it_comes_without_it(self, store: Store) -> None:
        push(store, "a", "b")
        push(store, "last", max_attempts=1)
        push(store, "c")
        claims = [[item.payload for item in claim(store, 10)] for _ in range(4)]
        assert claims == [["a", "b"], ["last"], ["c"], []]

    def test_that_is_no_json_is_buried_and_the_next_ones_come(self, store: Store) -> None:
        [spoilt] = push(store, "spoilt", max_attempts=1)
        push(store, "a", "b")
        store.conn.execute("UPDATE queue_items SET payload = '{' WHERE id = ?", (spoilt,))
        assert [item.payload for item in claim(store, 10)] == ["a", "b"]

    def test_comes_alone_also_where_some_were_delayed(self, store: Store) -> None:
        push(store, "late", delay_ms=1)
        push(store, "last", max_attempts=1, delay_ms=2)
        push(store, "urgent", "too", priority=5)
        store.clock.advance(milliseconds=2)
        claims = [[item.payload for item in claim(store, 10)] for _ in range(2)]
        assert claims == [["urgent", "too", "late"], ["last"]]

    def test_of_a_neighbour_is_not_spent_by_a_run_that_dies_of_another_item(self, store: Store) -> None:
        innocent, poison, another = push(store, "innocent", "poison", "another", max_attempts=2)
        claim(store, 10, run_id=1)
        with store.tx() as tx:
            queue_upkeep.release_items_of_run(tx, 1, count_attempt=True)
        for item_id in (innocent, poison, another):
            [item] = claim(store, 10, run_id=2)
            assert item.id == item_id
            if item_id != poison:
                complete(store, item)
            with store.tx() as tx:
                queue_upkeep.release_items_of_run(tx, 2, count_attempt=True)
        ends = [column(store, "status", item_id) for item_id in (innocent, poison, another) if item_id]
        assert ends == ["completed", "failed", "completed"]


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
            queue_claims.extend(tx, stale.id, stale.lease_token, 1_000)

    def test_that_ends_without_an_answer_is_counted(self, store: Store) -> None:
        push(store, "one", "two", "three")
        claim(store, 2, lease_ms=1_000)
        assert queue_claims.ended_leases(store.conn) == 0
        store.clock.advance(seconds=1)
        [first, *_] = claim(store, 3)
        complete(store, first)
        assert queue_claims.ended_leases(store.conn) == 2
        claim(store, 1)
        assert queue_claims.ended_leases(store.conn) == 2

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
            queue_claims.extend(tx, item.id, item.lease_token, 5_000)
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
            queue_claims.extend(tx, asked.id, asked.lease_token, 100)
        assert column(store, "lease_until", by_default.id) == "2026-03-01T12:00:15.000Z"
        assert column(store, "lease_until", asked.id) == "2026-03-01T12:00:15.000Z"
        store.clock.advance(seconds=10)
        with store.tx() as tx:
            queue_upkeep.extend_leases_of_runs(tx, [1])
        assert column(store, "lease_until", asked.id) == "2026-03-01T12:00:25.000Z"

    def test_that_ends_after_the_last_attempt_makes_a_dead_letter(self, store: Store) -> None:
        push(store, "work", max_attempts=2)
        for _ in range(2):
            assert len(claim(store, lease_ms=1_000)) == 1
            store.clock.advance(seconds=1)
        assert queue_contents.queue_counts(store.conn, store.now)["mail"].failed == 1
        assert claim(store) == []
        [dead] = queue_contents.failed_items(store.conn, store.now, "mail", 10).rows
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
        assert queue_claims.backoff_ms(10, 2.0, 60, attempt) == wait

    @pytest.mark.parametrize("attempt", [1, 2, 5000])
    def test_comes_back_at_once_where_there_is_no_delay(self, attempt: int) -> None:
        assert queue_claims.backoff_ms(0, 2.0, 3_600_000, attempt) == 0


class TestQueue:
    def test_survives_a_payload_that_is_no_json(self, store: Store) -> None:
        first, second = push(store, "broken", "fine")
        assert first is not None
        store.conn.execute("UPDATE queue_items SET payload = '{no json' WHERE id = ?", (first,))
        assert [item.id for item in claim(store)] == [second]
        assert column(store, "status", first) == "failed"
        assert "not JSON" in str(column(store, "error", first))
        [dead] = queue_contents.failed_items(store.conn, store.now, "mail", 10).rows
        assert dead.payload == "{no json"

    def test_buries_what_is_nested_too_deep_and_nothing_for_a_deep_caller(self, store: Store) -> None:
        [endless] = push(store, "a script of another language wrote it")
        store.conn.execute("UPDATE queue_items SET payload = ?", ("[" * 5_000 + "]" * 5_000,))
        assert claim(store) == []
        [dead] = queue_contents.failed_items(store.conn, store.now, "mail", 10).rows
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
