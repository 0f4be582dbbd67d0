"""One item of a queue is deleted over HTTP, unless it is being worked on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from support.api import Api, problem, with_api
from support.ledger import Ledger

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens

ME: Final = Actor("cli", "me")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    made.declare_queue("mail", max_attempts=1)
    made.declare_queue("other")
    yield made
    made.conn.close()


def test_a_dead_letter_is_deleted_and_its_neighbours_stay(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        await api.post("/queues/mail/items", {"payloads": [1, 2]})
        for _ in range(2):
            [item] = (await api.post("/queues/mail/claim")).body["items"]
            failed = {"lease_token": item["lease_token"], "error": "no"}
            assert (await api.post(f"/queues/mail/items/{item['id']}/fail", failed)).status == 200
        deleted = await api.ask("DELETE", "/queues/mail/items/1")
        assert (deleted.status, deleted.body) == (200, {"deleted": {"failed": 1}})
        assert (await api.get("/queues/mail/items/1")).status == 404
        assert (await api.get("/queues/mail/items/2")).body["item"]["status"] == "failed"
        again = await api.ask("DELETE", "/queues/mail/items/1")
        assert again.status == 404
        assert (await api.get("/queues/mail/status")).body["failed"] == 1

    with_api(ledger, scenario)
    told = "SELECT actor, target, detail FROM audit WHERE action = 'delete' AND answer = 200"
    assert list(ledger.conn.execute(told)) == [("api", "queue mail", "item 1, failed")]


def test_an_item_that_waits_goes_too_and_one_that_is_claimed_stays(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        await api.post("/queues/mail/items", {"payloads": [1, 2]})
        [item] = (await api.post("/queues/mail/claim")).body["items"]
        refused = await api.ask("DELETE", f"/queues/mail/items/{item['id']}")
        assert problem(refused) == (409, f"item {item['id']} of queue mail is claimed: it is being worked on")
        waits = await api.ask("DELETE", "/queues/mail/items/2")
        assert (waits.status, waits.body) == (200, {"deleted": {"pending": 1}})
        assert (await api.get(f"/queues/mail/items/{item['id']}")).body["item"]["status"] == "claimed"

    with_api(ledger, scenario)


def test_it_has_to_be_in_the_queue_that_is_named(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        await api.post("/queues/mail/items", {"payloads": [1]})
        for path in ("/queues/other/items/1", "/queues/none/items/1", "/queues/mail/items/9"):
            assert (await api.ask("DELETE", path)).status == 404, path
        assert (await api.get("/queues/mail/status")).body["depth"] == 1

    with_api(ledger, scenario)


def test_who_may_read_deletes_nothing(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        tokens.create(tx, "ann", TokenRole.OPERATE, until=None, by=ME)
        reads = tokens.create(tx, "eve", TokenRole.READ, until=None, by=ME)

    async def scenario(api: Api) -> None:
        asked = await api.ask("DELETE", "/queues/mail/items/1", Authorization=f"Bearer {reads}")
        assert asked.status == 403

    with_api(ledger, scenario)
