"""Pauses and mutes, which people set outside the manifests. One that has expired counts as ended.

Each holds for one job, or for all jobs, also those created later; a mute of all, for what has no job as well.
The row of a pause stays when it has ended: occurrences that fell into it may be decided about much later.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import OverrideKind
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import PausedTime
from jeeves_runner.db import audit, incidents
from jeeves_runner.db.jobs import unknown_job
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none
from jeeves_runner.db.waits import PAUSES, end_by_now, latest_end
from jeeves_runner.errors import InvalidValue

UNTIL_RESUMED: Final = datetime.max.replace(tzinfo=UTC)
"""The end of a pause that lasts until it is resumed."""

_END: Final = end_by_now(PAUSES)
"""Commands read pauses also while no server puts right what a clock that was ahead has left."""


def _of_job(kind: OverrideKind) -> str:
    # A kind that is bound has SQLite look for the best index anew at each call, which takes longer.
    return f"(job_id = :job OR job_id IS NULL) AND kind = '{kind}' AND ended_at IS NULL"


MUTES_OF_JOB: Final = _of_job(OverrideKind.MUTE)
"""SQL: of ``overrides`` the mutes of ``:job`` and of everything that were not ended. They may be over."""


class Pauses(NamedTuple):
    """The pauses in force, each by its end (UTC); a pause without an end has UNTIL_RESUMED."""

    of_jobs: Mapping[str, datetime] = MappingProxyType({})
    """Those of single jobs, by job id."""
    of_all: datetime | None = None
    """The one that holds for all jobs; None if there is none."""
    last_end: datetime | None = None
    """When the last of those that are no longer in force ended; None if there was none."""

    def end_of(self, job_id: str) -> datetime | None:
        """When the last of the pauses that hold for a job ends; None if none does."""
        own = self.of_jobs.get(job_id)
        if own is None or self.of_all is None:
            return own or self.of_all
        return max(own, self.of_all)

    def may_reach(self, job_id: str, since: datetime) -> bool:
        """Whether this job may have been paused at some time since then; if not, it certainly was not."""
        return self.end_of(job_id) is not None or (self.last_end is not None and self.last_end > since)


def pause(tx: Tx, job_id: str | None, *, until: End | None, reason: str | None, by: Actor) -> None:
    """Pause a live job, or all jobs (None), ``until`` an end or until resumed; an earlier pause is replaced.

    NotFound for an unknown job.
    """
    _begin(tx, OverrideKind.PAUSE, job_id, until=until, reason=reason, by=by)
    incidents.look_again(tx, job_id)  # the pause before may have ended later


def mute(tx: Tx, job_id: str | None, *, until: End | None, reason: str | None, by: Actor) -> None:
    """Say nothing of a live job, or of anything (None), ``until`` an end or until unmuted; an earlier mute is
    replaced. What people know of that is still open at its end is said once more.

    NotFound for an unknown job.
    """
    _begin(tx, OverrideKind.MUTE, job_id, until=until, reason=reason, by=by)
    incidents.begin_mute(tx, job_id)
    incidents.look_again(tx, job_id)


def required_end(until: End | None) -> End:
    """The end that a person gave to a mute; InvalidValue if none was given: it would be forgotten."""
    if until is None:
        raise InvalidValue(
            "a mute needs an end",
            hint="say for how long, such as 2h, or until when; for good is `on_failure: null` in a manifest",
        )
    return until


def _begin(
    tx: Tx, kind: OverrideKind, job_id: str | None, *, until: End | None, reason: str | None, by: Actor
) -> None:
    if job_id is not None:
        job = tx.conn.execute("SELECT 1 FROM jobs WHERE id = ? AND deleted_at IS NULL", (job_id,)).fetchone()
        if job is None:
            raise unknown_job(tx.conn, job_id)
    _end(tx, kind, job_id)
    end = None if until is None else to_text(until.instant)
    length_ms = None if until is None else until.length_ms
    tx.conn.execute(
        "INSERT INTO overrides (job_id, kind, until, length_ms, reason, created_by, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (job_id, kind, end, length_ms, reason, by.name, tx.at),
    )
    audit.record(tx, actor=by, action=kind, target=_target(job_id), detail=reason)


def resume(tx: Tx, job_id: str | None, *, by: Actor) -> bool:
    """End the pause of a job, or that of all jobs (None). Returns whether there was one.

    A pause of all jobs stays when one job is resumed, and the other way round.
    """
    found = pauses(tx.conn, tx.now)
    was_paused = found.of_all is not None if job_id is None else job_id in found.of_jobs
    _end(tx, OverrideKind.PAUSE, job_id)
    if was_paused:
        incidents.look_again(tx, job_id)
    audit.record(tx, actor=by, action="resume", target=_target(job_id))
    return was_paused


def unmute(tx: Tx, job_id: str | None, *, by: Actor) -> bool:
    """End the mute of a job, or that of everything (None). Returns whether there was one.

    A mute of everything stays when one job is unmuted, and the other way round.
    """
    found = mutes(tx.conn, tx.now)
    was_muted = found.of_all is not None if job_id is None else job_id in found.of_jobs
    _end(tx, OverrideKind.MUTE, job_id)
    if was_muted:
        incidents.look_again(tx, job_id)
    audit.record(tx, actor=by, action="unmute", target=_target(job_id))
    return was_muted


def job_is_paused(conn: apsw.Connection, job_id: str, now: datetime) -> bool:
    """Whether a pause of this job, or of all, is in force."""
    return _is_in_force(conn, OverrideKind.PAUSE, job_id, now)


def _is_in_force(conn: apsw.Connection, kind: OverrideKind, job_id: str | None, now: datetime) -> bool:
    rows = conn.execute(
        f"SELECT {_END} FROM overrides WHERE {_of_job(kind)}",
        {"job": job_id, "at": to_text(now)},
    )
    ends = [_end_of(until, kind) for (until,) in rows]
    return any(end > now for end in ends)


def pauses(conn: apsw.Connection, now: datetime) -> Pauses:
    """All pauses in force, in one read."""
    in_force: dict[str | None, datetime] = {}
    ended: list[datetime] = []
    for job_id, until, ended_at in conn.execute(_PAUSES, {"at": to_text(now)}):
        end = _end_of(until if ended_at is None else ended_at)
        if ended_at is None and end > now:
            in_force[job_id] = end
        else:
            ended.append(end)
    of_all = in_force.pop(None, None)
    of_jobs = {job_id: end for job_id, end in in_force.items() if job_id is not None}
    return Pauses(of_jobs=of_jobs, of_all=of_all, last_end=max(ended, default=None))


# All that have not been ended, and of the others the one that was over last: by an index of pauses alone, for
# mutes and skips that have ended are many where people use them each day.
_PAUSES = f"""
SELECT job_id, {_END}, ended_at FROM overrides WHERE kind = 'pause' AND ended_at IS NULL
UNION ALL
SELECT * FROM (
  SELECT job_id, until, min(coalesce(ended_at, until), coalesce(until, ended_at))
  FROM overrides INDEXED BY overrides_over WHERE kind = 'pause' AND ended_at IS NOT NULL
    AND min(coalesce(ended_at, until), coalesce(until, ended_at)) > ''
  ORDER BY min(coalesce(ended_at, until), coalesce(until, ended_at)) DESC LIMIT 1)
"""


class Mutes(NamedTuple):
    """The mutes in force, each by its end (UTC); a mute without an end has UNTIL_RESUMED."""

    of_jobs: Mapping[str, datetime] = MappingProxyType({})
    """Those of single jobs, by job id."""
    of_all: datetime | None = None
    """The one of everything; None if there is none."""

    def end_of(self, job_id: str | None) -> datetime | None:
        """When the last of the mutes that hold for a job, or for what has none, ends; None if none does."""
        own = None if job_id is None else self.of_jobs.get(job_id)
        if own is None or self.of_all is None:
            return own or self.of_all
        return max(own, self.of_all)


def mutes(conn: apsw.Connection, now: datetime) -> Mutes:
    """All mutes in force, in one read."""
    in_force: dict[str | None, datetime] = {}
    rows = conn.execute(
        f"SELECT job_id, {_END} FROM overrides WHERE kind = 'mute' AND ended_at IS NULL", {"at": to_text(now)}
    )
    for job_id, until in rows:
        end = _end_of(until, OverrideKind.MUTE)
        if end > now:
            in_force[job_id] = end
    of_all = in_force.pop(None, None)
    return Mutes({job_id: end for job_id, end in in_force.items() if job_id is not None}, of_all)


def is_muted(conn: apsw.Connection, job_id: str | None, now: datetime) -> bool:
    """Whether a mute of this job, or of everything, is in force; None: of what has no job."""
    return _is_in_force(conn, OverrideKind.MUTE, job_id, now)


def paused_times(conn: apsw.Connection, job_id: str, first: datetime, last: datetime) -> list[PausedTime]:
    """The pauses of this job and of all that reach into [first, last], ended ones too."""
    bounds = {"job": job_id, "first": to_text(first), "last": to_text(last)}
    rows = [_paused_time(*row) for row in conn.execute(_PAUSED_TIMES, bounds)]
    return [paused for paused in rows if paused is not None]


def _paused_time(created_at: str, until: str | None, ended_at: str | None) -> PausedTime | None:
    """None where it cannot be read when the pause began or was ended: it may not hold for ever."""
    begin = time_or_none(created_at, "a pause", "created_at")
    ended = UNTIL_RESUMED if ended_at is None else time_or_none(ended_at, "a pause", "ended_at")
    return None if begin is None or ended is None else PausedTime(begin, min(_end_of(until), ended))


_PAUSED_TIMES = """
SELECT created_at, until, ended_at FROM overrides
WHERE kind = 'pause' AND (job_id = :job OR job_id IS NULL) AND created_at <= :last
  AND (until IS NULL OR until > :first) AND (ended_at IS NULL OR ended_at > :first)
"""


class Shown(NamedTuple):
    """A pause or a mute in force, as people look at it."""

    until: str | None
    """When it ends, as text; None: when a person ends it."""
    reason: str | None
    """Why it was made."""
    of_all: bool
    """Whether it is that of all jobs."""

    def lasts_until(self, kind: OverrideKind) -> datetime:
        """The same as an instant."""
        return _end_of(self.until, kind)


class InForce(NamedTuple):
    """The pauses, or the mutes, in force."""

    kind: OverrideKind
    """Which of both."""
    of_jobs: Mapping[str, Shown]
    """Those of single jobs, by job id."""
    of_all: Shown | None
    """The one of all jobs."""

    @property
    def is_any(self) -> bool:
        """Whether anything is."""
        return self.of_all is not None or bool(self.of_jobs)

    def of(self, job_id: str) -> Shown | None:
        """Of those that hold for a job the one that ends last; its own, if both end then."""
        own = self.of_jobs.get(job_id)
        if own is None or self.of_all is None:
            return own or self.of_all
        return max(own, self.of_all, key=lambda each: each.lasts_until(self.kind))


def in_force(conn: apsw.Connection, kind: OverrideKind, now: datetime) -> InForce:
    """All of a kind, in one read."""
    rows = conn.execute(
        f"SELECT job_id, {_END}, reason FROM overrides WHERE kind = :kind AND ended_at IS NULL",
        {"at": to_text(now), "kind": kind},
    )
    found = {job_id: Shown(until, reason, job_id is None) for job_id, until, reason in rows}
    found = {job_id: each for job_id, each in found.items() if each.lasts_until(kind) > now}
    return InForce(kind, found, found.pop(None, None))


def next_change(conn: apsw.Connection, now: datetime) -> datetime | None:
    """When the time alone makes another of what is paused, muted and skipped; None: it never does.

    ``now`` where it may at any moment: an end that a clock which was ahead has written moves along with now,
    and of one that is no time nothing is known.
    """
    first: str | None = conn.execute(_NEXT_CHANGE, {"at": to_text(now)}).get
    if first is None:
        return None
    return time_or_none(first, "an override", "until") or now


_NEXT_CHANGE: Final = f"""
SELECT min(CASE WHEN change NOT LIKE '____-__-__T__:__:__.___Z' OR coalesce({latest_end(PAUSES)} < change, 0)
  THEN :at ELSE change END)
FROM (
  SELECT CASE kind WHEN 'skip' THEN scheduled_for ELSE until END AS change, length_ms FROM overrides
  WHERE kind IN ('pause', 'mute', 'skip') AND ended_at IS NULL)
WHERE change > :at OR change NOT LIKE '____-__-__T__:__:__.___Z'
"""


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Delete pauses that ended before then, ``limit`` at most. Returns how many.

    A pause stays while an occurrence that fell into it may still have to be decided about: until each
    scheduled job that it held for has been decided about up to its end.
    """
    return prune_of_jobs(tx, OverrideKind.PAUSE, before, limit)


def prune_of_jobs(tx: Tx, kind: OverrideKind, before: datetime, limit: int) -> int:
    """The same of any kind that says which occurrences do not run."""
    tx.conn.execute(_PRUNE[kind], {"before": to_text(before), "limit": limit})
    return tx.conn.changes()


def prune_mutes(tx: Tx, before: datetime, limit: int) -> int:
    """Delete mutes that ended before then, ``limit`` at most. Returns how many."""
    tx.conn.execute(_PRUNE_MUTES, {"before": to_text(before), "limit": limit})
    return tx.conn.changes()


# One whose end was changed by hand to what is no time holds until it is resumed.
_HAS_END = "(ended_at IS NOT NULL OR until LIKE '____-__-__T__:__:__.___Z')"
# Up to its watermark, and up to when its schedule began to hold, nothing of a job will be decided about.
DECIDED = """
SELECT min(max(schedule_since, coalesce(decided_until, ''))) FROM jobs
WHERE deleted_at IS NULL AND enabled AND spec ->> '$.schedule' <> '[]'
"""
"""SQL: up to when all jobs have been decided about; of one alone with ``AND id = …``. Null: none is to be."""


def _prune_of(kind: OverrideKind) -> str:
    return f"""
DELETE FROM overrides WHERE id IN (
  SELECT id FROM (
    SELECT id, job_id AS its_job, min(coalesce(ended_at, until), coalesce(until, ended_at)) AS ended
    FROM overrides WHERE kind = '{kind}' AND {_HAS_END})
  WHERE ended < :before AND ended <= coalesce(
    CASE WHEN its_job IS NULL THEN ({DECIDED}) ELSE ({DECIDED} AND id = its_job) END, ended)
  ORDER BY ended LIMIT :limit)
"""


_PRUNE = {kind: _prune_of(kind) for kind in (OverrideKind.PAUSE, OverrideKind.SKIP)}
_PRUNE_MUTES = f"""
DELETE FROM overrides WHERE id IN (
  SELECT id FROM overrides
  WHERE kind = 'mute' AND {_HAS_END} AND min(coalesce(ended_at, until), coalesce(until, ended_at)) < :before
  ORDER BY min(coalesce(ended_at, until), coalesce(until, ended_at)) LIMIT :limit)
"""


def _end_of(until: str | None, kind: OverrideKind = OverrideKind.PAUSE) -> datetime:
    """When it ends. One whose end cannot be read holds until a person ends it."""
    end = None if until is None else time_or_none(until, f"a {kind}", "until")
    return UNTIL_RESUMED if end is None else end


def _end(tx: Tx, kind: OverrideKind, job_id: str | None) -> None:
    tx.conn.execute(
        "UPDATE overrides SET ended_at = ? WHERE job_id IS ? AND kind = ? AND ended_at IS NULL",
        (tx.at, job_id, kind),
    )


def _target(job_id: str | None) -> str:
    return audit.ALL_JOBS if job_id is None else f"job {job_id}"
