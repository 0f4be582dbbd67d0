"""Lineage as scripts leave it: what a run enqueues, claims and stores names it, and its acts are counted."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ledger import Ledger
from support.state_server import Way

from jeeves_runner.client import Client, Conflict, Item, Unauthorized
from jeeves_runner.db import lineage_list
from jeeves_runner.runs.api_access import ApiAccess

RUN, REVISION, DEPTH = 7, 1, 2
ACCESS = ApiAccess()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("fetch")
    ledger.add_run(
        "fetch", "running", id=RUN, revision_id=REVISION, depth=DEPTH, token_digest=ACCESS.digest("mark")
    )
    yield ledger
    ledger.conn.close()


@pytest.fixture
def script(way: Way, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Client]:
    """Makes clients of a script that is a run: it is known by its environment, or by its token."""
    monkeypatch.setenv("JR_DB_PATH", str(way.store.path))
    monkeypatch.setenv("JR_RUN_ID", str(RUN))
    return lambda: way.client(ACCESS.token(RUN, "mark"))


@pytest.fixture
def jr(script: Callable[[], Client]) -> Iterator[Client]:
    with script() as client:
        yield client


def effects(store: Ledger) -> dict[tuple[str, str], int]:
    told = lineage_list.effects_of(store.conn, RUN)
    return {(effect["act"], effect["target"]): effect["count"] for effect in told}


def row(store: Ledger, columns: str, table: str) -> Any:
    return store.conn.execute(f"SELECT {columns} FROM {table}").fetchone()


def test_an_item_names_the_run_that_enqueued_it_and_the_one_that_claimed_it(
    jr: Client, store: Ledger
) -> None:
    jr.enqueue("mail", 1)
    named = "producer_run, producer_revision, depth, run_id, run_revision"
    assert row(store, named, "queue_items") == (RUN, REVISION, DEPTH, None, None)
    [item] = jr.claim("mail")
    jr.complete(item)
    assert row(store, named, "queue_items") == (RUN, REVISION, DEPTH, RUN, REVISION)
    assert effects(store) == {("enqueued", "mail"): 1, ("claimed", "mail"): 1, ("completed", "mail"): 1}


def test_an_item_that_goes_back_names_its_producer_alone(jr: Client, store: Ledger) -> None:
    jr.enqueue("mail", 1)
    [item] = jr.claim("mail")
    jr.fail(item, "no network", retry_in=1)
    named = "producer_run, run_id, run_revision, status"
    assert row(store, named, "queue_items") == (RUN, None, None, "pending")
    assert effects(store)["failed", "mail"] == 1


def test_an_answer_counts_also_by_another_client_than_the_one_that_claimed(
    jr: Client, script: Callable[[], Client], store: Ledger
) -> None:
    jr.enqueue_many("mail", [1, 2])
    items = jr.claim("mail", 2)
    with script() as other:
        other.complete(items[0])
        with other.transaction():
            other.fail(items[1], "broken")
    assert effects(store)["completed", "mail"] == effects(store)["failed", "mail"] == 1


def test_state_names_its_last_writer(jr: Client, store: Ledger) -> None:
    jr.set_state("ns", "cursor", 1)
    jr.set_item("ns", "seen", "a")
    for table in ("state", "state_items"):
        assert row(store, "writer_run, writer_revision", table) == (RUN, REVISION)
    assert effects(store) == {("wrote", "ns"): 2}


def test_a_script_that_is_no_run_leaves_no_name(
    jr: Client, way: Way, store: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    jr.set_state("ns", "cursor", 1)
    monkeypatch.delenv("JR_RUN_ID")
    with way.client() as person:
        person.set_state("ns", "cursor", 2)
        person.enqueue("mail", 1)
        [item] = person.claim("mail")
        person.complete(item)
    assert row(store, "writer_run, writer_revision", "state") == (None, None)
    assert row(store, "producer_run, depth, run_id", "queue_items") == (None, 0, None)
    assert effects(store) == {("wrote", "ns"): 1}


def test_a_number_that_is_no_run_is_recorded_without_a_revision(
    store: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JR_DB_PATH", str(store.path))
    monkeypatch.setenv("JR_RUN_ID", "99")
    with Client(clock=store.clock) as client:
        client.enqueue("mail", 1)
    assert row(store, "producer_run, producer_revision, depth", "queue_items") == (99, None, 0)


def test_a_run_that_has_ended_may_ask_a_server_for_nothing(jr: Client, way: Way, store: Ledger) -> None:
    store.conn.execute("UPDATE runs SET status = 'ok', finished_at = created_at, end_seq = 1")
    if way.url:
        with pytest.raises(Unauthorized, match="the token is that of a run which has ended, or of none"):
            jr.set_state("ns", "k", 1)
        assert store.count("state") == 0


def test_duplicates_and_what_is_not_stored_do_not_count(jr: Client, store: Ledger) -> None:
    store.declare_queue("mail", dedup_config='{"key": "$", "scope": "all"}')
    jr.enqueue_many("mail", [1, 1, 2])
    assert not jr.set_state("ns", "cursor", 1, expect=5)
    jr.delete_state("ns", "cursor")
    assert effects(store) == {("enqueued", "mail"): 2}


class Script:
    """Calls of a run, and how often it has done what. Each step by its name."""

    def __init__(self, jr: Client) -> None:
        self._jr = jr
        self._held: list[Item] = []
        self.done: Counter[tuple[str, str]] = Counter()

    def enqueue(self) -> None:
        self._jr.enqueue_many("mail", [1, 2])
        self.done["enqueued", "mail"] += 2

    def claim(self) -> None:
        items = self._jr.claim("mail", 3)
        self._held += items
        self.done["claimed", "mail"] += len(items)

    def complete(self) -> None:
        for item in self._held[:1]:
            self._jr.complete(item)
            self.done["completed", "mail"] += 1
        del self._held[:1]

    def complete_all(self) -> None:
        with self._jr.transaction():
            for item in self._held:
                self._jr.complete(item)
        self.done["completed", "mail"] += len(self._held)
        self._held.clear()

    def fail(self) -> None:
        for item in self._held[:1]:
            self._jr.fail(item, "broken")
            self.done["failed", "mail"] += 1
        del self._held[:1]

    def set(self) -> None:
        self._jr.set_state("ns", "k", 1)
        self._jr.set_item("ns", "c", "a")
        self._jr.set_item("ns", "c", "b")
        self.done["wrote", "ns"] += 3

    def delete(self) -> None:
        self.done["wrote", "ns"] += self._jr.get_state("ns", "k") is not None
        self._jr.delete_state("ns", "k")
        self.done["wrote", "ns"] += self._jr.has_item("ns", "c", "a")
        self._jr.delete_item("ns", "c", "a")

    def prune(self) -> None:
        self.done["wrote", "ns"] += self._jr.prune_items("ns", "c", 1) or 0

    def abort(self) -> None:
        with suppress(Conflict), self._jr.transaction():
            self._jr.enqueue("mail", 3)
            self._jr.set_state("other", "k", 1)
            self._jr.set_state("ns", "k", 1, expect="never")


STEPS = st.lists(
    st.sampled_from(
        ["enqueue", "claim", "complete", "complete_all", "fail", "set", "delete", "prune", "abort"]
    ),
    max_size=25,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS)
def test_the_counts_are_those_of_the_calls_that_were_stored(
    jr: Client, store: Ledger, steps: list[str]
) -> None:
    for table in ("effects", "queue_items", "state_items", "state"):
        store.conn.execute(f"DELETE FROM {table}")
    script = Script(jr)
    for step in steps:
        getattr(script, step)()
    assert effects(store) == {key: count for key, count in script.done.items() if count}
