"""The pages of queues: which is full, which stands still, which has given items up, and why."""

from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import Page, page

from jeeves_runner.core.edge_spec import OnQueue
from jeeves_runner.db.queue_claims import claim, complete, fail
from jeeves_runner.db.queue_enqueue import enqueue


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def shown(ledger: Ledger, path: str) -> Page:
    """The page at this path."""

    async def scenario(api: Api) -> Page:
        return await page(api, path)

    return with_api(ledger, scenario)


def test_there_is_no_queue_yet(ledger: Ledger) -> None:
    assert "There is no queue yet." in shown(ledger, "/queues").text


def test_each_queue_stands_with_how_full_it_is_and_who_writes_and_reads_it(ledger: Ledger) -> None:
    ledger.declare_queue("mail", description="Letters to <send>")
    ledger.add_job("fetch", writes=("queue:mail",))
    ledger.add_job("post", on_queue=OnQueue("mail"))
    with ledger.tx() as tx:
        enqueue(tx, "mail", ['"one"', '"two"', '"three"'])
        enqueue(tx, "loose", ["1"])
        [first, second] = claim(tx, "mail", count=2)
        complete(tx, first.id, first.lease_token)
        fail(tx, second.id, second.lease_token, "no", retry_in_ms=0)
    found = shown(ledger, "/queues").text
    assert "mail Letters to <send> 2" in found
    assert "fetch post" in found
    assert "loose undeclared 1" in found


def test_queues_are_found_by_a_text_and_stand_on_pages(ledger: Ledger) -> None:
    for number in range(201):
        ledger.declare_queue(f"q{number:03}", description="Odd" if number % 2 else "Even")
    first = shown(ledger, "/queues")
    assert "q199" in first.text
    assert "q200" not in first.text
    assert 'href="/queues?text=&amp;cursor=q199"' in first.html
    last = shown(ledger, "/queues?text=&cursor=q199").text
    assert "q200" in last
    assert "q199" not in last
    odd = shown(ledger, "/queues?text=odd").text
    assert "q001" in odd
    assert "q002" not in odd
    assert "No queue has this" in shown(ledger, "/queues?text=<b>").text


def test_a_queue_that_jobs_name_and_nothing_made_is_told_apart(ledger: Ledger) -> None:
    ledger.add_job("post", reads=("queue:mial",))
    found = shown(ledger, "/queues").text
    assert "Named by jobs, and not used yet Queue Written by Read by mial – post" in found
