"""The difference between declared and live, as a value.

``difference.diff`` takes what the manifests declare and what the database holds, and returns a frozen
``Plan``.
Judging its deletes (``delete_guard``), printing and applying it happen elsewhere.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from jeeves_runner.core.edge_spec import PLAIN, Edge, Traits
from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.core.inheritance import Consequence, Patterns, Taken, consequences
from jeeves_runner.core.manifest.requirements import JobFile
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.wording import first_few

Key = tuple[str, str]
"""``(kind, id)``, where kind is ``job``, ``queue`` or ``node``; the id of a node is ``KIND:ID``."""


_NONE_TAKEN: Final = Taken()

_NEVER_RENAMED: Final = '"renamed_from":[]'
"""What the specs of most jobs hold, which need not be read for it."""


class Action(StrEnum):
    """What a change does to a row."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"

    @property
    def symbol(self) -> str:
        return {"create": "+", "update": "~", "delete": "-"}[self]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One row to write."""

    action: Action
    """What happens to the row."""
    kind: str
    """``job``, ``queue`` or ``node``."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    file: str
    """The manifest that declares it or, for a delete, did so; relative to the project root."""
    line: int
    """The line of ``file`` where it is declared, from 1."""
    drift: bool = False
    """Whether the row was changed by hand, so that this update puts it back."""
    renamed_from: str | None = None
    """The id of the live job that an update gives the id ``id``; None: it keeps its own."""
    text: str | None = None
    """The spec as canonical JSON; None for a delete."""
    digest: str | None = None
    """The hash of ``text``, 32 hex digits; None for a delete."""
    scripts: tuple[JobFile, ...] = ()
    """The files that say what a job does."""
    takes: frozenset[str] = frozenset()
    """The variables of the runner's environment that a job takes as secrets."""
    edges: tuple[Edge, ...] = ()
    """What a job is tied to from now on."""
    traits: Traits = PLAIN
    """What else checks across manifests ask of it from now on."""
    fields: tuple[FieldChange, ...] = ()
    """What an update changes; empty until it is worked out for showing."""

    @property
    def key(self) -> Key:
        return (self.kind, self.id)

    @property
    def live_id(self) -> str:
        """The id of the live row that it is about; of a new one, the id that it will have."""
        return self.renamed_from or self.id

    def with_fields(self, fields: Iterable[FieldChange]) -> "Change":
        """The same change, with these fields added to what it changes."""
        return replace(self, fields=(*self.fields, *fields))

    def as_json(self) -> dict[str, Any]:
        return {
            "action": str(self.action),
            "kind": self.kind,
            "id": self.id,
            "file": self.file,
            "line": self.line,
            "drift": self.drift,
            "renamed_from": self.renamed_from,
            "fields": [field._asdict() for field in self.fields],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A live row that keeps its last good spec because its manifest is broken."""

    kind: str
    """``job``, ``queue`` or ``node``."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    file: str
    """The manifest that the row was last applied from, relative to the project root."""
    message: str
    """Why it is held, in a sentence."""
    since: str | None = field(default=None, compare=False)
    """Since when, in the database's form of times; None where no apply has recorded it."""


class WaitingFile(NamedTuple):
    """A manifest whose text is not to be believed yet."""

    file: str
    """Its path, relative to the project root."""
    message: str
    """Why it waits, and what ends that, in a sentence."""


class Moved(NamedTuple):
    """A row that is the same but for the line it stands on."""

    kind: str
    """``job``, ``queue`` or ``node``."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    file: str
    """The manifest that declares it, relative to the project root."""
    line: int
    """The line of ``file`` where it stands now, from 1."""


class FileRecord(NamedTuple):
    """What to remember of a manifest without errors, of which nothing is held or waits to be deleted."""

    path: str
    """Relative to the project root."""
    digest: str
    """The hash of its text, of the defaults above it and of all else that gives it its meaning."""
    entries: int
    """How many jobs, queues and nodes it declares."""
    problems: tuple[Problem, ...] = ()
    """Its warnings, shown again while the file stays as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All there is to do to make the live rows what the manifests declare."""

    base: int = 0
    """The revision that the plan is made for; it can be applied to no other."""
    fingerprint: str = ""
    """A hash of all manifests, 32 hex digits: two plans with the same one read the same files."""
    changes: tuple[Change, ...] = ()
    """The rows to write, by kind and id."""
    problems: tuple[Problem, ...] = ()
    """Errors and warnings of all manifests, by file, line and column."""
    complete: bool = True
    """False when a manifest has an error; the plan then holds no deletes."""
    held: tuple[Held, ...] = ()
    """Live rows that keep their last good spec because their manifest is broken."""
    waiting: tuple[WaitingFile, ...] = ()
    """Manifests whose changes are to wait. They are in ``changes`` all the same."""
    invalid: Mapping[Key, str] = field(default_factory=dict)
    """What is not live because of an error, by kind and id: the manifest that declares it, and why not."""
    suspended: tuple[Key, ...] = ()
    """Live rows that no manifest declares, by kind and id: deleted once the plan is complete."""
    declared: Mapping[str, int] = field(default_factory=dict)
    """How many jobs, queues and nodes the manifests declare, by kind."""
    manifests: int = 0
    """How many manifests there are, unreadable ones included."""
    relined: tuple[Moved, ...] = ()
    """Rows that only stand on another line; these are no changes."""
    files: tuple[FileRecord, ...] = ()
    """Manifests to remember as read without errors."""
    forgotten: tuple[str, ...] = ()
    """Paths of manifests to remember no longer."""
    inherit_env: Patterns = None
    """Which variables of the runner's environment jobs may inherit; None: all."""
    taken: Taken = _NONE_TAKEN
    """Which of them the live jobs take as secrets; empty until it is read for showing."""
    clashes: Mapping[str, Consequence] = field(default_factory=dict)
    """New jobs whose id is another's namespace, by id; empty until it is read for showing."""

    @property
    def consequences(self) -> tuple[Consequence, ...]:
        """What the changes do to jobs besides; of a plan that was worked out for showing."""
        jobs = [change for change in self.changes if change.kind == "job"]
        if not jobs:
            return ()
        variables = dict(self.taken.by_job)
        for change in jobs:
            variables.pop(change.live_id, None)
            if change.takes:
                variables[change.id] = change.takes
        more = len(self.of(Action.CREATE, "job")) - len(self.of(Action.DELETE, "job"))
        after = Taken(self.taken.jobs + more, variables)
        clashes = (self.clashes[change.id] for change in jobs if change.id in self.clashes)
        return (*consequences(self.taken, after, self.inherit_env), *clashes)

    def of(self, action: Action, kind: str | None = None) -> list[Change]:
        """The changes of one action, optionally of one kind."""
        return [c for c in self.changes if c.action is action and kind in (None, c.kind)]

    def keys(self) -> set[Key]:
        """What the changes are about."""
        return {c.key for c in self.changes}

    def without(self, keys: Iterable[Key]) -> "Plan":
        """The same plan without these changes; their files are read again at the next look."""
        left_out = frozenset(keys)
        files = {c.file for c in self.changes if c.key in left_out}
        return replace(
            self,
            changes=tuple(c for c in self.changes if c.key not in left_out),
            files=tuple(record for record in self.files if record.path not in files),
            forgotten=tuple(dict.fromkeys((*self.forgotten, *sorted(files)))),
        )

    def without_deletes(self) -> "Plan":
        """The same plan with nothing removed."""
        return self.without(c.key for c in self.of(Action.DELETE))

    def without_waiting(self) -> "Plan":
        """The same plan with nothing of the manifests that wait: they stay known as they were applied."""
        files = {waiting.file for waiting in self.waiting}
        if not files:
            return self
        return replace(
            self,
            changes=tuple(c for c in self.changes if c.file not in files),
            relined=tuple(moved for moved in self.relined if moved.file not in files),
            files=tuple(record for record in self.files if record.path not in files),
            forgotten=tuple(path for path in self.forgotten if path not in files),
        )

    def why_waiting(self, changes: "Iterable[Change]") -> str | None:
        """Why the manifests of these changes wait; None if none of them does."""
        files = {change.file for change in changes}
        reasons = list(dict.fromkeys(w.message for w in self.waiting if w.file in files))
        if not reasons:
            return None
        if (others := len(reasons) - 1) == 0:
            return reasons[0]
        return f"{reasons[0]}; {others} more {'manifest waits' if others == 1 else 'manifests wait'} likewise"


class Declaration(NamedTuple):
    """One thing that a manifest declares."""

    kind: str
    """``job``, ``queue`` or ``node``."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    digest: str
    """The hash of ``text``, 32 hex digits."""
    file: str
    """The manifest, relative to the project root."""
    line: int
    """The line of ``file`` where it is declared, from 1."""
    text: str
    """The spec as canonical JSON."""
    scripts: tuple[JobFile, ...] = ()
    """The files that say what a job does."""
    edges: tuple[Edge, ...] = ()
    """Of a job, what it is tied to."""
    traits: Traits = PLAIN
    """What else checks across manifests ask of it."""

    @property
    def renamed_from(self) -> tuple[str, ...]:
        """The ids that a job had before."""
        return renamed_from(self.text)


class LiveRow(NamedTuple):
    """What the database holds of one declared thing."""

    digest: str
    """The hash of the spec it was last applied with, 32 hex digits."""
    file: str
    """The manifest it was last applied from, relative to the project root."""
    line: int
    """The line of ``file`` where it is declared, from 1."""
    drifted: bool = False
    """Whether it was changed by hand since."""
    scripts: tuple[JobFile, ...] = ()
    """The files that say what a job does."""
    text: str | None = None
    """Of a drifted row, its spec as canonical JSON, if that at least is as the last apply wrote it."""
    size: int = 0
    """Bytes of its spec in UTF-8."""
    renamed_from: tuple[str, ...] = ()
    """The ids that a job says it had before."""
    edges: tuple[Edge, ...] = ()
    """What a job is tied to, sorted."""
    traits: Traits = PLAIN
    """What else checks across manifests ask of it."""


def renamed_from(text: str) -> tuple[str, ...]:
    """The ids that the job of a canonical spec had before."""
    if _NEVER_RENAMED in text:
        return ()
    return tuple(json.loads(text).get("renamed_from") or ())


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldReasons:
    """Which live rows broken manifests protect, each with the reason in a sentence."""

    keys: Mapping[Key, str] = field(default_factory=dict)
    """Single rows to hold, whatever file they came from."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Manifests by path: every row last applied from them is held that no other file declares now."""


_DONE: Final = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}


def summary(plan: Plan) -> str:
    """What an apply of the plan did: ``2 created, 1 updated, 0 deleted``."""
    return ", ".join(f"{len(plan.of(action))} {word}" for action, word in _DONE.items())


def named_summary(plan: Plan) -> str:
    """The same by name: ``created a, queue mail; deleted b, c, d, e, f and 7 more``."""
    parts = ((word, [_name(each) for each in plan.of(action)]) for action, word in _DONE.items())
    return "; ".join(f"{word} {first_few(names)}" for word, names in parts if names) or "no changes"


def _name(change: Change) -> str:
    """A job by its id alone, what else there is with its kind."""
    if change.kind != "job":
        return f"{change.kind} {change.id}"
    return change.id if change.renamed_from is None else f"{change.id} (was {change.renamed_from})"
