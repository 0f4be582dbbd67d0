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
from jeeves_runner.db.why_facts import revision

_FIELDS: Final = ("enabled", "schedule", "timezone", "exclude")
"""What says when a job runs."""

_IDS: Final = """
WITH RECURSIVE names (id) AS (
  SELECT :job UNION SELECT old_id FROM renames JOIN names ON new_id = names.id)
SELECT id FROM names
"""
_CHANGES: Final = """
SELECT revisions.id, change.value FROM revisions, json_each(revisions.changes) AS change
WHERE applied_at > :at AND instr(changes, :needle)
  AND change.value ->> '$.kind' = 'job' AND change.value ->> '$.id' = :id
"""


class _Past(NamedTuple):
    """The state of a walk from now into the past."""

    declared: Declared | None
    """How the job was declared before what was passed."""
    is_known: bool = True
    """Whether that is known."""
    changed_by: int | None = None
    """The earliest change that was passed that changed when it runs."""


def declared_then(conn: apsw.Connection, facts: JobFacts, at: datetime) -> Then:
    """How the job was declared at a time before its present schedule held."""
    past = _Past(facts.declared)
    changes = sorted(_changes(conn, facts.id, at), key=lambda each: each[0], reverse=True)
    for number, change in changes:
        past = _before(past, number, change)
    brought = revision(conn, past.changed_by)
    if at < facts.created_at:
        return Then(None, True, brought)
    if not _is_whole(conn, at):
        return Then(None, False)
    return Then(past.declared, past.is_known, brought)


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


def _changes(conn: apsw.Connection, job_id: str, at: datetime) -> Iterator[tuple[int, dict[str, Any]]]:
    """What later applies changed of the job, under each of its ids."""
    for (name,) in conn.execute(_IDS, {"job": job_id}):
        bindings = {"at": to_text(at), "needle": json.dumps(name), "id": name}
        for number, text in conn.execute(_CHANGES, bindings):
            yield number, json.loads(text)


def _is_whole(conn: apsw.Connection, at: datetime) -> bool:
    """Whether all revisions since the last one before a time are kept: their numbers have no gap."""
    first = conn.execute(
        "SELECT coalesce((SELECT max(id) FROM revisions WHERE applied_at <= ?), 0)", (to_text(at),)
    ).get
    kept, newest = conn.execute(
        "SELECT count(*), coalesce(max(id), ?1) FROM revisions WHERE id > ?1", (first,)
    ).get
    return int(newest) - int(first) == int(kept)
