"""`why datastore:X`: how new it is, and the first job upstream that is not well."""

from pathlib import Path

import pytest
from support.ledger import Ledger
from support.queues import push

from jeeves_runner.clock import to_text
from jeeves_runner.core.edge_spec import After, OnQueue
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides
from jeeves_runner.errors import NotFound
from jeeves_runner.views.freshness import stale_view
from jeeves_runner.views.why import why_view
from jeeves_runner.views.why_node import NodeWhyDocument, node_why_view

HOUR = 3_600_000


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Mail that `fetch` puts into a queue and `sort` into a datastore, within two hours; both were ok."""
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("fetch", writes=("queue:mail",))
    ledger.add_job("sort", on_queue=OnQueue("mail"), writes=("datastore:mail",))
    ledger.add_job("report", reads=("datastore:mail",))
    ledger.add_node("datastore:mail", fresh_within_ms=2 * HOUR, created_at=to_text(ledger.at(days=2)))
    ledger.add_run("fetch")
    run_id = ledger.add_run("sort")
    written(ledger, run_id, hours=1)
    return ledger


def written(ledger: Ledger, run_id: int, hours: int) -> None:
    ledger.conn.execute("DELETE FROM freshness")
    at = to_text(ledger.at(hours=hours))
    ledger.conn.execute("INSERT INTO freshness VALUES ('datastore:mail', ?, 'sort', ?)", (at, run_id))


def why(ledger: Ledger, node: str = "datastore:mail") -> NodeWhyDocument:
    return node_why_view(ledger.conn, ledger.now, node, served=True)


def test_of_fresh_data_it_is_said_who_wrote_it_and_when(ledger: Ledger) -> None:
    answer = why(ledger)
    assert answer["text"] == (
        "datastore:mail is fresh; run 2 of sort wrote it 1h ago, at 11:00 UTC."
        " All is well with the jobs before it."
    )
    assert (answer["stale_since"], answer["job_id"]) == (None, None)
    assert answer["fresh_at"] == to_text(ledger.at(hours=1))


def test_a_run_that_found_nothing_to_do_is_not_said_to_have_written(ledger: Ledger) -> None:
    run_id = ledger.add_run("sort", "skipped", reason="precheck")
    written(ledger, run_id, hours=1)
    assert why(ledger)["text"].startswith(
        f"datastore:mail is fresh; run {run_id} of sort found nothing to write 1h ago, at 11:00 UTC."
    )
    written(ledger, run_id, hours=3)
    assert why(ledger)["text"].startswith("datastore:mail is stale: last checked 3h ago, at 09:00")
    assert stale_view(ledger.conn, ledger.now)["stale"][0]["found_nothing"]


def test_of_stale_data_the_first_job_upstream_is_named_that_is_not_well(ledger: Ledger) -> None:
    written(ledger, 2, hours=3)
    ledger.add_run("fetch", "error", exit_code=3)
    answer = why(ledger)
    assert (answer["job_id"], answer["stale_since"]) == ("fetch", to_text(ledger.at(hours=1)))
    assert answer["text"].startswith(
        "datastore:mail is stale: last written 3h ago, at 09:00 UTC (expected within 2h)."
        " Of the 2 jobs before it, fetch, 3 steps before it, ended error."
    )
    ledger.add_run("sort", "timeout")
    answer = why(ledger)
    assert answer["job_id"] == "sort"
    assert "Of the 2 jobs before it, sort, which writes it, ended timeout." in answer["text"]


def test_of_stale_data_of_jobs_that_are_well_it_is_said_when_the_writer_runs(ledger: Ledger) -> None:
    written(ledger, 2, hours=3)
    answer = why(ledger)
    assert answer["job_id"] is None
    assert (
        "All is well with the jobs before it, but sort, which writes it, does not run often" in answer["text"]
    )
    assert "It starts as soon as an item of queue mail is ready: none is" in answer["text"]
    ledger.add_run("sort", "running")
    assert "sort, which writes it, runs now." in why(ledger)["text"]


@pytest.mark.parametrize(
    ("status", "columns", "word"),
    [
        ("scheduled", {}, "waits"),
        ("interrupted", {}, "ended interrupted"),
        ("missed", {"reason": "late"}, "missed its time"),
        ("skipped", {"reason": "overlap"}, "was skipped"),
        ("skipped", {"reason": "exit_code"}, None),
        ("running", {}, None),
    ],
)
def test_a_job_is_not_well_by_its_newest_run(
    ledger: Ledger, status: str, columns: dict[str, str], word: str | None
) -> None:
    ledger.add_run("sort", status, **columns)
    assert why(ledger)["job_id"] == (None if word is None else "sort")
    assert word is None or f"sort, which writes it, {word}." in why(ledger)["text"]


def test_a_job_is_not_well_that_is_paused_held_muted_disabled_or_never_ran(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        overrides.mute(tx, "sort", until=None, reason=None, by=Actor("test"))
    assert "sort, which writes it, is muted." in why(ledger)["text"]
    ledger.hold("sort", "it is broken")
    assert "sort, which writes it, is held back." in why(ledger)["text"]
    ledger.pause("sort")
    assert "sort, which writes it, is paused." in why(ledger)["text"]
    ledger.add_job("sort", enabled=False, writes=("datastore:mail",))
    assert "The one job before it, sort, is disabled." in why(ledger)["text"]
    ledger.add_job("new", writes=("datastore:new",))
    assert "The one job before it, new, never ran." in why(ledger, "datastore:new")["text"]


def test_of_data_that_is_not_declared_it_is_said_that_nothing_is_expected(ledger: Ledger) -> None:
    ledger.add_job("report", reads=("source:imap",))
    assert why(ledger, "source:imap")["text"] == (
        "Of datastores and sinks it is recorded when they were written; source:imap is neither."
        " No job writes it."
    )
    ledger.add_job("learn", writes=("datastore:rules",))
    assert why(ledger, "datastore:rules")["text"].startswith(
        "datastore:rules has no `fresh_within`; nothing has written it yet."
    )
    with pytest.raises(NotFound):
        why(ledger, "datastore:unknown")


def test_of_a_queue_it_is_said_how_full_it_is(ledger: Ledger) -> None:
    push(ledger, 1, 2)
    assert why(ledger, "queue:mail")["text"] == (
        "Of datastores and sinks it is recorded when they were written; queue:mail is neither."
        " Items that wait in it: 2; claimed: 0; failed: 0. All is well with the jobs before it."
    )
    ledger.add_job("look", reads=("queue:unused",))
    assert why(ledger, "queue:unused")["text"].endswith("queue:unused is neither. No job writes it.")


def test_of_a_job_it_is_said_why_it_ran_and_what_comes_before_it(ledger: Ledger) -> None:
    ledger.add_run("sort", "error", exit_code=3)
    own = why_view(ledger.conn, ledger.now, "report", served=True)["text"]
    answer = why(ledger, "process:report")
    assert answer["text"].startswith(f"{own} Of the 2 jobs before it, sort, 2 steps before it, ended error.")
    assert answer["job_id"] == "sort"
    assert why(ledger, "process:fetch")["text"].endswith("No job comes before it.")
    ledger.add_job("after", after=After(("fetch",)))
    ledger.add_run("fetch", "error")
    assert "The one job before it, fetch, ended error." in why(ledger, "process:after")["text"]
