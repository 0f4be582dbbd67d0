"""What the database holds of declared things, as a value that can be kept up to date by small steps."""

from collections.abc import Iterator
from typing import NamedTuple

from jeeves_runner.core.plan import Action, FileRecord, Key, LiveRow, Plan


class Live(NamedTuple):
    """All live rows as of revision ``base``, and ``files``: the manifests applied without errors."""

    base: int
    rows: dict[Key, LiveRow]
    files: dict[str, FileRecord]

    @classmethod
    def nothing(cls) -> "Live":
        """What an empty database holds."""
        return cls(0, {}, {})

    def scripts(self) -> Iterator[tuple[str, str]]:
        """``(script path, manifest)`` of the jobs that name a file to run."""
        return ((row.script, row.file) for row in self.rows.values() if row.script is not None)

    def advance(self, delta: "Delta") -> "Live":
        """What is live after an apply. Changes this value's mappings rather than copy thousands of rows."""
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
        return self._replace(base=delta.base)


class Delta(NamedTuple):
    """What one apply changed: rows and files by key, None for what is gone."""

    base: int
    rows: tuple[tuple[Key, LiveRow | None], ...]
    lines: tuple[tuple[Key, int], ...]
    files: tuple[tuple[str, FileRecord | None], ...]

    @classmethod
    def of(cls, plan: Plan, base: int) -> "Delta":
        """The delta that applying ``plan`` was; ``base`` is the newest revision after it."""
        rows = (
            (
                change.key,
                None
                if change.action is Action.DELETE
                else LiveRow(change.digest or "", change.file, change.line, False, change.script),
            )
            for change in plan.changes
        )
        gone: list[tuple[str, FileRecord | None]] = [(path, None) for path in plan.forgotten]
        return cls(
            base,
            tuple(rows),
            tuple(((kind, name), line) for kind, name, line in plan.relined),
            (*gone, *((record.path, record) for record in plan.files)),
        )
