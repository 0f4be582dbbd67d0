"""How the live jobs stand against the manifests, and the plans that would bring them there."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal, Protocol, TypedDict, cast

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.config_change import ConfigChange
from jeeves_runner.core.inheritance import Consequence
from jeeves_runner.core.plan import Action, Change, Held, Key, Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.withheld import Withheld, WithheldBy
from jeeves_runner.db import revisions
from jeeves_runner.db.connection import snapshot

SyncWord = Literal["starting", "in_sync", "pending", "held", "blocked", "error", "unwatched"]
"""What ``SyncState`` says of a look at the manifests, and ``unwatched`` where no server takes one."""


class FieldDocument(TypedDict):
    """One field that an update changes, in the words of a manifest."""

    path: str
    """Its key, dotted within a mapping: ``env.TOKEN``, ``expect.finish_by``."""
    old: object
    """Its value; null where there is none."""
    new: object
    """Its value to be; null where there will be none."""


class ChangeDocument(TypedDict):
    """One row that a plan writes."""

    action: Annotated[str, Action]
    """What happens to the row."""
    kind: str
    """``job``, ``queue`` or ``node``."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    file: str
    """The manifest that declares it or, for a delete, did so."""
    line: int
    """The line of the file where it is declared, from 1."""
    drift: bool
    """Whether the row was changed by hand, so that this puts it back."""
    renamed_from: str | None
    """The id that the job had until now; null: the same."""
    fields: list[FieldDocument]
    """What an update changes."""


class ConsequenceDocument(TypedDict):
    """What a plan does to jobs that it does not change."""

    code: str
    """``hides_variable``: other jobs no longer inherit it. ``shows_variable``: all inherit it again.
    ``other_namespace``: a new job keeps its state under another name than its id."""
    variable: str
    """The name of the variable, or of the namespace."""
    message: str
    """The same in a sentence."""


class RowDocument(TypedDict):
    """A job, queue or node."""

    kind: str
    """``job``, ``queue`` or ``node``."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""


class WithheldDocument(TypedDict):
    """Changes that were found and are not applied, for one reason."""

    by: WithheldBy
    """What keeps them back: ``manual`` (the mode), ``source`` (the database belongs to another one),
    ``guard``, ``settling`` (deletes are too new), ``waiting`` (a commit hook has probably put the manifest
    back) or ``incomplete`` (deletes wait for broken manifests)."""
    rows: list[RowDocument]
    """What they are about."""
    reason: str
    """Why, as a sentence."""
    since: str | None
    """Since when the server keeps them back."""
    command: str | None
    """The command that applies them all the same; null where nothing but a change of what is wrong does."""


class HeldDocument(TypedDict):
    """A live row that keeps its last good spec because its manifest is broken."""

    kind: str
    """``job``, ``queue`` or ``node``."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    file: str
    """The manifest that the row was last applied from."""
    message: str
    """Why it is held."""
    since: str | None
    """Since when; null in a plan, and where no apply has recorded it."""


class ProblemDocument(TypedDict):
    """A mistake in a file, or a warning about it."""

    severity: Literal["error", "warning"]
    """A warning never holds anything."""
    code: str
    """The kind of mistake, in one word."""
    file: str
    """A manifest, relative to the project root; the config by its full path."""
    line: int
    """From 1."""
    column: int
    """From 1."""
    message: str
    """What is wrong."""
    hint: str | None
    """What to do about it."""


class ConfigChangeDocument(TypedDict):
    """How the config file differs from what the server goes by, which read it when it started."""

    path: str
    """The file."""
    since: str | None
    """When that was first seen."""
    settings: list[str]
    """The settings that it says otherwise, as it names them; none where it cannot be used."""
    problem: str | None
    """Why it cannot be used, what to do, and what a restart would do; null: it can."""


class SyncDocument(TypedDict):
    """What the last look at the manifests found, and what it left undone."""

    state: SyncWord
    """The summary in a word."""
    since: str | None
    """Since when that is the state; null where no server looks."""
    revision: int
    """The newest revision; 0 before the first."""
    commit: str | None
    """The commit that it records."""
    checked_at: str | None
    """When the last look ended; where no server looks, when the newest revision was applied."""
    held: list[HeldDocument]
    """The rows that keep an older spec."""
    problems: list[ProblemDocument]
    """What is wrong with the manifests."""
    plan: list[ChangeDocument]
    """The changes that wait."""
    consequences: list[ConsequenceDocument]
    """What these do besides."""
    withheld: list[WithheldDocument]
    """Why they wait, since when, and how to apply them; deletes that wait for broken manifests as well."""
    reason: str | None
    """The same in one sentence, or what went wrong."""
    config: ConfigChangeDocument | None
    """How the config file differs from what the server goes by; null: not at all, or no server looks."""


class SyncSummary(TypedDict):
    """The same with counts in the place of lists."""

    state: SyncWord
    """The summary in a word."""
    since: str | None
    """Since when that is the state; null where no server looks."""
    revision: int
    """The newest revision; 0 before the first."""
    commit: str | None
    """The commit that it records."""
    checked_at: str | None
    """When the last look ended."""
    reason: str | None
    """Why changes wait, or what went wrong."""
    held: int
    """How many rows keep an older spec."""
    problems: int
    """How many problems the manifests have."""
    changes: int
    """How many changes wait."""
    withheld: int
    """For how many reasons changes are not applied."""
    config: ConfigChangeDocument | None
    """As in /sync."""


class PlanDocument(TypedDict):
    """A plan: what ``diff`` and ``apply`` print of it."""

    base: int
    """The revision that it is made for."""
    complete: bool
    """Whether all manifests could be read; if not, it deletes nothing."""
    changes: list[ChangeDocument]
    """The rows to write."""
    consequences: list[ConsequenceDocument]
    """What that does besides."""
    held: list[HeldDocument]
    """The rows that keep an older spec."""
    suspended: list[RowDocument]
    """The rows that no manifest declares, and that stay because the plan is not complete."""
    problems: list[ProblemDocument]
    """What is wrong with the manifests."""


class ConfigFile(Protocol):
    """What a server knows of its config file."""

    @property
    def change(self) -> ConfigChange | None: ...

    @property
    def since(self) -> datetime | None: ...


class LastLook(Protocol):
    """What a server knows of its last look at the manifests."""

    @property
    def state(self) -> SyncWord: ...

    @property
    def since(self) -> datetime | None: ...

    @property
    def revision(self) -> int: ...

    @property
    def commit(self) -> str | None: ...

    @property
    def checked_at(self) -> datetime | None: ...

    @property
    def plan(self) -> Plan: ...

    @property
    def withheld(self) -> Sequence[Withheld]: ...

    @property
    def reason(self) -> str | None: ...


def sync_view(look: LastLook, file: ConfigFile | None = None) -> SyncDocument:
    """The document of a server that watches the manifests.

    Where ``file`` has changed since the server read it, all is not in sync: a restart is to come.
    """
    change = None if file is None else file.change
    state, since, reason = look.state, look.since, look.reason
    if file is not None and change is not None and state == "in_sync":
        state, since, reason = "pending", file.since, reason or str(change)
    return {
        "state": state,
        "since": None if since is None else to_text(since),
        "revision": look.revision,
        "commit": look.commit,
        "checked_at": None if look.checked_at is None else to_text(look.checked_at),
        "held": held_view(look.plan.held),
        "problems": problems_view(look.plan.problems),
        "plan": _changes(look.plan.changes),
        "consequences": consequences_view(look.plan.consequences),
        "withheld": [
            {
                "by": entry.by,
                "rows": _rows(entry.keys),
                "reason": entry.reason,
                "since": None if entry.since is None else to_text(entry.since),
                "command": entry.command,
            }
            for entry in look.withheld
        ],
        "reason": reason,
        "config": None if file is None or change is None else _config_change(change, file.since),
    }


def _config_change(change: ConfigChange, since: datetime | None) -> ConfigChangeDocument:
    return {
        "path": str(change.path),
        "since": None if since is None else to_text(since),
        "settings": list(change.settings),
        "problem": change.problem,
    }


def recorded_sync(conn: apsw.Connection, reason: str | None) -> SyncDocument:
    """The same as far as the database tells it when no server watches the manifests."""
    with snapshot(conn):
        number = revisions.head(conn)
        revision = revisions.revision(conn, number)
        held = held_view(revisions.held_rows(conn))
    return {
        "state": "held" if held else "unwatched",
        "since": None,
        "revision": number,
        "commit": revision and revision["commit"],
        "checked_at": revision and revision["applied_at"],
        "held": held,
        "problems": [],
        "plan": [],
        "consequences": [],
        "withheld": [],
        "reason": reason,
        "config": None,
    }


def sync_summary(sync: SyncDocument) -> SyncSummary:
    """What /status tells of it."""
    return {
        "state": sync["state"],
        "since": sync["since"],
        "revision": sync["revision"],
        "commit": sync["commit"],
        "checked_at": sync["checked_at"],
        "reason": sync["reason"],
        "held": len(sync["held"]),
        "problems": len(sync["problems"]),
        "changes": len(sync["plan"]),
        "withheld": len(sync["withheld"]),
        "config": sync["config"],
    }


def unborn_errors(sync: SyncDocument) -> list[ProblemDocument]:
    """The errors in manifests that hold nothing live: what these declare has never been applied."""
    held = {row["file"] for row in sync["held"]}
    return [p for p in sync["problems"] if p["severity"] == "error" and p["file"] not in held]


def plan_view(plan: Plan) -> PlanDocument:
    """A plan with its changes."""
    return {
        "base": plan.base,
        "complete": plan.complete,
        "changes": _changes(plan.changes),
        "consequences": consequences_view(plan.consequences),
        "held": held_view(plan.held),
        "suspended": _rows(plan.suspended),
        "problems": problems_view(plan.problems),
    }


def problems_view(problems: Iterable[Problem]) -> list[ProblemDocument]:
    """Problems as they are also recorded with the manifests."""
    return [_problem(problem) for problem in problems]


@lru_cache(maxsize=256)
def _problem(problem: Problem) -> ProblemDocument:
    """Kept, because /status counts the same problems each time."""
    return cast(ProblemDocument, problem.as_json())


def held_view(held: Iterable[Held]) -> list[HeldDocument]:
    """Held rows."""
    return [
        {"kind": row.kind, "id": row.id, "file": row.file, "message": row.message, "since": row.since}
        for row in held
    ]


def _rows(keys: Iterable[Key]) -> list[RowDocument]:
    return [{"kind": kind, "id": name} for kind, name in keys]


def _changes(changes: Sequence[Change]) -> list[ChangeDocument]:
    """Changes as they are also recorded with their revision."""
    return [cast(ChangeDocument, change.as_json()) for change in changes]


def consequences_view(found: Iterable[Consequence]) -> list[ConsequenceDocument]:
    """As a plan and a revision have them."""
    return [{"code": each.code, "variable": each.variable, "message": each.message} for each in found]
