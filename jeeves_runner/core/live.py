"""What the database holds of declared things, and what an apply changes of it.

With these a planner in another process stays up to date without being sent everything again.
"""

from collections.abc import Iterator
from typing import NamedTuple

from jeeves_runner.core.manifest.requirements import JobFile
from jeeves_runner.core.namespaces import Namespaces
from jeeves_runner.core.plan import Action, Change, FileRecord, Key, LiveRow, Plan, renamed_from


class Live(NamedTuple):
    """What is declared and applied, as of one revision."""

    base: int
    """The newest revision; 0 before the first."""
    rows: dict[Key, LiveRow]
    """Every live job, queue and node."""
    files: dict[str, FileRecord]
    """The manifests that were applied without errors, by path relative to the project root."""
    namespaces: dict[str, str]
    """The namespaces that are not their job's id, by id; of deleted jobs too."""

    @classmethod
    def nothing(cls) -> "Live":
        """What an empty database holds."""
        return cls(0, {}, {}, {})

    def names(self) -> Namespaces:
        """The namespace of each job that is, was or will be."""
        return Namespaces(self.namespaces, {name for kind, name in self.rows if kind == "job"})

    def scripts(self) -> Iterator[tuple[JobFile, str]]:
        """``(file, manifest)`` of the files that say what jobs do."""
        return ((script, row.file) for row in self.rows.values() for script in row.scripts)

    def advance(self, delta: "Delta") -> "Live":
        """What is live after an apply. The mappings change in place: copying thousands of rows costs."""
        for key, row in delta.rows:
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        for key, line in delta.lines:
            self.rows[key] = self.rows[key]._replace(line=line)
        for path, record in delta.files:
            if record is None:
                self.files.pop(path, None)
            else:
                self.files[path] = record
        for old, new in delta.renamed:
            kept = self.namespaces.pop(old, old)
            self.namespaces.pop(new, None)
            if kept != new:
                self.namespaces[new] = kept
        if delta.made and self.namespaces:
            names = Namespaces(self.namespaces, ())
            found = {job_id: names.of(job_id) for job_id in delta.made}
            self.namespaces.update((job_id, name) for job_id, name in found.items() if name != job_id)
        return self._replace(base=delta.base)


class Delta(NamedTuple):
    """What one apply changed."""

    base: int
    """The newest revision after the apply."""
    rows: tuple[tuple[Key, LiveRow | None], ...]
    """Rows that were written, and None for each that is gone."""
    lines: tuple[tuple[Key, int], ...]
    """Rows that only stand on another line now, with that line."""
    files: tuple[tuple[str, FileRecord | None], ...]
    """Manifests to remember, and None for each to forget, by path."""
    renamed: tuple[tuple[str, str], ...]
    """Jobs that got another id: the old one and the new one."""
    made: tuple[str, ...]
    """Jobs that were not live before, by id."""

    @classmethod
    def of(cls, plan: Plan, base: int) -> "Delta":
        """What applying ``plan`` changed; ``base`` is the newest revision after it."""
        renamed = tuple((each.renamed_from, each.id) for each in plan.changes if each.renamed_from)
        left = ((("job", old), None) for old, _ in renamed)
        rows = (
            (change.key, None if change.action is Action.DELETE else _row(change)) for change in plan.changes
        )
        gone: list[tuple[str, FileRecord | None]] = [(path, None) for path in plan.forgotten]
        return cls(
            base,
            (*left, *rows),
            tuple(((moved.kind, moved.id), moved.line) for moved in plan.relined),
            (*gone, *((record.path, record) for record in plan.files)),
            renamed,
            tuple(change.id for change in plan.of(Action.CREATE, "job")),
        )


def _row(change: Change) -> LiveRow:
    text = change.text or ""
    return LiveRow(
        change.digest or "",
        change.file,
        change.line,
        scripts=change.scripts,
        size=len(text.encode()),
        renamed_from=() if change.kind != "job" else renamed_from(text),
        edges=tuple(sorted(change.edges)),
        traits=change.traits,
    )
