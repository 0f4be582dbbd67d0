"""The document of the graph."""

from pathlib import Path
from typing import Any

import pytest
from support.ledger import Ledger
from support.queues import push

from jeeves_runner.core.edge_spec import After, OnQueue
from jeeves_runner.errors import InvalidValue, NotFound
from jeeves_runner.views.graph import graph_view


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def node(document: Any, key: str) -> Any:
    return next(each for each in document["nodes"] if each["id"] == key)


def test_a_node_has_what_is_declared_of_it_and_how_it_is(ledger: Ledger) -> None:
    ledger.add_job("sort", description="Sorts.", owner="Ada", on_queue=OnQueue("mail"), uses=("auth:google",))
    ledger.declare_queue("mail", description="In.", file="jobs.d/queues.yaml", line=3)
    push(ledger, 1, queue_id="mail")
    ledger.add_node(
        "auth:google",
        description="Key.",
        owner="Bob",
        path="/k",
        expires="2026-12-01",
        fresh_within_ms=5,
        line=7,
    )
    document = graph_view(ledger.conn, ledger.now)
    assert document["nodes"] == [
        {
            "id": "process:sort",
            "kind": "process",
            "name": "sort",
            "declared": "job",
            "description": "Sorts.",
            "owner": "Ada",
            "path": None,
            "expires": None,
            "fresh_within_ms": None,
            "stale_since": None,
            "file": "jobs.d/sort.yaml",
            "line": 1,
            "layer": 1,
            "in_cycle": False,
            "status": "idle",
            "queue": None,
        },
        {
            "id": "queue:mail",
            "kind": "queue",
            "name": "mail",
            "declared": "queue",
            "description": "In.",
            "owner": None,
            "path": None,
            "expires": None,
            "fresh_within_ms": None,
            "stale_since": None,
            "file": "jobs.d/queues.yaml",
            "line": 3,
            "layer": 0,
            "in_cycle": False,
            "status": None,
            "queue": {"depth": 1, "claimed": 0, "failed": 0, "oldest_age_ms": 0, "paused": None},
        },
        {
            "id": "auth:google",
            "kind": "auth",
            "name": "google",
            "declared": "node",
            "description": "Key.",
            "owner": "Bob",
            "path": "/k",
            "expires": "2026-12-01",
            "fresh_within_ms": 5,
            "stale_since": None,
            "file": "jobs.d/nodes.yaml",
            "line": 7,
            "layer": 0,
            "in_cycle": False,
            "status": None,
            "queue": None,
        },
    ]
    assert document["edges"] == [
        {
            "relation": "on_queue",
            "job_id": "sort",
            "upstream": "queue:mail",
            "downstream": "process:sort",
        },
        {"relation": "uses", "job_id": "sort", "upstream": "auth:google", "downstream": "process:sort"},
    ]


def test_data_that_is_written_flows_from_the_job(ledger: Ledger) -> None:
    ledger.add_job("a", writes=("sink:x",))
    (edge,) = graph_view(ledger.conn, ledger.now)["edges"]
    assert (edge["upstream"], edge["downstream"]) == ("process:a", "sink:x")


def test_a_deleted_job_is_a_node_while_an_edge_names_it(ledger: Ledger) -> None:
    ledger.add_job("a", writes=("sink:x",))
    ledger.add_job("b", after=After(("a",)))
    ledger.delete_job("a")
    document = graph_view(ledger.conn, ledger.now)
    assert [each["id"] for each in document["nodes"]] == ["process:b", "process:a"]
    assert (node(document, "process:a")["declared"], node(document, "process:a")["status"]) == (None, None)


def test_an_undeclared_queue_that_scripts_fill_shows_how_full_it_is(ledger: Ledger) -> None:
    ledger.add_job("a", writes=("queue:new", "queue:never"))
    push(ledger, 1, 2, queue_id="new")
    document = graph_view(ledger.conn, ledger.now)
    full = node(document, "queue:new")
    assert full["declared"] is None
    assert full["queue"]["depth"] == 2
    assert node(document, "queue:never")["queue"] is None


def test_a_cycle_is_told_with_the_way_round(ledger: Ledger) -> None:
    ledger.add_job("a", reads=("datastore:x",), writes=("datastore:x",))
    ledger.add_job("b", after=After(("a",)))
    document = graph_view(ledger.conn, ledger.now)
    keys = ["process:a", "datastore:x"]
    assert document["cycles"] == [{"nodes": keys, "way": keys}]
    assert [each["id"] for each in document["nodes"] if each["in_cycle"]] == keys
    assert [each["layer"] for each in document["nodes"]] == [0, 1, 0]


def test_a_part_is_asked_for_by_identity_or_by_the_id_of_a_job(ledger: Ledger) -> None:
    ledger.add_job("a", writes=("queue:x",))
    ledger.add_job("b", reads=("queue:x",), writes=("sink:y",))

    def ids(**asked: Any) -> list[str]:
        return [each["id"] for each in graph_view(ledger.conn, ledger.now, **asked)["nodes"]]

    assert ids(impact="b") == ids(impact="process:b") == ["process:b", "sink:y"]
    assert ids(near="queue:x") == ["process:a", "process:b", "queue:x"]
    assert ids(near="a", distance=3) == ["process:a", "process:b", "queue:x", "sink:y"]
    with pytest.raises(NotFound, match="there is no node c"):
        ids(impact="c")
    with pytest.raises(InvalidValue):
        ids(impact="a", near="b")
