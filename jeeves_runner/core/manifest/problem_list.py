"""The problems of one file, listed up to as many as a person will read."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple

from jeeves_runner.core.manifest.yaml_places import Places, within
from jeeves_runner.core.problem import Finding, KeyPath, Position, Problem

MOST_PROBLEMS: Final = 100
"""Of errors and of warnings each; further ones are only counted."""

Severity = Literal["error", "warning"]

Locate = Callable[[Iterable[KeyPath]], Places]
"""Finds places in the file; it takes as long as the first reading."""


class _Reported(NamedTuple):
    severity: Severity
    finding: Finding
    at: Position | None


class ProblemList:
    """The problems of the file at ``path``. Line and column are found when all are asked for, not before."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listed: list[_Reported] = []
        self._counts: dict[Severity, int] = {"error": 0, "warning": 0}
        self._unlisted: dict[Severity, _Reported] = {}

    @property
    def is_full(self) -> bool:
        """Whether further errors are only counted: what is wrong would not be shown."""
        return self._counts["error"] >= MOST_PROBLEMS

    def report(self, severity: Severity, finding: Finding, *, at: Position | None = None) -> None:
        """Add what was found; ``at``: its line and column, where they are known already."""
        self._counts[severity] += 1
        if self._counts[severity] <= MOST_PROBLEMS:
            self._listed.append(_Reported(severity, finding, at))
        else:
            self._unlisted.setdefault(severity, _Reported(severity, finding, at))

    def all(self, locate: Locate, text: str = "") -> list[Problem]:
        """The listed ones and, at the place of the first one not listed, how many more there are.

        ``text`` is that of the file, to find what stands inside a value.
        """
        if not self._listed:
            return []
        reported = [*self._listed, *map(self._count_from, self._unlisted.values())]
        places = Places(())
        if any(each.at is None for each in reported):
            places = locate(each.finding.path for each in reported)
        lines = text.split("\n") if any(each.finding.inside for each in reported) else []
        return [self._problem(each, places, lines) for each in reported]

    def _count_from(self, first: _Reported) -> _Reported:
        severity = first.severity
        count = self._counts[severity] - MOST_PROBLEMS
        # "At least": once errors are only counted, an entry counts as one, however many it has.
        least = "at least " if severity == "error" else ""
        several = severity if count == 1 else f"{severity}s"
        message = f"… and {least}{count:,} more {several} from here on"
        hint = f"mend the first {MOST_PROBLEMS}, and look again"
        finding = Finding(path=first.finding.path, code="more_problems", message=message, hint=hint)
        return _Reported(severity, finding, first.at)

    def _problem(self, reported: _Reported, places: Places, lines: Sequence[str]) -> Problem:
        severity, finding, at = reported
        place = places.key_position if finding.at_key else places.position
        line, column = at or place(finding.path)
        if at is None and finding.inside is not None:
            line, column = within(lines, (line, column), finding.inside)
        message, hint = finding.told(places.written(finding.path))
        return Problem(
            severity=severity,
            code=finding.code,
            file=self._path,
            line=line,
            column=column,
            message=message,
            hint=hint,
            since=finding.since,
            until=finding.until,
        )
