"""The problems of one file, listed up to as many as a person will read."""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from jeeves_runner.core.problem import KeyPath, Position, Problem

MOST_PROBLEMS: Final = 100
"""Of errors and of warnings each; further ones are only counted."""

Severity = Literal["error", "warning"]

Locate = Callable[[KeyPath, bool], Position]
"""Line and column of a place in the file; the flag asks for the key there rather than its value."""


class _Reported(NamedTuple):
    severity: Severity
    code: str
    message: str
    hint: str | None
    place: KeyPath
    at_key: bool
    at: Position | None


class ProblemList:
    """The problems of the file at ``path``. Line and column are found when all are asked for, not before."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listed: list[_Reported] = []
        self._counts: dict[Severity, int] = {"error": 0, "warning": 0}
        self._unlisted: dict[Severity, KeyPath] = {}

    @property
    def is_full(self) -> bool:
        """Whether further errors are only counted: what is wrong would not be shown."""
        return self._counts["error"] >= MOST_PROBLEMS

    def report(
        self,
        severity: Severity,
        place: KeyPath,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        at_key: bool = False,
        at: Position | None = None,
    ) -> None:
        """Add a problem at a place in the document, or ``at`` a line and column."""
        self._counts[severity] += 1
        if self._counts[severity] <= MOST_PROBLEMS:
            self._listed.append(_Reported(severity, code, message, hint, place, at_key, at))
        else:
            self._unlisted.setdefault(severity, place)

    def all(self, locate: Locate) -> list[Problem]:
        """The listed ones and, at the place of the first one not listed, how many more there are."""
        if not self._listed:
            return []
        more = [self._count_of(severity, place) for severity, place in self._unlisted.items()]
        return [self._problem(reported, locate) for reported in (*self._listed, *more)]

    def _count_of(self, severity: Severity, place: KeyPath) -> _Reported:
        count = self._counts[severity] - MOST_PROBLEMS
        # "At least": once errors are only counted, an entry counts as one, however many it has.
        least = "at least " if severity == "error" else ""
        several = severity if count == 1 else f"{severity}s"
        message = f"… and {least}{count:,} more {several} from here on"
        return _Reported(severity, "more_problems", message, None, place, at_key=False, at=None)

    def _problem(self, reported: _Reported, locate: Locate) -> Problem:
        line, column = reported.at or locate(reported.place, reported.at_key)
        return Problem(
            severity=reported.severity,
            code=reported.code,
            file=self._path,
            line=line,
            column=column,
            message=reported.message,
            hint=reported.hint,
        )
