"""The queue against a model of it: any sequence of calls, checked call by call.

The model keeps a list of items in memory and knows nothing of SQL, indexes or transactions.
"""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, takewhile
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.ledger import Store

from jeeves_runner.db import queue_claims, queue_contents, queue_enqueue, queue_upkeep
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.queue_claims import Item
from jeeves_runner.errors import LeaseLost

DELAY = 1_000
MAX_DELAY = 3_000
RUNS = (7, 8)

numbers = count()


@dataclass
class Wanted:
    """One item as it should be."""

    id: int
    key: int
    priority: int
    ready_at: datetime
    max_attempts: int
    status: str = "pending"
    attempt: int = 0
    token: str | None = None
    lease_until: datetime | None = None
    run_id: int | None = None

    def end_claim(self, status: str) -> None:
        self.status, self.token, self.lease_until, self.run_id = status, None, None, None

    def give_back(self) -> None:
        self.end_claim("pending" if self.attempt < self.max_attempts else "failed")


def together(ready: list[Wanted]) -> list[Wanted]:
    """Those that one claim takes of these: one in its last attempt alone, or those before the first such."""
    last = next((n for n, item in enumerate(ready) if item.attempt + 1 >= item.max_attempts), len(ready))
    return ready[: max(last, 1)]


class QueueMachine(RuleBasedStateMachine):
    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.store.clock
        self.queue = f"q{next(numbers)}"
        self.store.declare_queue(
            self.queue,
            dedup_config='{"key": "$.key", "scope": "pending"}',
            backoff=f'{{"delay_ms": {DELAY}, "factor": 2.0, "max_delay_ms": {MAX_DELAY}}}',
        )
        self.items: dict[int, Wanted] = {}
        self.claims: list[Item] = []

    def settle(self) -> None:
        for item in self.items.values():
            if item.lease_until is not None and item.lease_until <= self.clock.time:
                item.give_back()

    def has(self, *statuses: str) -> list[Wanted]:
        self.settle()
        return [item for item in self.items.values() if item.status in statuses]

    @rule(seconds=st.integers(0, 90))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule(
        key=st.integers(0, 9),
        priority=st.integers(-1, 1),
        delay_ms=st.sampled_from([0, 0, 20_000]),
        max_attempts=st.sampled_from([None, 1]),
    )
    def enqueue(self, key: int, priority: int, delay_ms: int, max_attempts: int | None) -> None:
        duplicate = any(item.key == key for item in self.has("pending", "claimed"))
        with self.store.tx() as tx:
            [item_id] = queue_enqueue.enqueue(
                tx,
                self.queue,
                [f'{{"key": {key}}}'],
                priority=priority,
                delay_ms=delay_ms,
                max_attempts=max_attempts,
            )
        assert (item_id is None) is duplicate
        if item_id is not None:
            ready_at = self.clock.time + timedelta(milliseconds=delay_ms)
            self.items[item_id] = Wanted(item_id, key, priority, ready_at, max_attempts or 3)

    @rule(
        many=st.integers(1, 4),
        lease_ms=st.sampled_from([None, 10_000]),
        run_id=st.sampled_from([None, *RUNS]),
    )
    def claim(self, many: int, lease_ms: int | None, run_id: int | None) -> None:
        ready = [item for item in self.has("pending") if item.ready_at <= self.clock.time]
        ready.sort(key=lambda item: (-item.priority, item.ready_at, item.id))
        effects = None if run_id is None else Effects(run_id)
        with self.store.tx() as tx:
            claimed = queue_claims.claim(tx, self.queue, count=many, lease_ms=lease_ms, effects=effects)
        assert [item.id for item in claimed] == [item.id for item in together(ready[:many])]
        for want, item in zip(ready, claimed, strict=False):
            want.status, want.attempt, want.token = "claimed", want.attempt + 1, item.lease_token
            shortest = 0 if run_id is None else 15_000
            want.lease_until = self.clock.time + timedelta(milliseconds=max(lease_ms or 60_000, shortest))
            want.run_id = run_id
            assert (item.attempt, item.payload) == (want.attempt, {"key": want.key})
        self.claims += claimed

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(),
        answer=st.sampled_from(["complete", "fail", "extend"]),
        retry_in_ms=st.sampled_from([None, 0]),
    )
    def answer(self, data: st.DataObject, answer: str, retry_in_ms: int | None) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        self.settle()
        want = self.items[claim.id]
        if want.token != claim.lease_token:
            with pytest.raises(LeaseLost):
                self.do(answer, claim, retry_in_ms)
            return
        self.do(answer, claim, retry_in_ms)
        if answer == "complete":
            want.end_claim("completed")
        elif answer == "fail":
            want.give_back()
            backoff = min(DELAY * 2 ** (want.attempt - 1), MAX_DELAY)
            if want.status == "pending":
                wait = backoff if retry_in_ms is None else retry_in_ms
                want.ready_at = self.clock.time + timedelta(milliseconds=wait)
        else:
            want.lease_until = self.clock.time + timedelta(seconds=30)

    def do(self, answer: str, claim: Item, retry_in_ms: int | None) -> None:
        with self.store.tx() as tx:
            if answer == "complete":
                queue_claims.complete(tx, claim.id, claim.lease_token)
            elif answer == "fail":
                queue_claims.fail(tx, claim.id, claim.lease_token, "no", retry_in_ms=retry_in_ms)
            else:
                queue_claims.extend(tx, claim.id, claim.lease_token, 30_000)

    @rule(run_id=st.sampled_from(RUNS), count_attempt=st.booleans())
    def run_ends_without_an_answer(self, run_id: int, count_attempt: bool) -> None:
        self.settle()
        with self.store.tx() as tx:
            queue_claims.settle_expired(tx, self.queue)
            queue_upkeep.release_items_of_run(tx, run_id, count_attempt=count_attempt)
        for item in self.items.values():
            if item.status == "claimed" and item.run_id == run_id:
                item.attempt -= not count_attempt
                item.give_back()

    @rule()
    def runs_are_still_running(self) -> None:
        self.settle()
        with self.store.tx() as tx:
            queue_claims.settle_expired(tx, self.queue)
            queue_upkeep.extend_leases_of_runs(tx, RUNS)
        until = self.clock.time + timedelta(minutes=1)
        for item in self.items.values():
            if item.run_id is not None and item.lease_until is not None:
                item.lease_until = max(item.lease_until, until)

    @rule(data=st.data())
    @precondition(lambda self: self.has("failed"))
    def retry(self, data: st.DataObject) -> None:
        want = data.draw(st.sampled_from(self.has("failed")))
        if any(item.key == want.key for item in self.has("pending", "claimed")):
            return
        with self.store.tx() as tx:
            queue_enqueue.retry(tx, want.id)
        want.status, want.attempt, want.ready_at = "pending", 0, self.clock.time

    @invariant()
    def counts_agree(self) -> None:
        counts = queue_contents.queue_counts(self.store.conn, self.clock.time, self.queue)[self.queue]
        assert counts.depth == len(self.has("pending"))
        assert counts.claimed == len(self.has("claimed"))
        assert counts.failed == len(self.has("failed"))

    @invariant()
    def lists_agree(self) -> None:
        waiting = sorted(self.has("pending"), key=lambda item: (-item.priority, item.ready_at, item.id))
        seen = queue_contents.peek(self.store.conn, self.clock.time, self.queue, limit=5).rows
        assert [(row.id, row.attempt) for row in seen] == [(item.id, item.attempt) for item in waiting[:5]]
        failed = queue_contents.failed_items(self.store.conn, self.clock.time, self.queue, limit=1000).rows
        assert sorted(row.id for row in failed) == sorted(item.id for item in self.has("failed"))


class Deaths(RuleBasedStateMachine):
    """Claimants that die of one item: it alone ends as a dead letter, however it stands between others."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.queue = f"deaths{next(numbers)}"
        self.deaths = 0

    @rule(kinds=st.lists(st.booleans(), min_size=1, max_size=6), max_attempts=st.integers(1, 4))
    def enqueue(self, kinds: list[bool], max_attempts: int) -> None:
        texts = ["true" if is_poison else "false" for is_poison in kinds]
        with self.store.tx() as tx:
            queue_enqueue.enqueue(tx, self.queue, texts, max_attempts=max_attempts)

    @rule(
        many=st.integers(1, 8),
        order=st.randoms(use_true_random=False),
        dies_by=st.sampled_from(["lease", "end of run"]),
        answers=st.sampled_from(["one by one", "at the end"]),
    )
    def work(self, many: int, order: Random, dies_by: str, answers: str) -> None:
        """A claimant works what it claims, in any order, and dies at the first item that is poison."""
        with self.store.tx() as tx:
            items = queue_claims.claim(tx, self.queue, count=many, effects=Effects(RUNS[0]))
        order.shuffle(items)
        good = list(takewhile(lambda item: not item.payload, items))
        is_dead = len(good) < len(items)
        if answers == "one by one" or not is_dead:
            with self.store.tx() as tx:
                for item in good:
                    queue_claims.complete(tx, item.id, item.lease_token)
        if is_dead:
            self.deaths += 1
            self.die(dies_by)

    def die(self, how: str) -> None:
        if how == "lease":
            self.store.clock.advance(minutes=10)
            with self.store.tx() as tx:
                queue_claims.settle_expired(tx)
        else:
            with self.store.tx() as tx:
                queue_upkeep.release_items_of_run(tx, RUNS[0], count_attempt=True)

    @invariant()
    def only_poison_is_given_up(self) -> None:
        given_up = f"status = 'failed' AND queue_id = '{self.queue}'"
        assert self.store.count("queue_items", f"{given_up} AND payload = 'false'") == 0

    def teardown(self) -> None:
        """Whatever is left comes to an end: it never spins."""
        poison = self.store.count("queue_items", f"queue_id = '{self.queue}' AND payload = 'true'")
        for _ in range(1000):
            before = self.store.count("queue_items", f"queue_id = '{self.queue}' AND status = 'pending'")
            if not before:
                break
            self.work(5, Random(before), "end of run", "at the end")
        self.only_poison_is_given_up()
        dead = self.store.count("queue_items", f"queue_id = '{self.queue}' AND status = 'failed'")
        assert dead == poison
        assert self.deaths <= 4 * poison


def test_only_the_item_that_kills_its_claimants_is_given_up() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "runner.sqlite")
        Deaths.store = store
        try:
            machine = Deaths.TestCase
            machine.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
            machine().runTest()
        finally:
            store.conn.close()


def test_the_queue_does_what_the_model_does() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "runner.sqlite")
        QueueMachine.store = store
        try:
            machine = QueueMachine.TestCase
            machine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
            machine().runTest()
        finally:
            store.conn.close()
