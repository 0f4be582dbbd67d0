"""Revisions: what was applied, when, by whom and from which commit."""

from typing import TypedDict, cast

import apsw

from jeeves_runner.core.values import PAGE
from jeeves_runner.db import revisions
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.revisions import HeldThen, RevisionRow
from jeeves_runner.views.sync import ChangeDocument, ConsequenceDocument, consequences_view


class WholeRevision(RevisionRow):
    """A revision with all that it did."""

    changes: list[ChangeDocument]
    """The rows that it wrote; secrets are not in them."""
    held: list[str]
    """The ids of the jobs and queues that kept an older spec; of nodes ``KIND:ID``."""
    held_rows: list[HeldThen]
    """The same, each with the reason of that time."""
    consequences: list[ConsequenceDocument] | None
    """What it did to jobs besides; null where it is of an earlier version, which did not record it."""


class RevisionsDocument(TypedDict):
    """Revisions, newest first."""

    revisions: list[RevisionRow]
    """Without their changes."""


class RevisionDocument(TypedDict):
    """One revision."""

    revision: WholeRevision
    """With its changes."""


def revisions_view(
    conn: apsw.Connection, *, before: int | None = None, limit: int = PAGE
) -> RevisionsDocument:
    """``{revisions}``: up to ``limit``, newest first, those before a revision."""
    return {"revisions": revisions.revision_rows(conn, before=before, limit=limit)}


def revision_view(conn: apsw.Connection, number: int) -> RevisionDocument:
    """``{revision}``; NotFound."""
    with snapshot(conn):
        row = revisions.revision(conn, number)
        if row is None:
            raise revisions.unknown_revision(conn, number)
        changes, held = revisions.recorded_changes(conn, number)
        found = revisions.recorded_consequences(conn, number)
    whole: WholeRevision = {
        **row,
        "changes": cast(list[ChangeDocument], changes),
        "held": [each["id"] for each in held],
        "held_rows": held,
        "consequences": None if found is None else consequences_view(found),
    }
    return {"revision": whole}
