"""Queues that say what they take: a payload that does not fit is refused whichever way it comes."""

import json

import pytest
from support.ledger import Store

from jeeves_runner.client import Client, InvalidValue

THREAD = {"properties": {"thread": {"type": "object", "properties": {"id": {"type": "string"}}}}}
WRONG = r"queue strict takes no such payload: {}\.thread\.id must be a string, not a number"


@pytest.fixture(autouse=True)
def strict(store: Store) -> None:
    store.declare_queue("strict", spec=json.dumps({"payload_schema": json.dumps(THREAD)}))


def letter(thread: object) -> object:
    return {"thread": {"id": thread}}


def test_one_is_refused_with_its_place_and_one_that_fits_is_taken(jr: Client) -> None:
    with pytest.raises(InvalidValue, match=WRONG.format("payload")):
        jr.enqueue("strict", letter(5))
    assert jr.enqueue("strict", letter("5")) == 1


def test_of_several_none_is_taken(jr: Client, store: Store) -> None:
    with pytest.raises(InvalidValue, match=WRONG.format(r"payloads\[1\]")):
        jr.enqueue_many("strict", [letter("a"), letter(5)])
    assert store.count("queue_items") == 0


def test_a_transaction_is_undone(jr: Client, store: Store) -> None:
    def together() -> None:
        with jr.transaction():
            jr.set_state("mail", "cursor", 1)
            jr.enqueue("strict", letter(5))

    with pytest.raises(InvalidValue, match=WRONG.format("payload")):
        together()
    assert store.count("queue_items") + store.count("state") == 0
