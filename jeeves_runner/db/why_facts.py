"""What is read of a job, of its runs and of its past, so that `why` can tell; each by index."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.model import CatchUp, OverrideKind, Reason, RunStatus
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule_entry import entries_of
from jeeves_runner.core.why.facts import Declared, Hold, JobFacts, KnownRun, Revision
from jeeves_runner.core.why.start_facts import Override
from jeeves_runner.core.wrong_clock import undecided_since
from jeeves_runner.db import overrides, skips
from jeeves_runner.db.carried_runs import newest_of
from jeeves_runner.db.needs import unmet_for
from jeeves_runner.db.occurrence_runs import row_of
from jeeves_runner.db.overrides import Shown
from jeeves_runner.db.run_states import RUNNING, WAITING
from jeeves_runner.db.runs import RUN_COLUMNS, run, run_from_row
from jeeves_runner.db.unreadable import time_or_none
from jeeves_runner.db.why_starts import starts_of

_LONG_AGO: Final = "1970-01-01T00:00:00.000Z"
_MILLISECOND: Final = timedelta(milliseconds=1)

_JOB: Final = """
SELECT jobs.id, namespace, jobs.file, line, drifted, created_at, schedule_since, decided_until, deleted_at,
  revision_id, spec, enabled, held.file, held.message, held.since
FROM jobs LEFT JOIN held ON held.kind = 'job' AND held.id = jobs.id WHERE jobs.id = ?
"""


def job_facts(conn: apsw.Connection, now: datetime, job_id: str, *, served: bool) -> JobFacts | None:
    """A job, live or deleted; None if there never was one of that id."""
    row: Sequence[Any] | None = conn.execute(_JOB, (job_id,)).fetchone()
    if row is None:
        return None
    name, namespace, file, line, drifted, created, since, decided, deleted, revision_id, *rest = row
    text, enabled, held_file, held_message, held_since = rest
    begin = _time(since, job_id, "schedule_since") or now
    spec = _spec(text)
    pause = overrides.in_force(conn, OverrideKind.PAUSE, now).of(job_id)
    mute = overrides.in_force(conn, OverrideKind.MUTE, now).of(job_id)
    return JobFacts(
        id=name,
        namespace=namespace,
        declared=None if spec is None else _declared(spec, enabled=bool(enabled)),
        on_start=bool(spec and spec.get("on_start")),
        catch_up=_catch_up(spec),
        catch_up_window=_window(spec),
        file=file,
        line=line,
        drifted=bool(drifted),
        created_at=_time(created, job_id, "created_at") or begin,
        schedule_since=begin,
        undecided_since=undecided_since(begin, _time(decided, job_id, "decided_until"), now),
        deleted_at=_time(deleted, job_id, "deleted_at"),
        revision=revision(conn, revision_id),
        held=None if held_file is None else Hold(held_file, held_message, _time(held_since, job_id, "since")),
        pause=_override(pause, OverrideKind.PAUSE),
        mute=_override(mute, OverrideKind.MUTE),
        starts=starts_of(conn, now, name, newest_run),
        skips={each.when: each.reason for each in skips.coming(conn, now, [name]).get(name, ())},
        served=served,
    )


def revision(conn: apsw.Connection, number: int | None) -> Revision | None:
    """An apply by its number; None if it is not kept."""
    row = conn.execute(f"SELECT {_REVISION} FROM revisions WHERE id = ?", (number,)).fetchone()
    return None if row is None else _revision(row)


def revision_at(conn: apsw.Connection, at: datetime) -> Revision | None:
    """The apply of exactly this time: what it wrote has its time."""
    text = to_text(at)
    row = conn.execute(f"SELECT {_REVISION} FROM revisions WHERE applied_at = ? LIMIT 1", (text,)).fetchone()
    return None if row is None else _revision(row)


def newest_run(conn: apsw.Connection, job_id: str) -> Run | None:
    """The row of a job that was written last."""
    return _run(conn, f"id = ({newest_of(conn, job_id, 'true')})", {"limit": 1})


def run_in(conn: apsw.Connection, job_id: str, begin: datetime, end: datetime) -> Run | None:
    """The row of the last occurrence in [begin, end), its own or one that it shares."""
    found = row_of(conn, job_id, begin, end - _MILLISECOND)
    return None if found is None else run(conn, found)


def run_facts(conn: apsw.Connection, run: Run, now: datetime) -> KnownRun:
    """A run with what stands about it in other rows."""
    chain = run.chain_id or run.id
    before = _run(
        conn,
        "(chain_id = :chain OR id = :chain) AND attempt = :attempt ORDER BY id DESC LIMIT 1",
        {"chain": chain, "attempt": run.attempt - 1},
    )
    after = _run(
        conn,
        "chain_id = :chain AND attempt = :attempt ORDER BY id DESC LIMIT 1",
        {"chain": chain, "attempt": run.attempt + 1},
    )
    waits = run.status is RunStatus.SCHEDULED
    return KnownRun(
        run=run,
        revision=revision(conn, run.revision_id),
        before=before,
        after=after,
        ahead=_ahead(conn, run) if waits else 0,
        active=_active(conn, run) if waits and run.reason is Reason.OVERLAP else None,
        until=_needs_until(conn, run, now) if waits and run.reason is Reason.NEEDS else None,
    )


def _needs_until(conn: apsw.Connection, run: Run, now: datetime) -> datetime | None:
    unmet = unmet_for(conn, run.job_id, run.trigger, run.scheduled_for or run.created_at, now)
    return None if unmet is None else unmet.until


def _ahead(conn: apsw.Connection, run: Run) -> int:
    """How many wait for the same and have their turn earlier."""
    found = conn.execute(
        f"SELECT count(*) FROM runs WHERE {WAITING} AND reason = :reason AND id <> :id"
        " AND (priority > :priority OR priority = :priority AND id < :id)"
        " AND (reason <> 'pool' OR reason_ref IS :ref)"
        " AND (reason IN ('limit', 'pool', 'disk_full') OR job_id = :job)",
        {
            "reason": run.reason,
            "ref": run.reason_ref,
            "priority": run.priority,
            "id": run.id,
            "job": run.job_id,
        },
    ).get
    return int(found or 0)


def _active(conn: apsw.Connection, run: Run) -> int | None:
    found: int | None = conn.execute(
        f"SELECT min(id) FROM runs WHERE {RUNNING} AND job_id = ?", (run.job_id,)
    ).get
    return found


_REVISION: Final = 'id, applied_at, "commit", author, subject'


def _revision(row: Sequence[Any]) -> Revision:
    number, applied_at, commit, author, subject = row
    at = time_or_none(applied_at, f"revision {number}", "applied_at") or from_text(_LONG_AGO)
    return Revision(number, at, commit, author, subject)


def _run(conn: apsw.Connection, condition: str, bindings: Mapping[str, int | str]) -> Run | None:
    row = conn.execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE {condition}", bindings).fetchone()
    return None if row is None else run_from_row(row)


def _spec(text: object) -> dict[str, Any] | None:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _declared(spec: dict[str, Any], *, enabled: bool) -> Declared | None:
    """None where the row was changed by hand so that it cannot be read."""
    zone, exclude = spec.get("timezone"), spec.get("exclude")
    try:
        entries = entries_of(spec.get("schedule"))
    except ValueError:
        return None
    if not isinstance(zone, str) or not isinstance(exclude, list):
        return None
    return Declared(enabled, entries, zone, tuple(map(str, exclude)))


def _catch_up(spec: dict[str, Any] | None) -> CatchUp:
    given = None if spec is None else spec.get("catch_up")
    return CatchUp(given) if given in list(CatchUp) else CatchUp.LATEST


def _window(spec: dict[str, Any] | None) -> timedelta:
    ms = None if spec is None else spec.get("catch_up_window_ms")
    return timedelta(milliseconds=ms if isinstance(ms, int) else 0)


def _override(shown: Shown | None, kind: OverrideKind) -> Override | None:
    if shown is None:
        return None
    end = shown.lasts_until(kind)
    return Override(None if end == overrides.UNTIL_RESUMED else end, shown.reason, shown.of_all)


def _time(text: str | None, job_id: str, column: str) -> datetime | None:
    return None if text is None else time_or_none(text, f"job {job_id}", column)
