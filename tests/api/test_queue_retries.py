"""Dead letters are tried again over HTTP: those that are named, or all of a queue."""

from pathlib import Path

import pytest
from support.api import Answer, Api, problem, with_api
from support.ledger import Ledger

from jeeves_runner.db import queue_retries


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    made.declare_queue("mail", max_attempts=1)
    made.declare_queue("other", max_attempts=1)
    return made


async def dead(api: Api, count: int, queue: str = "mail") -> list[int]:
    """So many dead letters; their numbers."""
    await api.post(f"/queues/{queue}/items", {"payloads": list(range(count))})
    return [await fail_one(api, queue) for _ in range(count)]


async def fail_one(api: Api, queue: str) -> int:
    """The number of an item that has failed its only attempt: such a one is claimed alone."""
    [item] = (await api.post(f"/queues/{queue}/claim")).body["items"]
    body = {"lease_token": item["lease_token"], "error": "no"}
    assert (await api.post(f"/queues/{queue}/items/{item['id']}/fail", body)).status == 200
    number: int = item["id"]
    return number


async def failed(api: Api) -> int:
    found: int = (await api.get("/queues/mail/status")).body["failed"]
    return found


def acts(ledger: Ledger) -> list[str]:
    """What was done, of the acts that were."""
    rows = ledger.conn.execute("SELECT detail FROM audit WHERE action = 'retry' AND answer = 200")
    return [str(detail) for (detail,) in rows]


def test_those_that_are_named_are_or_none(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        first, second, third = await dead(api, 3)
        [foreign] = await dead(api, 1, "other")
        done = await api.post("/queues/mail/retry", {"items": [first, second, first]})
        assert (done.status, done.body) == (200, {"retried": 2, "left": 0})
        again = await api.post("/queues/mail/retry", {"items": [third, first]})
        assert problem(again) == (409, f"item {first} of queue mail is pending, not failed")
        elsewhere = await api.post("/queues/mail/retry", {"items": [third, foreign]})
        assert problem(elsewhere) == (404, f"queue mail has no item {foreign}")
        unknown = await api.post("/queues/mail/retry", {"items": [999]})
        assert unknown.status == 404
        assert await failed(api) == 1

    with_api(ledger, scenario)
    assert acts(ledger) == ["item 1", "item 2"]


@pytest.mark.parametrize("body", [None, {}, {"items": None}])
def test_all_of_a_queue_are_portion_by_portion(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, body: object
) -> None:
    monkeypatch.setattr(queue_retries, "PORTION", 2)

    async def scenario(api: Api) -> Answer:
        await dead(api, 5)
        await dead(api, 1, "other")
        answer = await api.post("/queues/mail/retry", body)
        assert await failed(api) == 0
        assert (await api.get("/queues/other/status")).body["failed"] == 1
        return answer

    assert with_api(ledger, scenario).body == {"retried": 5, "left": 0}
    assert acts(ledger) == ["2 items", "2 items", "1 items"]


def test_those_whose_lease_has_ended_are_as_well(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        await api.post("/queues/mail/items", {"payload": 1})
        await api.post("/queues/mail/claim")
        with ledger.tx() as tx:
            tx.conn.execute("UPDATE queue_items SET lease_until = claimed_at")
        assert await failed(api) == 1
        assert (await api.post("/queues/mail/retry")).body == {"retried": 1, "left": 0}

    with_api(ledger, scenario)


def test_one_whose_equal_waits_already_stays(ledger: Ledger) -> None:
    ledger.declare_queue("keyed", max_attempts=1, dedup_config='{"key": "$.n", "scope": "pending"}')

    async def scenario(api: Api) -> None:
        for n in (1, 2):
            await api.post("/queues/keyed/items", {"payload": {"n": n}})
            await fail_one(api, "keyed")
        await api.post("/queues/keyed/items", {"payload": {"n": 1}})
        assert (await api.post("/queues/keyed/retry")).body == {"retried": 1, "left": 1}

    with_api(ledger, scenario)


@pytest.mark.parametrize("items", [[], [0], ["1"], 7, [1.5]])
def test_what_are_no_items_is_refused(ledger: Ledger, items: object) -> None:
    async def scenario(api: Api) -> None:
        await dead(api, 1)
        assert (await api.post("/queues/mail/retry", {"items": items})).status == 400
        assert (await api.post("/queues/none/retry")).status == 404
        assert await failed(api) == 1

    with_api(ledger, scenario)
