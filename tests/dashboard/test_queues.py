"""The pages of queues: which is full, which stands still, which has given items up, and why."""

import html
import json
from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import Page, page

from jeeves_runner.core.edge_spec import OnQueue
from jeeves_runner.core.origin import Actor
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.queue_claims import claim, complete, fail
from jeeves_runner.db.queue_enqueue import enqueue
from jeeves_runner.db.queue_pauses import pause

_YEARS = 10 * 365 * 86_400_000
"""Milliseconds from the ledger's time to beyond now, which the server goes by."""


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
    assert 'rel="next" href="/queues?page=2"' in first.html
    last = shown(ledger, "/queues?page=2").text
    assert "q200" in last
    assert "q199" not in last
    odd = shown(ledger, "/queues?q=odd").text
    assert "q001" in odd
    assert "q002" not in odd
    assert "No queue has this" in shown(ledger, "/queues?q=<b>").text


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("id", "abc"),
        ("waiting", "bca"),
        ("dead", "cab"),
        ("oldest", "cba"),
        ("claimed", "abc"),
        ("done", "abc"),
    ],
)
def test_the_greatest_stand_first_where_that_is_asked_for(ledger: Ledger, sort: str, ids: str) -> None:
    for queue, waiting, dead, claimed in (("a", 0, 0, 1), ("c", 1, 2, 0), ("b", 2, 0, 0)):
        with ledger.tx() as tx:
            enqueue(tx, queue, ["1"] * (dead + claimed), max_attempts=1)
            for _ in range(dead):
                [item] = claim(tx, queue)
                fail(tx, item.id, item.lease_token, "no")
            claim(tx, queue, count=1, lease_ms=_YEARS)
            enqueue(tx, queue, ["1"] * waiting)
        ledger.clock.advance(seconds=1)
    found = shown(ledger, f"/queues?sort={sort}").html
    assert sorted("abc", key=lambda queue: found.index(f'id="queue-{queue}"')) == list(ids)
    assert ('aria-sort="descending"' in found) == (sort != "id")


def test_a_queue_that_jobs_name_and_nothing_made_is_told_apart(ledger: Ledger) -> None:
    ledger.add_job("post", reads=("queue:mial",))
    found = shown(ledger, "/queues").text
    assert "Named by jobs, and not used yet Queue Written by Read by mial – post" in found


def test_a_dead_letter_says_why_and_which_runs_it_passed(ledger: Ledger) -> None:
    ledger.declare_queue("mail", max_attempts=1)
    ledger.add_job("fetch", writes=("queue:mail",))
    ledger.add_job("post", reads=("queue:mail",))
    producer, consumer = (ledger.add_run(job, revision_id=ledger.revision) for job in ("fetch", "post"))
    payload = json.dumps({"to": "ada@example.org", "text": "x" * 200})
    with ledger.tx() as tx:
        [number] = enqueue(tx, "mail", [payload], effects=Effects(producer))
        [item] = claim(tx, "mail", effects=Effects(consumer))
        fail(tx, item.id, item.lease_token, "Traceback:\n  line 12\nHTTP 503 </pre><b>\x1b[31m")
    found = shown(ledger, "/queues/mail")
    said = f"#{number} failed {at(ledger)} in #{consumer} of post attempt 1 of 1"
    assert f"{said} added {at(ledger)} by #{producer} of fetch" in found.text
    assert f'href="/runs/{producer}"' in found.html
    assert "HTTP 503 </pre><b>\\u001b[31m Traceback:" in found.text
    assert '"to": "ada@example.org",' in found.text
    assert f'href="/queues/mail/items/{number}"' in found.html


def at(ledger: Ledger) -> str:
    """Now, as a page without scripts says it."""
    return f"{ledger.now:%Y-%m-%d %H:%M:%S} UTC"


def test_dead_letters_stand_on_pages_and_the_first_sums_them_up(ledger: Ledger) -> None:
    ledger.declare_queue("mail", max_attempts=1)
    for number in range(24):
        with ledger.tx() as tx:
            enqueue(tx, "mail", [json.dumps({"n": number})])
            [item] = claim(tx, "mail")
            fail(tx, item.id, item.lease_token, "odd" if number % 2 else "no\neven")
        ledger.clock.advance(seconds=1)
    first = shown(ledger, "/queues/mail")
    assert "12× odd" in first.text
    assert "12× even" in first.text
    assert first.html.count('<li class="card bad item"') == 20
    older = html.unescape(first.html.partition('<a rel="next" href="')[2].partition('"')[0])
    last = shown(ledger, older.partition("#")[0])
    assert last.html.count('<li class="card bad item"') == 4
    assert '{"n": 0}' in last.text
    assert "12×" not in last.text
    assert shown(ledger, "/queues/mail?before=yesterday").status == 400


def test_a_claim_whose_lease_has_ended_is_a_dead_letter_at_once(ledger: Ledger) -> None:
    ledger.declare_queue("mail", max_attempts=1)
    with ledger.tx() as tx:
        enqueue(tx, "mail", ["1"])
        claim(tx, "mail", lease_ms=1)
    found = shown(ledger, "/queues/mail").text
    assert "Dead letters 1, newest first" in found
    assert "the lease ended without an answer" in found


def test_what_is_claimed_and_what_waits_stands_in_the_order_of_claims(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        enqueue(tx, "mail", ['"held"'])
        claim(tx, "mail", lease_ms=_YEARS)
        enqueue(tx, "mail", ['"last"'], priority=-1)
        enqueue(tx, "mail", ['"later"'], delay_ms=60_000)
        enqueue(tx, "mail", ['"first"'], priority=5)
        enqueue(tx, "mail", [json.dumps("x" * 2_000_000)], priority=-2)
    found = shown(ledger, "/queues/mail")
    places = [found.text.index(f'"{word}"') for word in ("held", "first", "later", "last")]
    assert places == sorted(places)
    assert "no run too long to be shown here" in found.text
    assert len(found.html) < 20_000


def test_why_nothing_leaves_a_queue_is_told(ledger: Ledger) -> None:
    ledger.declare_queue("mail")
    with ledger.tx() as tx:
        pause(tx, "mail", until=None, reason="the printer burns", by=Actor("cli", "cli"))
    found = shown(ledger, "/queues/mail").text
    assert "Nothing is claimed from it, and it starts no job, until it is resumed: the printer burns" in found
    assert "No job says in its manifest that it writes to it." in found


def test_the_jobs_that_work_on_a_queue_stand_with_how_they_are(ledger: Ledger) -> None:
    ledger.declare_queue("mail")
    for number in range(14):
        ledger.add_job(f"fetch-{number:02}", writes=("queue:mail",))
    ledger.add_job("post", on_queue=OnQueue("mail"))
    ledger.add_run("fetch-00", "error")
    ledger.pause("post")
    found = shown(ledger, "/queues/mail").text
    assert "Written by fetch-00 error fetch-01 idle" in found
    assert "fetch-11 idle and 2 more → mail → Read by post paused" in found


def test_a_queue_that_is_not_there_is_told_of_by_both(ledger: Ledger) -> None:
    ledger.declare_queue("mail", file="jobs.d/mail.yaml", line=3)

    async def scenario(api: Api) -> None:
        assert (await page(api, "/queues/no")).status == 404
        assert (await api.get("/queues/no")).status == 404
        document = (await api.get("/queues/mail")).body["queue"]
        assert (document["line"], document["max_attempts"], document["writers"]) == (3, 3, [])

    with_api(ledger, scenario)


def test_an_item_tells_its_way_and_its_payload_whatever_became_of_it(ledger: Ledger) -> None:
    ledger.declare_queue("mail", max_attempts=1)
    ledger.declare_queue("other")
    ledger.add_job("fetch")
    ledger.add_job("post")
    producer, consumer = (ledger.add_run(job, revision_id=ledger.revision) for job in ("fetch", "post"))
    with ledger.tx() as tx:
        by = Effects(producer)
        done, bad, waits = enqueue(tx, "mail", ['{"n": 1}', '{"n": 2}', '{"n": 3}'], effects=by)
        [first] = claim(tx, "mail", effects=Effects(consumer))
        complete(tx, first.id, first.lease_token)
        [second] = claim(tx, "mail", effects=Effects(consumer))
        fail(tx, second.id, second.lease_token, "no\nHTTP 503")

    async def scenario(api: Api) -> list[Page]:
        paths = [
            f"mail?item={done}",
            f"mail?item={bad}",
            f"mail?item={waits}",
            f"other?item={bad}",
            "mail?item=99",
        ]
        return [await page(api, f"/queues/{path}") for path in paths]

    completed, failed, pending, elsewhere, gone = with_api(ledger, scenario)
    assert "Status completed Attempt 1 of 1" in completed.text
    assert (
        f"Added {at(ledger)} by #{producer} of fetch Claimed {at(ledger)} by #{consumer} of post"
        in failed.text
    )
    assert f"Given up {at(ledger)} Error no HTTP 503" in failed.text
    assert 'Payload { "n": 2 } All of it as JSON' in failed.text
    assert "Status pending Ready at once Attempt 0 of 1" in pending.text
    assert "Claimed" not in pending.text
    assert (elsewhere.status, gone.status) == (404, 404)
    assert "it is in queue mail" in elsewhere.text
