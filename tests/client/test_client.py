"""The client scripts import: what it stores, how it gathers writes, and what it refuses."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.db import child, expect
from support.ledger import Store

from jeeves_runner.client import (
    MISSING,
    Client,
    Conflict,
    DatabaseError,
    Item,
    LeaseLost,
    Pending,
    UsageError,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=10,
)


class TestOpening:
    def test_takes_the_database_of_the_runner(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JR_DB_PATH", str(store.path))
        with Client() as client:
            client.set_state("mail", "cursor", 1)
        assert store.count("state") == 1

    def test_without_a_runner_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("JR_DB_PATH", raising=False)
        with pytest.raises(UsageError, match="not started by the runner") as caught:
            Client()
        assert "db_path" in str(caught.value.hint)

    def test_does_not_make_a_database(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="there is no database"):
            Client(tmp_path / "none.sqlite")
        assert list(tmp_path.iterdir()) == []

    def test_ends_with_the_block(self, store: Store) -> None:
        with Client(store.path) as client:
            client.close()
        with pytest.raises(UsageError, match="closed"):
            client.get_state("mail", "cursor")

    def test_is_for_one_thread(self, jr: Client) -> None:
        with ThreadPoolExecutor(1) as pool, pytest.raises(UsageError, match="another thread") as caught:
            pool.submit(jr.get_state, "mail", "cursor").result()
        assert caught.value.hint == "make a Client in each thread"

    def test_does_not_reach_into_a_forked_process(self, jr: Client) -> None:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                jr.get_state("mail", "cursor")
            except UsageError as error:
                os.write(writer, str(error).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            assert "forked" in pipe.read()
        os.waitpid(pid, 0)

    @pytest.mark.parametrize(("own", "run_id"), [(True, 42), (False, None)])
    def test_names_its_run_in_claims_on_its_own_database_only(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool, run_id: int | None
    ) -> None:
        monkeypatch.setenv("JR_DB_PATH", str(store.path if own else tmp_path / "other.sqlite"))
        monkeypatch.setenv("JR_RUN_ID", "42")
        with Client(store.path) as client:
            client.enqueue("mail", 1)
            client.claim("mail")
        assert store.conn.execute("SELECT run_id FROM queue_items").get == run_id


class TestState:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(value=JSON_VALUES)
    def test_returns_any_json_value_as_it_was(self, jr: Client, value: object) -> None:
        jr.set_state("mail", "k", value)
        jr.set_item("mail", "k", "i", value)
        assert json.dumps(jr.get_state("mail", "k")) == json.dumps(value)
        assert json.dumps(jr.get_item("mail", "k", "i")) == json.dumps(value)
        assert jr.set_state("mail", "k", value, expect=value)

    def test_answers_the_default_for_what_is_missing(self, jr: Client) -> None:
        assert jr.get_state("mail", "cursor") is None
        assert jr.get_state("mail", "cursor", default=0) == 0
        assert jr.get_item("mail", "seen", "a", default="-") == "-"
        jr.set_state("mail", "cursor", None)
        assert jr.get_state("mail", "cursor", default=0) is None

    @pytest.mark.parametrize("ttl", [90, 90.0, timedelta(seconds=90), "1m30s"])
    def test_forgets_after_the_ttl(self, jr: Client, store: Store, ttl: float | timedelta | str) -> None:
        jr.set_state("mail", "token", "t", ttl=ttl)
        jr.set_item("mail", "seen", "a", ttl=ttl)
        store.clock.advance(milliseconds=89_999)
        assert jr.get_state("mail", "token") == "t"
        assert jr.has_item("mail", "seen", "a")
        store.clock.advance(milliseconds=1)
        assert jr.get_state("mail", "token") is None
        assert not jr.has_item("mail", "seen", "a")

    def test_swaps_only_what_it_expects(self, jr: Client) -> None:
        assert jr.set_state("mail", "cursor", 1, expect=MISSING)
        assert not jr.set_state("mail", "cursor", 2, expect=MISSING)
        assert not jr.set_state("mail", "cursor", 2, expect=5)
        assert jr.set_state("mail", "cursor", None, expect=1)
        assert jr.set_state("mail", "cursor", 3, expect=None)
        assert jr.get_state("mail", "cursor") == 3

    def test_keeps_collections(self, jr: Client, store: Store) -> None:
        for item in ("a", "b", "c", "d"):
            store.clock.advance(seconds=1)
            jr.set_item("mail", "seen", item, {"of": item})
        jr.delete_item("mail", "seen", "d")
        assert jr.count_items("mail", "seen") == 3
        assert jr.list_item_keys("mail", "seen") == ["c", "b", "a"]
        assert jr.list_item_keys("mail", "seen", limit=2, order="asc") == ["a", "b"]
        assert jr.prune_items("mail", "seen", keep=1) == 2
        assert jr.get_item("mail", "seen", "c") == {"of": "c"}
        jr.delete_state("mail", "seen")
        assert jr.count_items("mail", "seen") == 0


class TestQueue:
    def test_hands_an_item_from_one_script_to_another(self, jr: Client) -> None:
        item_id = jr.enqueue("mail", {"n": 1})
        [item] = jr.claim("mail", lease="5m")
        assert (item.id, item.payload, item.attempt) == (item_id, {"n": 1}, 1)
        jr.complete(item)
        assert jr.claim("mail") == []

    def test_takes_many_at_once(self, jr: Client) -> None:
        ids = jr.enqueue_many("mail", (n for n in range(3)))
        assert [item.id for item in jr.claim("mail", count=5)] == ids

    def test_fails_with_a_text_or_an_exception(self, jr: Client, store: Store) -> None:
        jr.enqueue_many("mail", [1, 2])
        first, second = jr.claim("mail", count=2)
        jr.fail(first, "no answer", retry_in=60)
        jr.fail(second, ValueError("bad \ud800"))
        errors = [error for (error,) in store.conn.execute("SELECT error FROM queue_items ORDER BY id")]
        assert errors == ["no answer", "bad \\ud800"]

    def test_keeps_a_claim_alive(self, jr: Client, store: Store) -> None:
        jr.enqueue("mail", 1)
        [item] = jr.claim("mail", lease=10)
        jr.extend(item, timedelta(minutes=1))
        store.clock.advance(seconds=59)
        jr.complete(item)
        with pytest.raises(LeaseLost):
            jr.complete(item)


class TestTransaction:
    def test_stores_everything_at_its_end(self, jr: Client, store: Store) -> None:
        jr.enqueue("in", 1)
        [item] = jr.claim("in")
        with jr.transaction() as same:
            assert same is jr
            jr.set_state("mail", "cursor", 7)
            jr.set_item("mail", "seen", "a")
            added = jr.enqueue("out", {"n": 1})
            jr.complete(item)
            assert isinstance(added, Pending)
            assert (added.id, added.settled) == (None, False)
            assert jr.get_state("mail", "cursor") is None
            assert store.count("queue_items", "queue_id = 'out'") == 0
        [out] = jr.claim("out")
        assert (added.id, added.settled) == (out.id, True)
        assert jr.get_state("mail", "cursor") == 7
        assert store.count("queue_items", "status = 'completed'") == 1

    def test_has_one_time(self, jr: Client, store: Store) -> None:
        with jr.transaction():
            jr.set_state("mail", "a", 1)
            store.clock.advance(seconds=1)
            jr.set_state("mail", "b", 1)
        assert store.conn.execute("SELECT count(DISTINCT updated_at) FROM state").get == 1

    def test_stores_values_as_they_were_when_given(self, jr: Client) -> None:
        value = {"n": 1}
        with jr.transaction():
            jr.set_state("mail", "k", value)
            value["n"] = 2
        assert jr.get_state("mail", "k") == {"n": 1}

    def test_stores_nothing_if_the_block_raises(self, jr: Client, store: Store) -> None:
        with pytest.raises(KeyError):
            self.interrupted(jr)
        assert store.count("state") == 0
        jr.set_state("mail", "cursor", 8)
        assert store.count("state") == 1

    @staticmethod
    def interrupted(jr: Client) -> None:
        with jr.transaction():
            jr.set_state("mail", "cursor", 7)
            raise KeyError

    def test_stores_nothing_if_an_expectation_fails(self, jr: Client, store: Store) -> None:
        jr.set_state("mail", "cursor", 1)
        added: list[object] = []
        with pytest.raises(Conflict, match="mail/cursor"):
            self.on_a_wrong_cursor(jr, added)
        assert isinstance(added[0], Pending)
        assert not added[0].settled
        assert store.count("queue_items") == 0

    @staticmethod
    def on_a_wrong_cursor(jr: Client, added: list[object]) -> None:
        with jr.transaction():
            added.append(jr.enqueue("out", 1))
            jr.set_state("mail", "cursor", 2, expect=0)

    def test_stores_nothing_if_a_lease_is_lost(self, jr: Client, store: Store) -> None:
        jr.enqueue("in", 1)
        [item] = jr.claim("in", lease=1)
        store.clock.advance(seconds=1)
        with pytest.raises(LeaseLost):
            self.too_late(jr, item)
        assert store.count("state") == 0

    @staticmethod
    def too_late(jr: Client, item: Item) -> None:
        with jr.transaction():
            jr.set_state("mail", "cursor", 2)
            jr.complete(item)

    def test_has_no_claims_and_no_second_one_inside(self, jr: Client) -> None:
        with jr.transaction():
            with pytest.raises(UsageError, match="claim"):
                jr.claim("mail")
            with pytest.raises(UsageError, match="already open"), jr.transaction():
                pass

    def test_tells_duplicates_at_its_end(self, jr: Client, store: Store) -> None:
        store.declare_queue("out", dedup_config='{"key": "$", "scope": "all"}')
        with jr.transaction():
            first, second = jr.enqueue_many("out", ["same", "same"])
        assert isinstance(first, Pending)
        assert isinstance(second, Pending)
        assert first.id is not None
        assert (second.id, second.settled) == (None, True)

    def test_of_a_killed_script_leaves_nothing(self, store: Store) -> None:
        code = """
import sys
from jeeves_runner.client import Client
with Client(sys.argv[1]) as jr, jr.transaction():
    jr.set_state("mail", "cursor", 1)
    print("gathered", flush=True)
    sys.stdin.readline()
"""
        with child(code, store.path) as script:
            expect(script, "gathered")
            script.kill()
        assert store.count("state") == 0


class TestResult:
    def test_is_one_line_the_runner_reads(self, jr: Client, capsys: pytest.CaptureFixture[str]) -> None:
        jr.result(meta={"text": "two\nlines, ü"}, tokens=12)
        output = capsys.readouterr().out
        assert output == 'JR_RESULT:{"tokens":12,"meta":{"text":"two\\nlines, \\u00fc"}}\n'

    def test_needs_nothing(self, jr: Client, capsys: pytest.CaptureFixture[str]) -> None:
        jr.result()
        assert capsys.readouterr().out == "JR_RESULT:{}\n"
