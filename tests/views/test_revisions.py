"""The documents of revisions."""

from contextlib import closing
from typing import Any

import apsw
import pytest
from support.ledger import Ledger

from jeeves_runner.db import revisions
from jeeves_runner.db.connection import connect
from jeeves_runner.errors import NotFound
from jeeves_runner.views.revisions import revision_view


def test_a_revision_that_is_deleted_while_it_is_read_is_told_whole(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = revisions.recorded_changes

    def deleted_before(conn: apsw.Connection, number: int) -> tuple[list[dict[str, Any]], list[str]]:
        with closing(connect(ledger.path)) as other:
            other.execute("DELETE FROM revisions WHERE id = ?", (number,))
        return read(conn, number)

    monkeypatch.setattr(revisions, "recorded_changes", deleted_before)
    assert revision_view(ledger.conn, 1)["revision"]["id"] == 1
    with pytest.raises(NotFound):
        revision_view(ledger.conn, 1)
