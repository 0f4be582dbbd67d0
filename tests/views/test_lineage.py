"""Lineage as people ask for it: from an item to runs and commits, from a run to all that it led to."""

from pathlib import Path
from typing import Any

import pytest
from support.ledger import Ledger

from jeeves_runner.core.causes import Causes
from jeeves_runner.db import queue_claims, queue_enqueue, run_retention
from jeeves_runner.db.lineage import Effects
from jeeves_runner.errors import NotFound
from jeeves_runner.views.lineage import item_lineage_view, run_lineage_view
from jeeves_runner.views.state import key_view


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("fetch")
    ledger.add_job("send")
    return ledger


def push(ledger: Ledger, run: int, count: int = 1) -> list[int]:
    with ledger.tx() as tx:
        effects = Effects(run)
        ids = queue_enqueue.enqueue(tx, "mail", ["1"] * count, effects=effects)
        effects.write(tx)
    return [item_id for item_id in ids if item_id is not None]


def take(ledger: Ledger, run: int, count: int = 1, *, complete: bool = True) -> None:
    with ledger.tx() as tx:
        effects = Effects(run)
        for item in queue_claims.claim(tx, "mail", count=count, effects=effects):
            if complete:
                queue_claims.complete(tx, item.id, item.lease_token, effects)
        effects.write(tx)


def origin(ledger: Ledger, run: int, job: str, status: str = "ok") -> dict[str, Any]:
    return {
        "id": run,
        "job_id": job,
        "status": status,
        "deleted": False,
        "revision_id": ledger.revision,
        "commit": "f00dfeed" * 5,
    }


def of_item(ledger: Ledger, item_id: int) -> Any:
    return item_lineage_view(ledger.conn, ledger.now, item_id)["item"]


def of_run(ledger: Ledger, run: int) -> Any:
    return run_lineage_view(ledger.conn, ledger.now, run)["lineage"]


class TestItem:
    def test_leads_to_the_runs_and_commits_that_it_passed(self, ledger: Ledger) -> None:
        fetch = ledger.add_run("fetch", revision_id=ledger.revision)
        send = ledger.add_run("send", "running", revision_id=ledger.revision)
        [item] = push(ledger, fetch)
        take(ledger, send)
        found = of_item(ledger, item)
        assert found["status"] == "completed"
        assert found["payload"] == 1
        assert found["producer"] == origin(ledger, fetch, "fetch")
        assert found["consumer"] == origin(ledger, send, "send", "running")

    def test_names_a_run_that_has_been_deleted_with_its_commit(self, ledger: Ledger) -> None:
        fetch = ledger.add_run("fetch", revision_id=ledger.revision)
        ledger.add_run("fetch")
        [item] = push(ledger, fetch)
        with ledger.tx() as tx:
            assert run_retention.delete(tx, [fetch]) == [(fetch, "fetch")]
        gone = {**origin(ledger, fetch, "fetch"), "job_id": None, "status": None, "deleted": True}
        assert of_item(ledger, item)["producer"] == gone
        assert of_run(ledger, fetch)["run"] == gone
        assert [each["id"] for each in of_run(ledger, fetch)["enqueued"]] == [item]

    def test_of_a_revision_that_is_no_longer_kept_the_number_is_left(self, ledger: Ledger) -> None:
        fetch = ledger.add_run("fetch", revision_id=ledger.revision)
        [item] = push(ledger, fetch)
        ledger.conn.execute("PRAGMA foreign_keys = OFF")
        ledger.conn.execute("DELETE FROM revisions")
        producer = of_item(ledger, item)["producer"]
        assert (producer["revision_id"], producer["commit"]) == (ledger.revision, None)

    def test_whose_claim_has_ended_waits_again(self, ledger: Ledger) -> None:
        send = ledger.add_run("send", "running")
        [item] = push(ledger, send)
        take(ledger, send, complete=False)
        assert of_item(ledger, item)["status"] == "claimed"
        ledger.clock.advance(hours=1)
        assert of_item(ledger, item)["status"] == "pending"

    def test_whose_last_claim_has_ended_says_why_it_is_given_up(self, ledger: Ledger) -> None:
        ledger.declare_queue("mail", max_attempts=1)
        send = ledger.add_run("send", "running")
        [item] = push(ledger, send)
        take(ledger, send, complete=False)
        ledger.clock.advance(hours=1)
        found = of_item(ledger, item)
        assert (found["status"], found["error"]) == ("failed", "the lease ended without an answer")

    def test_that_is_not_there_or_in_another_queue_is_not_found(self, ledger: Ledger) -> None:
        [item] = push(ledger, ledger.add_run("fetch"))
        with pytest.raises(NotFound, match="no queue item 99"):
            of_item(ledger, 99)
        with pytest.raises(NotFound, match="queue post has no item") as caught:
            item_lineage_view(ledger.conn, ledger.now, item, "post")
        assert caught.value.hint == "it is in queue mail"


class TestRun:
    def test_tells_what_led_to_it_and_what_it_led_to(self, ledger: Ledger) -> None:
        fetch = ledger.add_run("fetch", revision_id=ledger.revision)
        causes = Causes(runs=(fetch,))
        send = ledger.add_run("send", "running", revision_id=ledger.revision, caused_by=causes.as_text())
        ledger.conn.execute("INSERT INTO run_causes VALUES (?, ?)", (fetch, send))
        first, second = push(ledger, fetch, 2)
        take(ledger, send)
        with ledger.tx() as tx:
            effects = Effects(send)
            effects.add("wrote", "ns", 3)
            effects.write(tx)
        assert of_run(ledger, fetch) | {"run": None} == {
            "run": None,
            "causes": [],
            "more_causes": False,
            "caused_by": None,
            "caused": [origin(ledger, send, "send", "running")],
            "more_caused": False,
            "effects": [{"act": "enqueued", "target": "mail", "count": 2}],
            "more_effects": False,
            "claimed": [],
            "more_claimed": False,
            "enqueued": [
                passed(second, "pending", origin(ledger, fetch, "fetch"), None),
                passed(
                    first,
                    "completed",
                    origin(ledger, fetch, "fetch"),
                    origin(ledger, send, "send", "running"),
                ),
            ],
            "more_enqueued": False,
        }
        found = of_run(ledger, send)
        assert found["causes"] == [origin(ledger, fetch, "fetch")]
        assert found["caused_by"] == causes.as_json()
        assert [item["id"] for item in found["claimed"]] == [first]
        assert found["effects"] == [
            {"act": "claimed", "target": "mail", "count": 1},
            {"act": "completed", "target": "mail", "count": 1},
            {"act": "wrote", "target": "ns", "count": 3},
        ]

    def test_names_a_hundred_of_each_and_says_that_there_are_more(self, ledger: Ledger) -> None:
        run = ledger.add_run("fetch", "running")
        ids = push(ledger, run, 103)
        take(ledger, run, 60)
        take(ledger, run, 41, complete=False)
        ledger.conn.executemany("INSERT INTO run_causes VALUES (?, ?)", ((run, 1000 + n) for n in range(101)))
        ledger.conn.executemany(
            "INSERT INTO effects VALUES (?, 'wrote', ?, 1)", ((run, f"ns{n}") for n in range(101))
        )
        found = of_run(ledger, run)
        assert len(found["effects"]) == 100
        assert [item["id"] for item in found["enqueued"]] == ids[:2:-1]
        assert [item["id"] for item in found["claimed"]] == ids[100:0:-1]
        assert len(found["caused"]) == 100
        assert [found[f"more_{what}"] for what in ("enqueued", "claimed", "caused", "effects")] == [True] * 4

    def test_without_a_trace_is_not_found(self, ledger: Ledger) -> None:
        with pytest.raises(NotFound, match="no run 99"):
            of_run(ledger, 99)


def passed(item_id: int, status: str, producer: object, consumer: object) -> dict[str, object]:
    return {"id": item_id, "queue": "mail", "status": status, "producer": producer, "consumer": consumer}


def test_a_key_of_state_tells_its_last_writer(ledger: Ledger) -> None:
    run = ledger.add_run("fetch", revision_id=ledger.revision)
    ledger.conn.execute(
        "INSERT INTO state (namespace, key, value, updated_at, writer_run, writer_revision)"
        " VALUES ('ns', 'key', '1', '2026-03-01T12:00:00.000Z', ?, ?)",
        (run, ledger.revision),
    )
    assert key_view(ledger.conn, ledger.now, "ns", "key")["written_by"] == origin(ledger, run, "fetch")
