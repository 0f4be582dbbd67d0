"""What applies record: revisions, known manifests, held rows and the source they came from."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, TypedDict, cast

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.field_changes import FieldChange, recorded_fields
from jeeves_runner.core.inheritance import Consequence
from jeeves_runner.core.origin import DIRTY, AppliedBy, Commit, SourceId, SourceKind
from jeeves_runner.core.plan import Action, FileRecord, Held, Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.db.connection import Tx
from jeeves_runner.errors import NotFound

_PIECE = 200
"""Changes encoded as JSON at a time."""


class RevisionRow(TypedDict):
    """A revision without its changes."""

    id: int
    """Its number, which rises with each apply."""
    applied_at: str
    """When, in the database's form of times."""
    applied_by: Annotated[str, AppliedBy]
    """What asked for it."""
    commit: str | None
    """The commit of the manifests; null where they are in none."""
    author: str | None
    """Its author."""
    subject: str | None
    """The first line of its message."""
    created: int
    """How many jobs, queues and nodes it created."""
    updated: int
    """How many it updated."""
    deleted: int
    """How many it deleted."""
    drifted: int
    """How many of the updates put back a row that was changed by hand."""


class HeldThen(TypedDict):
    """A job, queue or node that kept its last good spec in a revision."""

    kind: str | None
    """``job``, ``queue`` or ``node``; null where an earlier version made it, which recorded ids alone."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    file: str | None
    """The manifest that it was last applied from; null likewise."""
    message: str | None
    """Why it was held; null likewise."""


_SHOWN: Final = tuple(RevisionRow.__annotations__)


def head(conn: apsw.Connection) -> int:
    """The number of the newest revision, 0 before the first."""
    row = conn.execute("SELECT max(id) FROM revisions").fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def fingerprint(conn: apsw.Connection) -> tuple[int, ...]:
    """Numbers that change when declared rows do, by an apply or by hand; they cost a few counts.

    Two changes by hand that leave all counts as they were go unnoticed until everything is read.
    """
    row = conn.execute(
        "SELECT (SELECT max(id) FROM revisions),"
        " (SELECT count(*) FROM jobs WHERE deleted_at IS NULL),"
        " (SELECT count(*) FROM jobs WHERE deleted_at IS NULL AND drifted = 1),"
        " (SELECT count(*) FROM queues WHERE deleted_at IS NULL AND declared = 1),"
        " (SELECT count(*) FROM queues WHERE deleted_at IS NULL AND declared = 1 AND drifted = 1),"
        " (SELECT count(*) FROM nodes WHERE deleted_at IS NULL),"
        " (SELECT count(*) FROM nodes WHERE deleted_at IS NULL AND drifted = 1),"
        " (SELECT count(*) FROM manifest_files)"
    ).fetchone()
    return tuple(number or 0 for number in row or ())


def commit_before(conn: apsw.Connection, head: str) -> str | None:
    """The newest commit applied that is not ``head``, whether the folder differed from it or not."""
    row = conn.execute(
        'SELECT "commit" FROM revisions WHERE "commit" NOT IN (?, ?) ORDER BY id DESC LIMIT 1',
        (head, head + DIRTY),
    ).fetchone()
    return None if row is None else str(row[0]).removesuffix(DIRTY)


def insert_revision(tx: Tx, plan: Plan, applied_by: str, commit: Commit | None) -> int:
    """Record an apply and return its number, which the rows it writes carry; see ``close_revision``."""
    counts = [len(plan.of(action)) for action in (Action.CREATE, Action.UPDATE, Action.DELETE)]
    drifted = sum(c.drift for c in plan.changes)
    # In pieces: one dumps() of ten thousand changes would block the other threads too long.
    pieces = (plan.changes[n : n + _PIECE] for n in range(0, len(plan.changes), _PIECE))
    texts = (json.dumps([c.as_json() for c in piece], ensure_ascii=False) for piece in pieces)
    changes = "[" + ",".join(text[1:-1] for text in texts) + "]"
    tx.conn.execute(
        'INSERT INTO revisions (applied_at, applied_by, "commit", author, subject, created, updated, deleted,'
        " drifted, changes, held, consequences) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            tx.at,
            applied_by,
            commit and commit.sha,
            commit and commit.author,
            commit and commit.subject,
            *counts,
            drifted,
            changes,
            json.dumps([_held(h) for h in plan.held], ensure_ascii=False),
            json.dumps([each._asdict() for each in plan.consequences], ensure_ascii=False),
        ),
    )
    number = tx.conn.last_insert_rowid()
    tx.conn.execute("INSERT INTO applying (revision_id) VALUES (?)", (number,))
    return number


def close_revision(tx: Tx, number: int) -> None:
    """End the writing of a revision: a row that gets its number later was changed by hand."""
    tx.conn.execute("DELETE FROM applying WHERE revision_id = ?", (number,))


def revision(conn: apsw.Connection, number: int) -> RevisionRow | None:
    """One revision; None if there is none of that number."""
    columns = ", ".join(f'"{name}"' for name in _SHOWN)  # commit is a word of SQL
    row = conn.execute(f"SELECT {columns} FROM revisions WHERE id = ?", (number,)).fetchone()
    return None if row is None else cast(RevisionRow, dict(zip(_SHOWN, row, strict=True)))


def revision_rows(conn: apsw.Connection, *, before: int | None, limit: int) -> list[RevisionRow]:
    """Up to ``limit`` revisions, newest first: those with smaller numbers than ``before``, or all."""
    columns = ", ".join(f'"{name}"' for name in _SHOWN)
    rows = conn.execute(
        f"SELECT {columns} FROM revisions WHERE id < coalesce(?, 1e99) ORDER BY id DESC LIMIT ?",
        (before, limit),
    )
    return [cast(RevisionRow, dict(zip(_SHOWN, row, strict=True))) for row in rows]


class Neighbours(NamedTuple):
    """The revisions beside one."""

    before: int | None
    """The one before it that is still known."""
    after: int | None
    """The one after it."""


def neighbours(conn: apsw.Connection, number: int) -> Neighbours:
    """What was applied before and after a revision."""
    row = conn.execute(
        "SELECT (SELECT max(id) FROM revisions WHERE id < ?1), (SELECT min(id) FROM revisions WHERE id > ?1)",
        (number,),
    ).fetchone()
    return Neighbours(*(row or (None, None)))


def recorded_changes(conn: apsw.Connection, number: int) -> tuple[list[dict[str, Any]], list[HeldThen]]:
    """What a revision wrote, as ``Change.as_json`` gives it with the fields in the words of a manifest; and
    what it held."""
    changes, held = conn.execute("SELECT changes, held FROM revisions WHERE id = ?", (number,)).get
    return [_in_words(change) for change in json.loads(changes)], [
        _held_then(row) for row in json.loads(held)
    ]


def recorded_consequences(conn: apsw.Connection, number: int) -> list[Consequence] | None:
    """What a revision did to jobs besides; None where an earlier version made it, and did not record that."""
    text: str | None = conn.execute("SELECT consequences FROM revisions WHERE id = ?", (number,)).get
    return None if text is None else [Consequence(**each) for each in json.loads(text)]


def _in_words(change: dict[str, Any]) -> dict[str, Any]:
    """A change that an earlier version may have recorded, with the fields of a spec."""
    fields = recorded_fields(FieldChange(**field) for field in change["fields"])
    return {"renamed_from": None} | change | {"fields": [field._asdict() for field in fields]}


def _held(row: Held) -> HeldThen:
    return {"kind": row.kind, "id": row.id, "file": row.file, "message": row.message}


def _held_then(row: HeldThen | str) -> HeldThen:
    """Earlier versions recorded the id alone."""
    if isinstance(row, str):
        return {"kind": None, "id": row, "file": None, "message": None}
    return row


def unknown_revision(conn: apsw.Connection, number: int) -> NotFound:
    """The error for a number that is no revision."""
    newest = head(conn)
    hint = f"the newest is {newest}" if newest else "`jeeves-runner apply` makes the first"
    return NotFound(f"there is no revision {number}", hint=hint)


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest revisions before then, ``limit`` at most. Returns how many.

    Those stay by which a job, queue, node or run has its spec, and the newest of all: plans are made on it.
    """
    tx.conn.execute(_PRUNE, {"before": to_text(before), "limit": limit})
    return tx.conn.changes()


_PRUNE = """
DELETE FROM revisions WHERE id IN (
  SELECT id FROM revisions AS r
  WHERE applied_at < :before AND id < (SELECT max(id) FROM revisions)
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE revision_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM queues WHERE revision_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM nodes WHERE revision_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM runs WHERE revision_id = r.id)
  ORDER BY applied_at LIMIT :limit)
"""


def known_files(conn: apsw.Connection) -> dict[str, FileRecord]:
    """The manifests applied without errors, by path."""
    return {
        path: FileRecord(
            path=path,
            digest=digest,
            entries=entries,
            problems=() if problems == "[]" else tuple(Problem(**p) for p in json.loads(problems)),
        )
        for path, digest, entries, problems in conn.execute(
            "SELECT path, digest, entries, problems FROM manifest_files"
        )
    }


def remember_files(tx: Tx, files: Iterable[FileRecord], forgotten: Iterable[str]) -> None:
    """Record manifests applied without errors, and forget the paths that are gone."""
    tx.conn.executemany("DELETE FROM manifest_files WHERE path = ?", ((path,) for path in forgotten))
    tx.conn.executemany(
        "INSERT INTO manifest_files (path, digest, entries, problems) VALUES (?,?,?,?)"
        " ON CONFLICT (path) DO UPDATE SET digest = excluded.digest, entries = excluded.entries,"
        " problems = excluded.problems",
        (
            (
                f.path,
                f.digest,
                f.entries,
                json.dumps([p.as_json() for p in f.problems]) if f.problems else "[]",
            )
            for f in files
        ),
    )


def held_rows(conn: apsw.Connection) -> list[Held]:
    """The jobs, queues and nodes held now, by kind and id."""
    rows = conn.execute("SELECT kind, id, file, message, since FROM held ORDER BY kind, id")
    return [
        Held(kind=kind, id=name, file=file, message=message, since=since)
        for kind, name, file, message, since in rows
    ]


def replace_held(tx: Tx, held: Iterable[Held]) -> None:
    """Record what is held now; what was held before keeps its ``since``."""
    wanted = {(h.kind, h.id): h for h in held}
    gone = [(h.kind, h.id) for h in held_rows(tx.conn) if (h.kind, h.id) not in wanted]
    tx.conn.executemany("DELETE FROM held WHERE kind = ? AND id = ?", gone)
    tx.conn.executemany(
        "INSERT INTO held (kind, id, file, since, message) VALUES (?,?,?,?,?)"
        " ON CONFLICT (kind, id) DO UPDATE SET file = excluded.file, message = excluded.message",
        ((h.kind, h.id, h.file, tx.at, h.message) for h in wanted.values()),
    )


def recorded_source(conn: apsw.Connection) -> SourceId | None:
    """The source this database belongs to, None before the first apply."""
    row = conn.execute("SELECT kind, location FROM source").fetchone()
    return None if row is None else SourceId(kind=SourceKind(row[0]), location=row[1])


def record_source(tx: Tx, source: SourceId) -> None:
    """Make this the one source of the database."""
    tx.conn.execute(
        "INSERT INTO source (only, kind, location, recorded_at) VALUES (1, ?, ?, ?)"
        " ON CONFLICT (only) DO UPDATE SET kind = excluded.kind, location = excluded.location,"
        " recorded_at = excluded.recorded_at",
        (source.kind, source.location, tx.at),
    )
