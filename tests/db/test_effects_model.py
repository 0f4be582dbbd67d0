"""What runs do, counted: any sequence of calls, ends and deletions, against a count of these calls.

The model knows no item: a call that has returned was done, whatever becomes of its item later.
"""

import tempfile
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from support.ledger import Ledger

from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.operations import Claim, Complete, Enqueue, Fail, SetState, Write
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import lineage_list, queue_enqueue, queue_purge, queue_upkeep, run_retention
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.operations import perform
from jeeves_runner.db.queue_claims import Item, settle_expired
from jeeves_runner.db.run_ends import RunRecord, end_running
from jeeves_runner.errors import Conflict, LeaseLost

numbers = count()
Counts = Counter[tuple[str, str]]


class Caller:
    """A connection of a run, or of a program that is none."""

    def __init__(self, run: int | None) -> None:
        self.run = run
        self.effects = None if run is None else Effects(run)


class EffectsMachine(RuleBasedStateMachine):
    """``callers`` go on after the run's end: a process may outlive it. ``claims`` are answered by any."""

    ledger: Ledger
    callers = Bundle("callers")
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        number = next(numbers)
        self.queues = (f"a{number}", f"b{number}")
        for queue in self.queues:
            self.ledger.declare_queue(queue)
        self.kept: dict[int, Counts] = {}
        """Of each run that is not deleted what it has done."""
        self.running: list[int] = []

    @initialize(target=callers)
    def two_runs_and_some_work(self) -> Any:
        first, second = (
            self.a_run_starts(by_an_older_program=False),
            self.a_run_starts(by_an_older_program=False),
        )
        for which in (0, 1):
            self.enqueue(first, which, 3, 3)
        return multiple(first, second, Caller(None))

    @rule(target=callers, by_an_older_program=st.booleans())
    def a_run_starts(self, by_an_older_program: bool) -> Caller:
        run = self.ledger.add_run("work", "running", told_by_items=int(not by_an_older_program))
        self.kept[run] = Counter()
        self.running.append(run)
        return Caller(run)

    @rule(target=callers, caller=callers)
    def another_process_of_it_begins(self, caller: Caller) -> Caller:
        return Caller(caller.run)

    @rule(target=callers)
    def a_program_that_is_no_run_begins(self) -> Caller:
        return Caller(None)

    @rule(seconds=st.sampled_from([1, 1, 1, 30, 90, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.ledger.clock.advance(seconds=seconds)

    @rule(caller=callers, which=st.integers(0, 1), many=st.integers(1, 3), attempts=st.sampled_from([1, 3]))
    def enqueue(self, caller: Caller, which: int, many: int, attempts: int) -> None:
        queue = self.queues[which]
        self.call(caller, Enqueue(queue, ("1",) * many, max_attempts=attempts))
        self.note(caller, "enqueued", queue, many)

    @rule(target=claims, caller=callers, which=st.integers(0, 1), many=st.integers(1, 4))
    def claim(self, caller: Caller, which: int, many: int) -> Any:
        queue = self.queues[which]
        [items] = self.call(caller, Claim(queue, many, None))
        self.note(caller, "claimed", queue, len(items))
        return multiple(*((queue, item, caller) for item in items))

    @rule(caller=callers, which=st.integers(0, 1))
    def claim_and_hang_up(self, caller: Caller, which: int) -> None:
        """The claimant has gone before it learned of its items: it has claimed them all the same."""
        queue = self.queues[which]
        [items] = self.call(caller, Claim(queue, 2, None))
        self.note(caller, "claimed", queue, len(items))
        with self.ledger.tx() as tx:
            queue_upkeep.undo_claims(tx, items)

    @rule(claim=claims, act=st.sampled_from(["completed", "failed"]))
    def answer(self, claim: tuple[str, Item, Caller], act: str) -> None:
        self.answer_as(claim[2], claim, act)

    @rule(caller=callers, claim=claims, act=st.sampled_from(["completed", "failed"]))
    def answer_as(self, caller: Caller, claim: tuple[str, Item, Caller], act: str) -> None:
        queue, item, _ = claim
        with suppress(LeaseLost):
            self.call(caller, _answer(act, queue, item))
            self.note(caller, act, queue, 1)

    @rule(caller=callers, some=st.lists(consumes(claims), min_size=2, max_size=3))
    def answer_at_once(self, caller: Caller, some: list[tuple[str, Item, Caller]]) -> None:
        with suppress(LeaseLost):
            self.call(caller, *(_answer("completed", queue, item) for queue, item, _ in some))
            for queue, _, _ in some:
                self.note(caller, "completed", queue, 1)

    @rule(caller=callers, claim=claims)
    def die_before_the_commit(self, caller: Caller, claim: tuple[str, Item, Caller]) -> None:
        queue, item, _ = claim
        never = SetState("ns", "never", "1", None, expect="5")
        with suppress(Conflict, LeaseLost):
            self.call(caller, Enqueue(queue, ("1",)), _answer("completed", queue, item), never, fails=True)

    @rule(caller=callers)
    def set_state(self, caller: Caller) -> None:
        self.call(caller, SetState("ns", "key", "1"))
        self.note(caller, "wrote", "ns", 1)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), status=st.sampled_from([RunStatus.OK, RunStatus.ERROR, RunStatus.INTERRUPTED]))
    def a_run_ends(self, data: st.DataObject, status: RunStatus) -> None:
        run = data.draw(st.sampled_from(self.running))
        with self.ledger.tx() as tx:
            assert end_running(tx, run, Outcome(status), RunRecord(), None) is not None
        self.running.remove(run)

    @precondition(lambda self: len(self.kept) > len(self.running))
    @rule(data=st.data())
    def a_run_is_deleted(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.kept.keys() - set(self.running))))
        with self.ledger.tx() as tx:
            run_retention.forget_effects(tx, [run], 100)
        self.call(late := Caller(run), SetState("ns", "late", "1"))  # a process that outlives it
        with self.ledger.tx() as tx:
            deleted = run_retention.delete(tx, [run])
        if deleted:
            del self.kept[run]
        else:  # its job keeps the last one that started, with its counts
            assert run == max(self.kept)
            self.note(late, "wrote", "ns", 1)

    @rule(which=st.integers(0, 1), limit=st.sampled_from([1, 2, 100]))
    def prune(self, which: int, limit: int) -> None:
        with self.ledger.tx() as tx:
            queue_upkeep.prune_queue(tx, self.queues[which], limit, now=tx.now)

    @rule(which=st.integers(0, 1), kind=st.sampled_from(["failed", "completed", "pending"]))
    def purge(self, which: int, kind: str) -> None:
        with self.ledger.tx() as tx:
            newest = queue_purge.purgeable(tx, self.queues[which]).newest
            queue_purge.purge(tx, self.queues[which], kind, newest=newest, by=Actor("test"))

    @rule(which=st.sampled_from([None, 0, 1]))
    def settle(self, which: int | None) -> None:
        with self.ledger.tx() as tx:
            settle_expired(tx, None if which is None else self.queues[which])

    @rule(claim=claims)
    def retry(self, claim: tuple[str, Item, Caller]) -> None:
        item_id = claim[1].id
        if self.ledger.count("queue_items", f"id = {item_id} AND status = 'failed'"):
            with self.ledger.tx() as tx:
                queue_enqueue.retry(tx, item_id)

    @invariant()
    def counts_are_those_of_the_calls(self) -> None:
        found = {run: _told(self.ledger, run) for run in self.kept}
        assert found == {run: dict(done) for run, done in self.kept.items()}

    @invariant()
    def nothing_is_kept_of_deleted_runs(self) -> None:
        assert self.ledger.count("effects", "run_id NOT IN (SELECT id FROM runs)") == 0

    def call(self, caller: Caller, *ops: Write, fails: bool = False) -> list[Any]:
        effects = caller.effects
        with self.ledger.tx() as tx:
            if effects is not None:
                effects.begin()
            done = [perform(tx, op, effects) for op in ops]
            if effects is not None:
                effects.write(tx)
            if fails:
                raise Conflict("it died")
        return done

    def note(self, caller: Caller, act: str, target: str, number: int) -> None:
        if number and caller.run in self.kept:
            self.kept[caller.run][act, target] += number


def _answer(act: str, queue: str, item: Item) -> Write:
    if act == "completed":
        return Complete(item.id, item.lease_token, queue)
    return Fail(item.id, item.lease_token, "broken", queue=queue)


def _told(ledger: Ledger, run: int) -> dict[tuple[str, str], int]:
    told = lineage_list.effects_of(ledger.conn, run)
    return {(effect["act"], effect["target"]): effect["count"] for effect in told}


def test_counts_are_those_of_the_calls_whatever_becomes_of_the_items() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "runner.sqlite")
        ledger.add_job("work")
        EffectsMachine.ledger = ledger
        try:
            machine = EffectsMachine.TestCase
            machine.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
            machine().runTest()
        finally:
            ledger.conn.close()
