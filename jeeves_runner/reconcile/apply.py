"""Read what is live for a planner, and write the plan it makes as a revision."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.delete_guard import (
    MEMORY,
    NOTHING_CONFIRMED,
    Confirmed,
    GuardFacts,
    Refusal,
    explained,
    guard,
)
from jeeves_runner.core.field_changes import FieldChange, changed_fields, recorded_fields
from jeeves_runner.core.live import Live
from jeeves_runner.core.origin import Actor, Allowance, AppliedBy, Commit, SourceId
from jeeves_runner.core.plan import Action, Change, Held, Plan
from jeeves_runner.db import (
    after,
    alerting,
    audit,
    declared_jobs,
    edges,
    jobs,
    namespaces,
    nodes,
    queue_triggers,
    queues,
    renames,
    revisions,
)
from jeeves_runner.db.connection import Tx, snapshot
from jeeves_runner.db.renames import Rename
from jeeves_runner.db.run_ends import cancel_waiting_of_stopped_jobs
from jeeves_runner.errors import BaseMoved, Refused, SourceMismatch
from jeeves_runner.sources.contract import Source

_TABLES: Final = {"job": declared_jobs.TABLE, "queue": queues.TABLE, "node": nodes.TABLE}

_ALLOW: Final = "allow deletes"
"""What the audit says of a commit whose trailer has been used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What an apply did."""

    revision: int | None
    """The revision it wrote; None: there was no change to record."""
    plan: Plan
    """The plan it carried out."""
    refusals: tuple[Refusal, ...] = ()
    """The deletes that it has left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplyOptions:
    """Who applies, from where, and what a person has confirmed."""

    applied_by: AppliedBy
    """What applies, as the revision records it."""
    source: Source
    """Where the manifests come from."""
    take_over: bool = False
    """Whether a database of another source is switched over to this one."""
    confirmed: Confirmed = NOTHING_CONFIRMED
    """The deletes that a person has confirmed."""
    allowances: tuple[Allowance, ...] = ()
    """What the commits since the last apply allow to be deleted, should it be needed; each counts once."""
    leave_refused: bool = False
    """Whether refused deletes are left out; else they stop the whole apply."""
    by: Actor | None = None
    """The person who applies, whom the audit names; None: the server does it by itself."""

    @property
    def actor(self) -> Actor:
        """Who is on record for what the apply does besides."""
        return self.by or Actor(self.applied_by)


def read_live(conn: apsw.Connection) -> Live:
    """All the planner needs to know of the database, as of one moment."""
    with snapshot(conn):
        rows = {(kind, name): row for kind, table in _TABLES.items() for name, row in table.live_rows(conn)}
        return Live(revisions.head(conn), rows, revisions.known_files(conn), namespaces.kept(conn))


def with_fields(conn: apsw.Connection, plan: Plan) -> Plan:
    """The plan with what is to be shown of it: what each update changes, field by field, and which variables
    the live jobs take, from which its consequences follow."""
    if any(change.kind == "job" for change in plan.changes):
        clashes = namespaces.clashes(conn, [c.id for c in plan.of(Action.CREATE, "job")])
        plan = replace(
            plan,
            taken=jobs.variables_taken(conn),
            clashes={each.job_id: each.as_consequence() for each in clashes},
        )
    updates = plan.of(Action.UPDATE)
    if not updates:
        return plan
    old = {
        kind: table.spec_texts(conn, [c.live_id for c in updates if c.kind == kind])
        for kind, table in _TABLES.items()
    }
    described = (_described(conn, c, old[c.kind].get(c.live_id, "{}")) for c in plan.changes)
    return replace(plan, changes=tuple(described))


def _described(conn: apsw.Connection, change: Change, old: str) -> Change:
    if change.action is not Action.UPDATE or change.text is None:
        return change
    fields = changed_fields(old, change.text)
    if change.drift and not fields:
        drifted = _TABLES[change.kind].drifted_columns(conn, change.id, change.text)
        fields = recorded_fields(FieldChange(path=path, old=old, new=new) for path, old, new in drifted)
    return change.with_fields(fields)


def check_source(conn: apsw.Connection, source: Source) -> None:
    """SourceMismatch when the database belongs to another source."""
    recorded = revisions.recorded_source(conn)
    if recorded is not None and not source.is_same(recorded):
        here, there = source.identity, recorded
        raise SourceMismatch(
            f"this database belongs to the manifests in {_name(there, here)}, not to {_name(here, there)}",
            hint="use another db_path, or switch it over with `jeeves-runner apply --take-over`",
        )


def _name(source: SourceId, beside: SourceId) -> str:
    """The source's location; beside one of another kind, its kind as well."""
    return source.location if source.kind == beside.kind else f"{source.kind} {source.location}"


def _is_to_be_recorded(recorded: SourceId | None, options: ApplyOptions) -> bool:
    """Whether the apply changes which source the database belongs to, or the path it is known by."""
    source = options.source
    if recorded is None or not source.is_same(recorded):
        return True
    return options.take_over and recorded != source.identity


def refusals_of(
    conn: apsw.Connection, plan: Plan, confirmed: Confirmed, now: datetime
) -> tuple[Refusal, ...]:
    """What the guard says against this plan's deletes."""
    deletes = plan.of(Action.DELETE)
    if not deletes:
        return ()
    facts = GuardFacts(
        live=frozenset(jobs.live_ids(conn)),
        gone=jobs.gone_ids(conn, now, MEMORY),
        busy_queues=queues.busy_queues(conn, [c.id for c in deletes if c.kind == "queue"]),
    )
    return guard(plan, facts, confirmed)


def _judge(
    conn: apsw.Connection, plan: Plan, options: ApplyOptions, now: datetime
) -> tuple[tuple[Refusal, ...], tuple[Allowance, ...]]:
    """What the guard says, and the allowances that it took for it."""
    refusals = refusals_of(conn, plan, options.confirmed, now)
    if not options.allowances or not any(refusal.wants_a_number for refusal in refusals):
        return refusals, ()
    spent = audit.recorded(conn, _ALLOW, [_commit(each) for each in options.allowances])
    left = tuple(each for each in options.allowances if _commit(each) not in spent)
    if not left:
        return refusals, ()
    allowed = Confirmed(sum(each.deletes for each in left))
    refusals = refusals_of(conn, plan, options.confirmed.joined(allowed), now)
    return refusals, () if any(refusal.wants_a_number for refusal in refusals) else left


def _commit(allowance: Allowance) -> str:
    return f"commit {allowance.sha}"


def held_since(conn: apsw.Connection, plan: Plan) -> tuple[Held, ...]:
    """What the plan holds, with the time since when the database knows of it."""
    if not plan.held:
        return ()
    known = {(row.kind, row.id): row.since for row in revisions.held_rows(conn)}
    return tuple(replace(row, since=known.get((row.kind, row.id))) for row in plan.held)


def needs_writing(conn: apsw.Connection, plan: Plan, options: ApplyOptions) -> bool:
    """Whether applying the plan would write anything at all."""
    return bool(
        plan.changes
        or plan.relined
        or plan.files
        or plan.forgotten
        or list(plan.held) != revisions.held_rows(conn)
        or _is_to_be_recorded(revisions.recorded_source(conn), options)
    )


def apply_plan(tx: Tx, plan: Plan, options: ApplyOptions, commit: Commit | None = None) -> Applied:
    """Write the plan in the caller's transaction.

    BaseMoved when another apply came since the plan was made, SourceMismatch and Refused when a
    guard stands in the way; nothing is written then. With ``leave_refused`` all else is.
    """
    if revisions.head(tx.conn) != plan.base:
        raise BaseMoved("another apply came first", hint="run it again")
    if not options.take_over:
        check_source(tx.conn, options.source)
    refusals, used = _judge(tx.conn, plan, options, tx.now)
    if refusals and not options.leave_refused:
        raise Refused(explained(refusals, options.confirmed), hint="nothing was changed")
    plan = plan.without(key for refusal in refusals for key in refusal.keys)
    for allowance in used:
        audit.record(
            tx,
            actor=options.actor,
            action=_ALLOW,
            target=_commit(allowance),
            detail=f"at most {allowance.deletes}",
        )
    before = revisions.recorded_source(tx.conn)
    if _is_to_be_recorded(before, options):
        after = options.source.identity
        revisions.record_source(tx, after)
        if before is not None:
            audit.record(
                tx,
                actor=options.actor,
                action="take over",
                target=f"source {_name(after, before)}",
                detail=f"was {_name(before, after)}",
            )
    revision = _write_changes(tx, plan, options, commit) if plan.changes else None
    if revision is not None and options.by is not None:
        audit.record(tx, actor=options.by, action="apply", target=f"revision {revision}")
    for kind, table in _TABLES.items():
        table.move_lines(tx, ((row.id, row.line) for row in plan.relined if row.kind == kind))
    revisions.remember_files(tx, plan.files, plan.forgotten)
    if list(plan.held) != revisions.held_rows(tx.conn):
        revisions.replace_held(tx, plan.held)
    return Applied(revision=revision, plan=plan, refusals=refusals)


def _write_changes(tx: Tx, plan: Plan, options: ApplyOptions, commit: Commit | None) -> int:
    revision = revisions.insert_revision(tx, plan, options.applied_by, commit)
    renames.rename(tx, [Rename(c.renamed_from, c.id) for c in plan.changes if c.renamed_from], revision)
    namespaces.settle(tx, [c.id for c in plan.of(Action.CREATE, "job")])
    for kind, table in _TABLES.items():
        changes = [c for c in plan.changes if c.kind == kind]
        table.upsert(tx, (c for c in changes if c.action is not Action.DELETE), revision)
        table.tombstone(tx, (c.id for c in changes if c.action is Action.DELETE), revision)
    of_jobs = [c for c in plan.changes if c.kind == "job"]
    edges.write(tx, of_jobs)
    after.declare(tx, of_jobs)
    queue_triggers.end_rest(tx, [c.id for c in of_jobs if not c.renamed_from])
    revisions.close_revision(tx, revision)
    # A new job has no waiting runs, and one that comes back lost them when it was deleted.
    stopped = [c.id for c in plan.changes if c.kind == "job" and c.action is not Action.CREATE]
    stopped += [c.renamed_from for c in plan.changes if c.renamed_from]
    if stopped:
        cancel_waiting_of_stopped_jobs(tx, stopped)
        alerting.close_of_stopped_jobs(tx, stopped)
        alerting.tell_refused(tx, job_ids=stopped)
    return revision


def refusal_of(conn: apsw.Connection, plan: Plan, options: ApplyOptions, clock: Clock) -> str | None:
    """Why an apply of this plan would be refused now, or None."""
    try:
        check_source(conn, options.source)
    except SourceMismatch as mismatch:
        return mismatch.message
    refusals, _ = _judge(conn, plan, options, clock.now())
    return explained(refusals, options.confirmed) if refusals else None
