"""``graph stale``: the data that is older than its node says, and an exit code for monitors."""

import json
from pathlib import Path

import pytest
from support.cli import Shell

from jeeves_runner.cli import exits
from jeeves_runner.clock import to_text

HOUR = 3_600_000


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Mail of three hours ago that is to be fetched every two, and a report that was never written."""
    shell = Shell(tmp_path)
    ledger = shell.ledger
    since = to_text(ledger.at(days=2))
    ledger.add_job("fetch", writes=("datastore:mail",))
    ledger.add_node("datastore:mail", fresh_within_ms=2 * HOUR, created_at=since)
    ledger.add_node("sink:report", fresh_within_ms=24 * HOUR, created_at=since)
    ledger.add_node("datastore:free", created_at=since)
    at = to_text(ledger.at(hours=3))
    ledger.conn.execute("INSERT INTO freshness VALUES ('datastore:mail', ?, 'fetch', 7)", (at,))
    return shell


def test_it_lists_what_is_stale_for_longest_first_and_exits_1(shell: Shell) -> None:
    answer = shell.run("graph", "stale")
    assert answer.exit_code == exits.STALE
    assert (
        answer.stdout
        == """\
NODE            WITHIN  WRITTEN  BY              WRITERS
sink:report     1d      never    -               -
datastore:mail  2h      3h ago   run 7 of fetch  fetch
"""
    )


def test_as_json_it_is_the_document_of_its_route(shell: Shell) -> None:
    stale = json.loads(shell.run("graph", "stale", "--json").stdout)["stale"]
    assert [each["id"] for each in stale] == ["sink:report", "datastore:mail"]
    assert stale[1] == {
        "id": "datastore:mail",
        "fresh_within_ms": 2 * HOUR,
        "fresh_at": to_text(shell.ledger.at(hours=3)),
        "stale_since": to_text(shell.ledger.at(hours=1)),
        "job_id": "fetch",
        "run_id": 7,
        "writers": ["fetch"],
        "found_nothing": False,
    }


def test_where_nothing_is_it_says_so_and_exits_0(shell: Shell) -> None:
    shell.ledger.conn.execute("UPDATE nodes SET fresh_within_ms = NULL")
    answer = shell.run("graph", "stale")
    assert (answer.exit_code, answer.stdout) == (exits.OK, "Nothing is stale.\n")


def test_the_graph_marks_it(shell: Shell) -> None:
    assert "datastore:mail  writes; stale" in shell.text("graph")


def test_it_takes_no_options_of_the_graph(shell: Shell) -> None:
    assert shell.run("graph", "stale", "--format", "dot").exit_code == exits.USAGE
