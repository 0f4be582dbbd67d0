"""How a job was declared at a time of the past, by what later applies have changed of it."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.plan import Action
from jeeves_runner.core.schedule_entry import entries_of
from jeeves_runner.core.why.facts import Declared, JobFacts, Then
from jeeves_runner.db.revisions import head
from jeeves_runner.db.why_facts import revision, revision_at

_FIELDS: Final = ("enabled", "schedule", "timezone", "exclude")
"""What says when a job runs."""

_IDS: Final = """
WITH RECURSIVE names (id) AS (
  SELECT :job UNION SELECT old_id FROM renames JOIN names ON new_id = names.id)
SELECT id FROM names
"""
_CHANGES: Final = """
SELECT revisions.id, change.value FROM revisions, json_each(revisions.changes) AS change
WHERE revisions.id BETWEEN :first AND :last AND instr(changes, :needle)
  AND change.value ->> '$.kind' = 'job' AND change.value ->> '$.id' = :id
"""
_MOST: Final = 10_000
"""Revisions that are looked through: a few milliseconds. What was declared before them is not known."""


class _Past(NamedTuple):
    """The state of a walk from now into the past."""

    declared: Declared | None
    """How the job was declared before what was passed."""
    is_known: bool = True
    """Whether that is known."""
    changed_by: int | None = None
    """The earliest change that was passed that changed when it runs."""


def declared_then(conn: apsw.Connection, facts: JobFacts, at: datetime) -> Then | None:
    """How the job was declared at a time of the past; None: as it is now."""
    if at < facts.created_at:
        return Then(None, True, revision_at(conn, facts.created_at))
    is_on = facts.declared is not None and facts.declared.enabled
    if at > facts.schedule_since and is_on:
        return None
    first = _newest(conn, at) + 1
    last = _newest(conn, facts.schedule_since) if is_on else head(conn)
    if not _is_kept(conn, first, last):
        return Then(None, False)
    past = _Past(facts.declared)
    changes = sorted(_changes(conn, facts.id, first, last), key=lambda each: each[0], reverse=True)
    for number, change in changes:
        past = _before(past, number, change)
    if past.changed_by is None:
        return None
    return Then(past.declared, past.is_known, revision(conn, past.changed_by))


def _before(past: _Past, number: int, change: Mapping[str, Any]) -> _Past:
    """How it was before a change."""
    match change.get("action"):
        case Action.CREATE:
            return _Past(None, True, number)
        case Action.DELETE:  # a tombstone keeps its last spec; of an earlier life no revision says it
            return past if past.declared is not None else _Past(None, False, number)
    old = {
        field["path"]: field["old"]
        for field in change.get("fields", ())
        if isinstance(field, dict) and field.get("path") in _FIELDS
    }
    if not old or past.declared is None:
        return past
    return _Past(_with(past.declared, old), past.is_known, number)


def _with(declared: Declared, old: Mapping[str, Any]) -> Declared | None:
    """The same with older values; None where one was written by hand."""
    try:
        return declared._replace(
            enabled=bool(old.get("enabled", declared.enabled)),
            schedule=entries_of(old["schedule"]) if "schedule" in old else declared.schedule,
            timezone=str(old.get("timezone", declared.timezone)),
            exclude=tuple(map(str, old["exclude"])) if "exclude" in old else declared.exclude,
        )
    except (ValueError, TypeError):
        return None


def _changes(
    conn: apsw.Connection, job_id: str, first: int, last: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """What these revisions changed of the job, under each of its ids."""
    for (name,) in conn.execute(_IDS, {"job": job_id}).fetchall():
        bindings = {"first": first, "last": last, "needle": json.dumps(name), "id": name}
        for number, text in conn.execute(_CHANGES, bindings):
            yield number, json.loads(text)


def _newest(conn: apsw.Connection, at: datetime) -> int:
    """The newest revision by a time; 0 if there is none."""
    found: int | None = conn.execute(
        "SELECT id FROM revisions WHERE applied_at <= ? ORDER BY applied_at DESC, id DESC LIMIT 1",
        (to_text(at),),
    ).get
    return found or 0


def _is_kept(conn: apsw.Connection, first: int, last: int) -> bool:
    """Whether there are all of these revisions, and not too many to look through."""
    if last - first >= _MOST:
        return False
    kept: int = conn.execute("SELECT count(*) FROM revisions WHERE id BETWEEN ? AND ?", (first, last)).get
    return kept == max(0, last - first + 1)
