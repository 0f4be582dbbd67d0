"""State: values and items under a namespace and key, gone the moment they expire."""

import pytest
from support.ledger import Store

from jeeves_runner.core.values import Expect
from jeeves_runner.db import state, state_list, state_upkeep
from jeeves_runner.errors import DatabaseError
from jeeves_runner.views.state import key_view

MINUTE = 60_000


def set_value(store: Store, key: str, value: str, **options: object) -> bool:
    with store.tx() as tx:
        return state.set_value(tx, "mail", key, value, **options)  # type: ignore[arg-type]


def set_item(store: Store, key: str, item: str, value: str = "null", ttl_ms: int | None = None) -> None:
    with store.tx() as tx:
        state.set_item(tx, "mail", key, item, value, ttl_ms=ttl_ms)


def value(store: Store, key: str) -> object:
    return state.get_value(store.conn, store.now, "mail", key)


def item_keys(store: Store, key: str) -> list[str]:
    return state.item_keys(store.conn, store.now, "mail", key)


class TestValues:
    def test_come_back_as_they_were_stored(self, store: Store) -> None:
        set_value(store, "cursor", '{"at": [1, 2.5, null, true, "ü"]}')
        assert value(store, "cursor") == {"at": [1, 2.5, None, True, "ü"]}

    def test_are_missing_until_stored_and_after_a_delete(self, store: Store) -> None:
        assert value(store, "cursor") is Expect.MISSING
        set_value(store, "cursor", "null")
        assert value(store, "cursor") is None
        with store.tx() as tx:
            assert state.delete_key(tx, "mail", "cursor")
            assert not state.delete_key(tx, "mail", "cursor")
        assert value(store, "cursor") is Expect.MISSING

    def test_are_listed_by_namespace(self, store: Store) -> None:
        set_value(store, "b", "2")
        set_value(store, "a", "1")
        set_item(store, "items-only", "x")
        assert state_list.namespaces(store.conn, store.now).rows == ["mail"]
        values = state_list.values(store.conn, store.now, "mail")
        assert dict(values.rows) == {"a": 1, "b": 2, "items-only": None}
        assert state_list.count_keys(store.conn, store.now, "mail") == 3

    def test_are_found_in_every_namespace_that_still_holds_any(self, store: Store) -> None:
        with store.tx() as tx:
            for namespace in ("d", "b", "c"):
                state.set_value(tx, namespace, "k", "1", ttl_ms=MINUTE if namespace == "c" else None)
            for namespace in ("a", "b", "c", "e"):
                state.set_item(tx, namespace, "k", "i", "1", ttl_ms=MINUTE if namespace == "e" else None)
        assert state_list.namespaces(store.conn, store.now).rows == ["a", "b", "c", "d", "e"]
        store.clock.advance(minutes=1)
        assert state_list.namespaces(store.conn, store.now).rows == ["a", "b", "d"]

    def test_written_by_another_program_as_no_json_are_an_error_that_names_them(self, store: Store) -> None:
        set_value(store, "cursor", "{not json")
        with pytest.raises(DatabaseError, match="state mail/cursor does not hold JSON"):
            value(store, "cursor")


class TestTimeToLive:
    def test_ends_to_the_millisecond(self, store: Store) -> None:
        set_value(store, "token", '"t"', ttl_ms=MINUTE)
        store.clock.advance(milliseconds=MINUTE - 1)
        assert value(store, "token") == "t"
        store.clock.advance(milliseconds=1)
        assert value(store, "token") is Expect.MISSING

    def test_ends_with_the_next_write(self, store: Store) -> None:
        set_value(store, "token", "1", ttl_ms=MINUTE)
        set_value(store, "token", "2")
        store.clock.advance(hours=1)
        assert value(store, "token") == 2

    def test_hides_a_key_from_every_list(self, store: Store) -> None:
        set_value(store, "token", "1", ttl_ms=MINUTE)
        set_item(store, "token", "x")
        store.clock.advance(minutes=1)
        assert state_list.namespaces(store.conn, store.now).rows == []
        assert state_list.values(store.conn, store.now, "mail").rows == []
        assert state_list.count_keys(store.conn, store.now, "mail") == 0

    def test_of_a_key_takes_its_items_along(self, store: Store) -> None:
        set_value(store, "seen", "1", ttl_ms=MINUTE)
        set_item(store, "seen", "a")
        store.clock.advance(minutes=1)
        assert state.get_item(store.conn, store.now, "mail", "seen", "a") is Expect.MISSING
        assert state.count_items(store.conn, store.now, "mail", "seen") == 0
        assert item_keys(store, "seen") == []
        assert state_list.items(store.conn, store.now, "mail", "seen").rows == []

    def test_of_a_key_does_not_bring_old_items_back_with_a_new_one(self, store: Store) -> None:
        set_value(store, "seen", "1", ttl_ms=MINUTE)
        set_item(store, "seen", "old")
        store.clock.advance(minutes=1)
        set_item(store, "seen", "new")
        assert item_keys(store, "seen") == ["new"]

    def test_of_an_item_ends_alone(self, store: Store) -> None:
        set_item(store, "seen", "short", ttl_ms=MINUTE)
        set_item(store, "seen", "long")
        store.clock.advance(minutes=1)
        assert item_keys(store, "seen") == ["long"]
        assert state.count_items(store.conn, store.now, "mail", "seen") == 1


class TestExpectation:
    def test_missing_lets_one_writer_win(self, store: Store) -> None:
        assert set_value(store, "lock", '"first"', expect=Expect.MISSING)
        assert not set_value(store, "lock", '"second"', expect=Expect.MISSING)
        assert value(store, "lock") == "first"

    def test_missing_holds_for_an_expired_value(self, store: Store) -> None:
        set_value(store, "lock", '"first"', ttl_ms=MINUTE)
        store.clock.advance(minutes=1)
        assert set_value(store, "lock", '"second"', expect=Expect.MISSING)

    @pytest.mark.parametrize(
        ("stored", "expected", "equal"),
        [
            ('{"a": 1, "b": [2]}', '{"b": [2], "a": 1.0}', True),
            ("1", "true", False),
            ("0", "false", False),
            ("null", "null", True),
            ("[1, 2]", "[2, 1]", False),
            ("[1]", "[1, 2]", False),
            ('{"a": true}', '{"a": 1}', False),
            ('"1"', "1", False),
        ],
    )
    def test_compares_json_values(self, store: Store, stored: str, expected: str, equal: bool) -> None:
        set_value(store, "k", stored)
        assert set_value(store, "k", '"new"', expect=expected) is equal

    def test_of_a_value_is_not_met_by_none(self, store: Store) -> None:
        assert not set_value(store, "k", "1", expect="null")


class TestItems:
    def test_are_listed_newest_first_then_by_key(self, store: Store) -> None:
        for item in ("b", "a"):
            set_item(store, "seen", item)
        store.clock.advance(seconds=1)
        set_item(store, "seen", "0")
        assert item_keys(store, "seen") == ["0", "b", "a"]
        keys = state.item_keys(store.conn, store.now, "mail", "seen", limit=2, newest_first=False)
        assert keys == ["a", "b"]
        first = state_list.items(store.conn, store.now, "mail", "seen", limit=1)
        assert [item.item_key for item in first.rows] == ["0"]
        document = key_view(store.conn, store.now, "mail", "seen", limit=2)
        assert [item["item_key"] for item in document["items"]] == ["0", "b"]
        assert document["count"] == 3

    def test_are_pruned_from_the_oldest(self, store: Store) -> None:
        set_item(store, "seen", "expiring", ttl_ms=MINUTE)
        for item in ("a", "b", "c"):
            store.clock.advance(seconds=20)
            set_item(store, "seen", item)
        with store.tx() as tx:
            assert state.prune_items(tx, "mail", "seen", keep=2) == 1
        assert item_keys(store, "seen") == ["c", "b"]

    def test_go_with_a_deleted_key(self, store: Store) -> None:
        set_item(store, "seen", "a", "1")
        with store.tx() as tx:
            assert state.delete_key(tx, "mail", "seen")
        assert state.get_item(store.conn, store.now, "mail", "seen", "a") is Expect.MISSING

    def test_can_be_deleted_once(self, store: Store) -> None:
        set_item(store, "seen", "a")
        with store.tx() as tx:
            assert state.delete_item(tx, "mail", "seen", "a")
            assert not state.delete_item(tx, "mail", "seen", "a")


class TestPruning:
    def test_frees_what_has_expired_and_nothing_else(self, store: Store) -> None:
        set_value(store, "short", "1", ttl_ms=MINUTE)
        for number in range(5):
            set_item(store, "short", f"owned-{number}")
        set_item(store, "long", "short-lived", ttl_ms=MINUTE)
        set_item(store, "long", "kept")
        set_value(store, "kept", "1", ttl_ms=2 * MINUTE)
        store.clock.advance(minutes=1)
        with store.tx() as tx:
            assert state_upkeep.prune_state(tx, limit=100, before=tx.now) == 7
        assert (store.count("state"), store.count("state_items")) == (1, 1)

    def test_works_in_portions_that_never_show_what_had_expired(self, store: Store) -> None:
        set_value(store, "short", "1", ttl_ms=MINUTE)
        for number in range(5):
            set_item(store, "short", f"owned-{number}")
        store.clock.advance(minutes=1)
        portions = []
        while True:
            with store.tx() as tx:
                portions.append(state_upkeep.prune_state(tx, limit=2, before=tx.now))
            assert item_keys(store, "short") == []
            if portions[-1] < 2:
                break
        assert portions == [2, 2, 2, 0]
        assert (store.count("state"), store.count("state_items")) == (0, 0)
