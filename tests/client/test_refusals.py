"""What the client refuses to store."""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from support.db import child
from support.ledger import Store

from jeeves_runner.client import Client, InvalidValue


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


USE_ANOTHER = """
import sys
from jeeves_runner.client import Client, InvalidValue
with Client(sys.argv[1]) as jr:
    jr.enqueue("plain", 1)
    print("jsonschema_rs" in sys.modules)
    try:
        jr.enqueue("strict", {"thread": {"id": 5}})
    except InvalidValue as error:
        print(error)
"""


def test_of_a_payload_that_does_not_fit_costs_those_who_use_other_queues_nothing(store: Store) -> None:
    thread = {"properties": {"thread": {"properties": {"id": {"type": "string"}}}}}
    store.declare_queue("strict", spec=json.dumps({"payload_schema": json.dumps(thread)}))
    store.declare_queue("plain", spec=json.dumps({"payload_schema": None}))
    with child(USE_ANOTHER, store.path) as script:
        out, _ = script.communicate()
    assert out.splitlines() == [
        "False",
        "queue strict takes no such payload: payload.thread.id must be a string, not a number",
    ]


class TestRefusals:
    @pytest.mark.parametrize(
        "value",
        [
            float("nan"),
            [float("inf")],
            {"a": {1, 2}},
            object(),
            b"bytes",
            "\ud800",
            {"\udfff": 1},
            {(1, 2): 3},
            {1: "a", "1": "b"},
            [{"deep": {None: 1}}],
            pytest.param(10**5000, id="too many digits"),
        ],
    )
    def test_of_what_json_cannot_say(self, jr: Client, store: Store, value: object) -> None:
        with pytest.raises(InvalidValue, match="the value"):
            jr.set_state("mail", "k", value)
        with pytest.raises(InvalidValue, match="the payload"):
            jr.enqueue("mail", value)
        assert store.count("state") + store.count("queue_items") == 0

    def test_of_what_has_no_end(self, jr: Client) -> None:
        endless: list[object] = []
        endless.append(endless)
        with pytest.raises(InvalidValue):
            jr.set_state("mail", "k", endless)

    def test_of_what_is_nested_too_deep(self, jr: Client, store: Store) -> None:
        for levels in (101, 950, 10_000):
            with pytest.raises(InvalidValue, match="nested deeper than 100 levels"):
                jr.enqueue("mail", nested(levels))
        assert store.count("queue_items") == 0

    @pytest.mark.parametrize("payloads", ["abc", b"abc", {"thread": "t1"}])
    def test_of_one_payload_where_several_are_meant(
        self, jr: Client, store: Store, payloads: Iterable[object]
    ) -> None:
        with pytest.raises(InvalidValue, match="not several payloads"):
            jr.enqueue_many("mail", payloads)
        assert store.count("queues") == 0

    @pytest.mark.parametrize("name", ["", "a\0b", "x" * 513, "\ud800", 7, None])
    def test_of_names_nobody_could_find_again(self, jr: Client, name: str) -> None:
        calls: list[Callable[[], object]] = [
            lambda: jr.set_state(name, "k", 1),
            lambda: jr.get_state("mail", name),
            lambda: jr.set_item("mail", "k", name),
            lambda: jr.enqueue(name, 1),
            lambda: jr.claim(name),
        ]
        for call in calls:
            with pytest.raises(InvalidValue):
                call()

    @pytest.mark.parametrize(
        "span",
        [0, -1, float("nan"), True, [], timedelta(0), "5 parsecs", "10"],
    )
    def test_of_times_that_are_none(self, jr: Client, span: float) -> None:
        with pytest.raises(InvalidValue, match="ttl"):
            jr.set_state("mail", "k", 1, ttl=span)

    @pytest.mark.parametrize(
        "span", [float("inf"), 10**400, 10**12, "3651d", 3651 * 86_400, timedelta(days=3651)]
    )
    def test_of_more_than_ten_years(self, jr: Client, span: float) -> None:
        jr.set_state("mail", "k", 1, ttl="3650d")
        with pytest.raises(InvalidValue, match="more than ten years"):
            jr.set_state("mail", "k", 1, ttl=span)

    def test_of_numbers_out_of_range(self, jr: Client) -> None:
        calls: list[Callable[[], object]] = [
            lambda: jr.claim("mail", count=0),
            lambda: jr.claim("mail", count=1001),
            lambda: jr.enqueue("mail", 1, max_attempts=0),
            lambda: jr.enqueue("mail", 1, priority=2**40),
            lambda: jr.enqueue("mail", 1, delay=-1),
            lambda: jr.prune_items("mail", "k", keep=-1),
            lambda: jr.list_item_keys("mail", "k", limit=-1),
            lambda: jr.list_item_keys("mail", "k", order="down"),  # type: ignore[arg-type]
            lambda: jr.result(tokens=-1),
        ]
        for call in calls:
            with pytest.raises(InvalidValue):
                call()
