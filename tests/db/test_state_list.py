"""State page by page: all pages together are the whole, whatever has expired or has items only."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from support.ledger import Store

from jeeves_runner.core.values import Expect
from jeeves_runner.db import state, state_list
from jeeves_runner.db.pages import page
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.state import key_view, namespace_view, namespaces_view

KEYS = ["a", "b", "b c", "d", "é"]
TTLS = some.sampled_from([None, 60_000])
WRITES = some.lists(
    some.one_of(
        some.tuples(some.just("value"), some.sampled_from(KEYS), some.just(""), TTLS),
        some.tuples(some.just("item"), some.sampled_from(KEYS), some.sampled_from(["x", "y z"]), TTLS),
        some.tuples(some.just("delete"), some.sampled_from(KEYS), some.sampled_from(["x", ""]), TTLS),
    ),
    max_size=12,
)


def written(store: Store, writes: list[tuple[str, str, str, int | None]]) -> None:
    for act, key, item, ttl_ms in writes:
        store.clock.advance(milliseconds=1)
        with store.tx() as tx:
            if act == "value":
                state.set_value(tx, "ns", key, '"v"', ttl_ms=ttl_ms)
            elif act == "item":
                state.set_item(tx, "ns", key, item, '"i"', ttl_ms=ttl_ms)
            elif item:
                state.delete_item(tx, "ns", key, item)
            else:
                state.delete_key(tx, "ns", key)


def shown(store: Store) -> dict[str, object]:
    """The keys and values that single reads find."""
    conn, now = store.conn, store.now
    found = {}
    for key in KEYS:
        value = state.get_value(conn, now, "ns", key)
        if value is not Expect.MISSING or state.item_keys(conn, now, "ns", key):
            found[key] = None if value is Expect.MISSING else value
    return found


def pages_of_values(store: Store, limit: int) -> Iterator[tuple[str, object]]:
    after = ""
    while True:
        found = state_list.values(store.conn, store.now, "ns", after=after, limit=limit)
        yield from found.rows
        if not found.more:
            return
        after = found.rows[-1].key


def pages_of_items(store: Store, key: str, limit: int) -> Iterator[str]:
    cursor = None
    while True:
        document = key_view(store.conn, store.now, "ns", key, cursor=cursor, limit=limit)
        yield from (item["item_key"] for item in document["items"])
        cursor = document.get("next_cursor")
        if cursor is None:
            return


@given(writes=WRITES, later=some.booleans(), limit=some.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_pages_are_the_whole(writes: list[tuple[str, str, str, int | None]], later: bool, limit: int) -> None:
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "runner.sqlite")
        written(store, writes)
        if later:
            store.clock.advance(minutes=2)
        assert list(pages_of_values(store, limit)) == sorted(shown(store).items())
        assert state_list.count_keys(store.conn, store.now, "ns") == len(shown(store))
        for key in shown(store):
            keys = state.item_keys(store.conn, store.now, "ns", key)
            assert list(pages_of_items(store, key, limit)) == keys
            assert state.count_items(store.conn, store.now, "ns", key) == len(keys)
        store.conn.close()


def test_a_page_of_namespaces_says_where_the_next_begins(store: Store) -> None:
    with store.tx() as tx:
        for name in ("a", "b", "c"):
            state.set_value(tx, name, "k", "1")
    first = namespaces_view(store.conn, store.now, limit=2)
    assert first == {"namespaces": ["a", "b"], "next_cursor": "b"}
    assert namespaces_view(store.conn, store.now, after="b", limit=2) == {"namespaces": ["c"]}


def test_a_page_holds_what_has_room_and_one_at_least(store: Store) -> None:
    with store.tx() as tx:
        for key in ("a", "b", "c"):
            state.set_value(tx, "ns", key, '"0123456789"')
    for room, keys, cursor in ((1, ["a"], "a"), (24, ["a", "b"], "b"), (36, ["a", "b", "c"], None)):
        found = namespace_view(store.conn, store.now, "ns", room=room)
        assert (list(found.values), found.next_cursor) == (keys, cursor)


def test_what_is_no_cursor_is_refused(store: Store) -> None:
    with pytest.raises(InvalidValue, match="cursor must be the next_cursor of the page before, not 'x'"):
        key_view(store.conn, store.now, "ns", "a", cursor="x")


@given(
    sizes=some.lists(some.integers(0, 5)),
    limit=some.none() | some.integers(1, 9),
    room=some.none() | some.integers(0, 9),
)
def test_a_page_is_the_longest_beginning_that_fits(
    sizes: list[int], limit: int | None, room: int | None
) -> None:
    def fits(number: int) -> bool:
        within = room is None or sum(sizes[:number]) <= room or number <= 1
        return within and (limit is None or number <= limit)

    longest = max(number for number in range(len(sizes) + 1) if fits(number))
    assert page(sizes, lambda size: size, limit=limit, room=room) == (sizes[:longest], longest < len(sizes))
