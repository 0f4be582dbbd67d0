"""Deletes that commits allow by their trailer: asked for only where a guard refuses a number of deletes."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import apsw

from jeeves_runner.core.origin import Commit
from jeeves_runner.core.plan import Plan
from jeeves_runner.db import revisions
from jeeves_runner.reconcile.apply import ApplyOptions, refusals_of
from jeeves_runner.sources.contract import Trace


class CommitRange(NamedTuple):
    """The commits that are asked."""

    head: str
    """The one that the manifests stand at."""
    since: str | None
    """Those after this one, which was applied last; None: ``head`` alone."""


def commits_to_ask(
    conn: apsw.Connection, plan: Plan, options: ApplyOptions, commit: Commit | None, now: datetime
) -> CommitRange | None:
    """None where no commit is needed, or none counts: the tree differs from it, or a person gave a number."""
    if commit is None or commit.is_dirty or options.confirmed.deletes is not None:
        return None
    refusals = refusals_of(conn, plan, options.confirmed, now)
    if not any(refusal.wants_a_number for refusal in refusals):
        return None
    return CommitRange(commit.sha, revisions.commit_before(conn, commit.sha))


def with_allowances(
    conn: apsw.Connection, plan: Plan, options: ApplyOptions, trace: Trace, now: datetime
) -> ApplyOptions:
    """The options of a command, with what the commits allow where that is needed."""
    if not refusals_of(conn, plan, options.confirmed, now):
        return options
    asked = commits_to_ask(conn, plan, options, options.source.commit(trace), now)
    if asked is None:
        return options
    return replace(options, allowances=options.source.allowances(asked.head, asked.since))
