"""The ``jobs`` table as applies see it: what they write, and what they compare with the manifests."""

import json
from collections.abc import Iterator
from typing import Any, Final

import apsw

from jeeves_runner.core.edge_spec import PLAIN, Relation, Traits, edges_in
from jeeves_runner.core.manifest.requirements import JobFile
from jeeves_runner.core.model import SourceType
from jeeves_runner.core.plan import LiveRow
from jeeves_runner.db import edges
from jeeves_runner.db.declared import DeclaredTable, intact


def _one_or_more(field: str) -> str:
    """SQL for a list of texts in the spec ``s``: null if it has none, its text if it has one, else all."""
    return (
        f"CASE json_array_length(s, '$.{field}') WHEN 0 THEN NULL WHEN 1 THEN s ->> '$.{field}[0]'"
        f" ELSE s -> '$.{field}' END"
    )


# The columns people query are taken out of the spec by SQLite itself, here and nowhere else.
_DECLARED = {
    "name": "s ->> '$.name'",
    "schedule": _one_or_more("schedule"),
    "script": "s ->> '$.script'",
    "type": "s ->> '$.type'",
    "enabled": "s ->> '$.enabled'",
    "timeout_ms": "s ->> '$.timeout_ms'",
    "overlap_policy": "s ->> '$.overlap_policy'",
    "on_failure": _one_or_more("on_failure"),
    "on_success": _one_or_more("on_success"),
    "output_channel": _one_or_more("output_channel"),
    "description": "s ->> '$.description'",
    "timezone": "s ->> '$.timezone'",
    "source_type": "s ->> '$.source_type'",
    "spec": "s",
}

# A job's past is never caught up across a change of when it should run.
_RESCHEDULED = " OR ".join(
    [
        "jobs.deleted_at IS NOT NULL",
        "jobs.enabled < excluded.enabled",
        *(
            f"(jobs.spec -> '$.{part}') IS NOT (excluded.spec -> '$.{part}')"
            for part in ("schedule", "timezone", "exclude")
        ),
    ]
)

NAMESPACE = "coalesce((SELECT namespace FROM namespaces WHERE job_id = :id), :id)"
"""SQL for where a job keeps its state: its id, if no other job was first made with that one."""

_UPSERT = f"""
INSERT INTO jobs ({", ".join(_DECLARED)}, id, spec_hash, file, line, namespace, revision_id,
                  created_at, updated_at, schedule_since)
SELECT {", ".join(_DECLARED.values())}, :id, :hash, :file, :line, {NAMESPACE}, :revision, :at, :at, :at
FROM (SELECT :text AS s) WHERE true
ON CONFLICT (id) DO UPDATE SET
  {", ".join(f"{column} = excluded.{column}" for column in _DECLARED)},
  spec_hash = excluded.spec_hash, file = excluded.file, line = excluded.line,
  namespace = excluded.namespace, revision_id = excluded.revision_id, updated_at = excluded.updated_at,
  drifted = 0, deleted_at = NULL,
  schedule_since = CASE WHEN {_RESCHEDULED} THEN excluded.schedule_since ELSE jobs.schedule_since END
"""


class _JobTable(DeclaredTable):
    def live_rows(self, conn: apsw.Connection) -> Iterator[tuple[str, LiveRow]]:
        tied = edges.by_job(conn)
        rows = conn.execute(
            "SELECT id, spec_hash, file, line, drifted, source_type, script, spec ->> '$.precheck.script',"
            " CASE drifted WHEN 1 THEN spec END, octet_length(spec),"
            " iif(instr(spec, '\"renamed_from\":[]'), NULL, spec -> '$.renamed_from'),"
            " enabled, spec ->> '$.pool' FROM jobs WHERE deleted_at IS NULL"
        )
        for row in rows:
            name, digest, file, line, drifted, source, script, precheck, spec, size, before, on, pool = row
            text = intact(digest, spec)
            runs = _file(source, script) if text is None else _file_of(text)
            first = None if precheck is None else JobFile("script", precheck)
            files = tuple(each for each in (runs, first) if each is not None)
            earlier = () if before is None else tuple(json.loads(before))
            traits = PLAIN if on and pool is None else Traits(bool(on), pool)
            ties = tied.get(name, ()) if text is None else edges_in(json.loads(text))
            yield (
                name,
                LiveRow(digest, file, line, bool(drifted), files, text, size, earlier, ties, traits),
            )

    def drifted_columns(self, conn: apsw.Connection, row_id: str, text: str) -> list[tuple[str, Any, Any]]:
        """With the edges that are not those of the spec, as ``edges.RELATION`` and lists of nodes."""
        found = super().drifted_columns(conn, row_id, text)
        stored, declared = edges.of_job(conn, row_id), edges_in(json.loads(text))
        for relation in Relation:
            there = sorted(node for of, node in stored if of is relation)
            wanted = sorted(node for of, node in declared if of is relation)
            if there != wanted:
                found.append((f"edges.{relation}", there, wanted))
        return found


TABLE: Final[DeclaredTable] = _JobTable("jobs", {**_DECLARED, "namespace": NAMESPACE}, _UPSERT)


def _file_of(text: str) -> JobFile | None:
    """The file that says what a job does, by its spec: a column changed by hand may say another."""
    values = json.loads(text)
    return _file(values["source_type"], values["script"])


def _file(source: str, script: str) -> JobFile | None:
    match source:
        case SourceType.PATH:
            return JobFile("script", script)
        case SourceType.PROMPT_FILE:
            return JobFile("prompt_file", script)
        case _:
            return None
