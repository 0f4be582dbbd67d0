"""Whichever way a script takes, the same calls have the same results, the same errors and the same rows."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ledger import Store
from support.state_server import WAYS, Way, way_to

from jeeves_runner.client import MISSING, Client, Item, JeevesError, Pending

Play = Callable[[Client], Any]

TABLES = {
    "state": "namespace, key, value, expires_at, ttl_ms, updated_at, writer_run",
    "state_items": "namespace, key, item_key, value, expires_at, ttl_ms, updated_at, writer_run",
    "queues": "id, declared, max_attempts, lease_ms",
    "queue_items": "id, queue_id, payload, status, attempt, priority, max_attempts, ready_at, delay_ms,"
    " error, lease_until, lease_ms, created_at, claimed_at, completed_at, dedup_key",
}


@pytest.fixture
def ways(tmp_path: Path) -> Iterator[list[Way]]:
    """Each way, to a store of its own."""
    with ExitStack() as stack:
        found = []
        for name in WAYS:
            store = Store(tmp_path / f"{name}.sqlite")
            stack.callback(store.conn.close)
            store.declare_queue("once", dedup_config='{"key": "$.n", "scope": "all"}', max_attempts=2)
            store.declare_queue("gone", deleted_at="2026-01-01T00:00:00.000Z")
            found.append(stack.enter_context(way_to(store, name)))
        yield found


def outcome(play: Play, client: Client) -> object:
    """What a call returns, or the whole of its error."""
    try:
        return plain(play(client))
    except JeevesError as error:
        return type(error).__name__, error.code, error.message, error.hint


def plain(value: Any) -> object:
    """A result without what is random in it."""
    if isinstance(value, Item):
        return value._replace(lease_token="token")
    if isinstance(value, Pending):
        return value.id, value.settled
    return [plain(each) for each in value] if isinstance(value, list) else value


def rows(store: Store) -> dict[str, list[Any]]:
    return {
        table: store.conn.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3").fetchall()
        for table, columns in TABLES.items()
    }


def same(ways: list[Way], *plays: Play) -> object:
    """What the last of these calls has come to, which must be the same on all ways, as must be the rows."""
    found = []
    for way in ways:
        with way.client() as client:
            outcomes = [outcome(play, client) for play in plays]
        found.append((json.dumps(outcomes, default=repr), rows(way.store)))
    assert found[1:] == found[:1] * (len(found) - 1)
    return outcomes[-1]


NAMES = [
    "a/b", "a%2Fb", ".", "..", "../..", "%2e%2e", "ü", "日本語", "😀" * 512, "a b", "a+b", "a?b=c#d", "%",
    "%zz", "\\", "a\nb", "a;b", "{x}", "a:b@c", "\x01", "\u202e", "value", "items", "prune", '"', "'",
    "e\u0301",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_found_again(ways: list[Way], name: str) -> None:
    def keep(jr: Client) -> object:
        jr.set_state(name, name, {name: name})
        jr.set_item(name, name, name, [name])
        return jr.get_state(name, name), jr.get_item(name, name, name), jr.list_item_keys(name, name)

    assert same(ways, keep) == ({name: name}, [name], [name])
    assert same(ways, lambda jr: jr.get_state(name, name + "x" if len(name) < 512 else "x", "-")) == "-"


VALUES: list[object] = [
    1, 1.0, -0.0, 0, True, None, "", [], {}, 10**400, -(10**30), 1e308, 5e-324, 0.1, "\0", "\u2028", "ü😀",
    {"": {"a": [1, 1.0, None]}}, [[[]]], "x" * 100_000, 2**53 + 1, {"a": 1, "A": 2},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_any_value_comes_back_as_it_was(ways: list[Way], value: object) -> None:
    def keep(jr: Client) -> object:
        jr.set_state("ns", "k", value)
        jr.set_item("ns", "k", "i", value)
        jr.enqueue("mail", value)
        [item] = jr.claim("mail")
        held = [jr.get_state("ns", "k"), jr.get_item("ns", "k", "i"), item.payload]
        return json.dumps(held), jr.set_state("ns", "k", 0, expect=value)

    assert same(ways, keep) == (json.dumps([value] * 3), True)


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def in_transaction(*plays: Play) -> Play:
    def play(jr: Client) -> object:
        results: list[object] = []
        with jr.transaction():
            results += [each(jr) for each in plays]
        return results

    return play


def in_a_row(*plays: Play) -> Play:
    return lambda jr: [each(jr) for each in plays]


def answered(answer: Callable[[Client, Item], object]) -> Play:
    """An answer to a claim that has been answered."""

    def play(jr: Client) -> object:
        jr.enqueue("mail", 1)
        [item] = jr.claim("mail")
        jr.complete(item)
        return answer(jr, item)

    return play


UNKNOWN = Item(id=99, payload=None, attempt=0, lease_token="no such token")

CALLS: dict[str, Play] = {
    "a value of 100 levels": lambda jr: [jr.set_state("ns", "k", nested(100)), jr.get_state("ns", "k")],
    "payloads of 100 levels": in_transaction(lambda jr: jr.enqueue_many("mail", [nested(100)] * 2)),
    "101 levels": lambda jr: jr.set_state("ns", "k", nested(101)),
    "NaN": lambda jr: jr.set_state("ns", "k", float("nan")),
    "a lone surrogate": lambda jr: jr.enqueue("mail", ["\ud800"]),
    "a surrogate in a name": lambda jr: jr.get_state("ns", "\ud800"),
    "too many digits": lambda jr: jr.set_state("ns", "k", 10**5000),
    "an unmet expectation": lambda jr: jr.set_state("ns", "k", 1, expect=2),
    "an expected nothing": lambda jr: jr.set_state("ns", "k", 1, expect=MISSING),
    "an expected null": lambda jr: jr.set_state("ns", "k", 1, expect=None),
    "a conflict": in_transaction(
        lambda jr: jr.set_item("ns", "k", "i"), lambda jr: jr.set_state("ns", "k/ü", 1, expect=2)
    ),
    "a bad queue id": lambda jr: jr.enqueue("NO/ü", 1),
    "a bad queue id to claim from": lambda jr: jr.claim("NO/ü"),
    "a deleted queue": lambda jr: jr.enqueue("gone", 1),
    "a lacking key": lambda jr: jr.enqueue_many("once", [{"n": 1}, {"m": 1}]),
    "duplicates": lambda jr: jr.enqueue_many("once", [{"n": 1}, {"n": 1.0}, {"n": "1"}]),
    "pending duplicates": in_transaction(lambda jr: jr.enqueue_many("once", [{"n": 1}, {"n": 1}])),
    "an unknown item": lambda jr: jr.complete(UNKNOWN),
    "an unknown item in a transaction": in_transaction(lambda jr: jr.fail(UNKNOWN, "x")),
    "an item without a number": lambda jr: jr.complete(UNKNOWN._replace(id=cast(int, "7"))),
    "a token with half a character": lambda jr: jr.extend(UNKNOWN._replace(lease_token="\ud800"), 1),
    "a second answer": answered(lambda jr, item: jr.complete(item)),
    "a late failure": answered(lambda jr, item: jr.fail(item, "x")),
    "a late extension": answered(lambda jr, item: jr.extend(item, "1m")),
    "a claim of nothing": lambda jr: jr.claim("mail"),
    "a claim of too much": lambda jr: jr.claim("mail", 1001),
    "a claim within a transaction": in_transaction(lambda jr: jr.claim("mail")),
    "no payloads": lambda jr: jr.enqueue_many("mail", []),
    "an error with a NUL": in_a_row(
        lambda jr: jr.enqueue("once", {"n": 1}),
        lambda jr: jr.fail(jr.claim("once")[0], "a\0b\ud800" + "x" * 20_000, retry_in=0),
    ),
    "everything of an item": lambda jr: [
        jr.enqueue("mail", 1, priority=-1_000_000_000, delay="3650d", max_attempts=2**31 - 1),
        jr.enqueue("mail", 2, priority=2**31 - 1, delay=0, max_attempts=1),
        jr.claim("mail", 1000, lease=0.0015),
    ],
    "an odd ttl": lambda jr: jr.set_state("ns", "k", 1, ttl=1.2345),
    "pruning": in_a_row(
        lambda jr: jr.set_item("ns", "k", "a"),
        lambda jr: jr.set_item("ns", "k", "b", ttl="1h"),
        lambda jr: jr.prune_items("ns", "k", 1),
        lambda jr: jr.count_items("ns", "k"),
        lambda jr: jr.list_item_keys("ns", "k", 0),
        lambda jr: jr.list_item_keys("ns", "k", 9, "asc"),
    ),
    "what is not there": in_a_row(
        lambda jr: jr.delete_state("ns", "k"),
        lambda jr: jr.delete_item("ns", "k", "i"),
        lambda jr: jr.prune_items("ns", "k", 0),
        lambda jr: jr.count_items("ns", "k"),
        lambda jr: jr.list_item_keys("ns", "k"),
        lambda jr: jr.has_item("ns", "k", "i"),
    ),
    "an item without a value": in_a_row(
        lambda jr: jr.set_item("ns", "k", "i"), lambda jr: jr.get_state("ns", "k", "-")
    ),
    "null in a key with items": in_a_row(
        lambda jr: jr.set_item("ns", "k", "i"),
        lambda jr: jr.set_state("ns", "k", None),
        lambda jr: jr.get_state("ns", "k", "-"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_call_comes_to_the_same(ways: list[Way], call: str) -> None:
    same(ways, CALLS[call])


def test_what_another_program_wrote_wrongly_is_the_same_fault(ways: list[Way]) -> None:
    for way in ways:
        way.store.conn.execute(
            "INSERT INTO state (namespace, key, value, updated_at) VALUES ('ns', 'k', '{', '2026'), "
            """('ns', 'half', '"\\ud800"', '2026')"""
        )
        way.store.conn.execute(
            "INSERT INTO queue_items (queue_id, payload, status, created_at, max_attempts)"
            " VALUES ('once', 'no', 'pending', '2026', 1)"
        )
    no_json = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    fault = same(ways, lambda jr: jr.get_state("ns", "k"))
    assert fault == (
        "DatabaseError",
        "database",
        f"state ns/k does not hold JSON: {no_json}",
        "another program has written it; write it anew or delete it",
    )
    assert same(ways, lambda jr: jr.get_state("ns", "half")) == "\ud800"
    assert same(ways, lambda jr: jr.claim("once")) == []


def test_a_lease_that_has_ended_is_lost_the_same_way(ways: list[Way]) -> None:
    claimed: dict[int, Item] = {}

    def late(way: Way) -> object:
        with way.client() as jr:
            jr.enqueue("once", {"n": 1})
            [claimed[id(way)]] = jr.claim("once", lease=1)
            way.store.clock.advance(seconds=1)
            return [
                outcome(lambda jr: jr.complete(claimed[id(way)]), jr),
                outcome(lambda jr: jr.claim("once"), jr),
                outcome(lambda jr: jr.fail(claimed[id(way)], "x"), jr),
            ]

    found = [late(way) for way in ways]
    assert found[1:] == found[:1] * (len(found) - 1)
    assert [rows(way.store) for way in ways[1:]] == [rows(ways[0].store)] * (len(ways) - 1)


SMALL = st.sampled_from([None, 0, 1, 1.0, True, "a", [1], {"n": 1}])
KEYS = st.sampled_from(["k", "k/%2F"])
SPANS = st.sampled_from([None, 1, "2s", 0.5])
STEP = st.one_of(
    st.tuples(st.just("set_state"), st.just("ns"), KEYS, SMALL, SPANS),
    st.tuples(st.just("swap"), st.just("ns"), KEYS, SMALL, SMALL | st.just(MISSING)),
    st.tuples(st.just("get_state"), st.just("ns"), KEYS, st.just("-")),
    st.tuples(st.just("delete_state"), st.just("ns"), KEYS),
    st.tuples(st.just("set_item"), st.just("ns"), KEYS, KEYS, SMALL, SPANS),
    st.tuples(st.just("get_item"), st.just("ns"), KEYS, KEYS),
    st.tuples(st.just("delete_item"), st.just("ns"), KEYS, KEYS),
    st.tuples(st.just("prune_items"), st.just("ns"), KEYS, st.integers(0, 1)),
    st.tuples(st.just("list_item_keys"), st.just("ns"), KEYS),
    st.tuples(st.just("count_items"), st.just("ns"), KEYS),
    st.tuples(
        st.just("enqueue"), st.sampled_from(["mail", "once"]), SMALL, st.integers(-1, 1), SPANS,
        st.sampled_from([None, 1]),
    ),
    st.tuples(st.just("claim"), st.sampled_from(["mail", "once"]), st.integers(1, 2), SPANS),
    st.tuples(st.just("answer"), st.sampled_from(["complete", "fail", "extend"]), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([1, 500, 5000])),
)  # fmt: skip
STEPS = st.lists(STEP | st.lists(STEP, max_size=4), max_size=20)


class Script:
    """Plays steps on one way."""

    def __init__(self, way: Way, jr: Client) -> None:
        self._way = way
        self._jr = jr
        self._held: list[Item] = []

    def play(self, step: Any) -> object:
        if isinstance(step, list):
            return outcome(in_transaction(*(lambda _, one=one: self._call(one) for one in step)), self._jr)
        return outcome(lambda _: self._call(step), self._jr)

    def _call(self, step: tuple[Any, ...]) -> object:
        name, *args = step
        match name:
            case "swap":
                namespace, key, value, expect = args
                return self._jr.set_state(namespace, key, value, expect=expect)
            case "wait":
                self._way.store.clock.advance(milliseconds=args[0])
                return None
            case "claim":
                found = self._jr.claim(*args)
                self._held += found
                return found
            case "answer":
                return self._answer(*args)
        return getattr(self._jr, name)(*args)

    def _answer(self, answer: str, number: int) -> object:
        if number >= len(self._held):
            return None
        more = {"complete": (), "fail": ("broken",), "extend": (2,)}[answer]
        return getattr(self._jr, answer)(self._held[number], *more)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS)
def test_any_calls_in_a_row_come_to_the_same(ways: list[Way], steps: list[Any]) -> None:
    found = []
    for way in ways[:2]:
        for table in ("state", "state_items", "queue_items"):
            way.store.conn.execute(f"DELETE FROM {table}")
        way.store.conn.execute("DELETE FROM queues WHERE NOT declared")
        with way.client() as jr:
            script = Script(way, jr)
            found.append((repr([script.play(step) for step in steps]), rows(way.store)))
    assert found[0] == found[1]
