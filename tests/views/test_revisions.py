"""The documents of revisions."""

import json
from contextlib import closing
from typing import Any

import apsw
import pytest
from support.ledger import Ledger

from jeeves_runner.db import revisions
from jeeves_runner.db.connection import connect, transaction
from jeeves_runner.db.revisions import HeldThen
from jeeves_runner.errors import NotFound
from jeeves_runner.views.revisions import revision_view


def test_a_revision_that_is_deleted_while_it_is_read_is_told_whole(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = revisions.recorded_changes

    def deleted_before(conn: apsw.Connection, number: int) -> tuple[list[dict[str, Any]], list[HeldThen]]:
        with closing(connect(ledger.path)) as other:
            other.execute("DELETE FROM revisions WHERE id = ?", (number,))
        return read(conn, number)

    monkeypatch.setattr(revisions, "recorded_changes", deleted_before)
    assert revision_view(ledger.conn, 1)["revision"]["id"] == 1
    with pytest.raises(NotFound):
        revision_view(ledger.conn, 1)


def test_a_revision_of_an_earlier_version_is_shown_in_the_words_of_a_manifest(ledger: Ledger) -> None:
    change = {
        "action": "update",
        "kind": "job",
        "id": "a",
        "file": "jobs.d/a.yaml",
        "line": 1,
        "drift": False,
    }
    recorded = [{**change, "fields": [{"path": "timeout_ms", "old": None, "new": 60_000}]}]
    with transaction(ledger.conn, ledger.clock) as tx:
        tx.conn.execute(
            "UPDATE revisions SET changes = ?, held = ? WHERE id = 1", (json.dumps(recorded), '["b"]')
        )
    shown = revision_view(ledger.conn, 1)["revision"]
    fields = [{"path": "timeout", "old": None, "new": "1m"}]
    assert shown["changes"] == [{**change, "renamed_from": None, "fields": fields}]
    assert shown["held"] == ["b"]
    assert shown["held_rows"] == [{"kind": None, "id": "b", "file": None, "message": None}]
