"""What is wrong with one file, collected up to a number that somebody may want to read."""

from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

from jeeves_runner.core.problem import Problem
from jeeves_runner.core.yamltext import Path

MOST_PROBLEMS: Final = 100
"""Errors and warnings each; what more there is, is counted."""

Severity = Literal["error", "warning"]


class ProblemList:
    """The problems of the file at ``path``; ``locate`` tells line and column of a place in it."""

    def __init__(self, path: str, locate: Callable[[Path, bool], tuple[int, int]]) -> None:
        self._path = path
        self._locate = locate
        self._listed: list[Problem] = []
        self._reported: Counter[Severity] = Counter()
        self._unlisted: dict[Severity, Path] = {}

    @property
    def is_full(self) -> bool:
        """Whether further errors are only counted, so that explaining them is of no use."""
        return self._reported["error"] >= MOST_PROBLEMS

    def report(
        self,
        severity: Severity,
        path: Path,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        at_key: bool = False,
    ) -> None:
        self._reported[severity] += 1
        if self._reported[severity] <= MOST_PROBLEMS:
            self.add(severity, code, self._locate(path, at_key), message, hint)
        else:
            self._unlisted.setdefault(severity, path)

    def add(
        self, severity: Severity, code: str, at: tuple[int, int], message: str, hint: str | None = None
    ) -> None:
        """List a problem at a line and column."""
        self._listed.append(self._problem(severity, code, at, message, hint))

    def all(self) -> list[Problem]:
        """The listed ones, and how many more there are, at the place of the first of these."""
        return [*self._listed, *(self._count_of(*first) for first in self._unlisted.items())]

    def _count_of(self, severity: Severity, path: Path) -> Problem:
        count = self._reported[severity] - MOST_PROBLEMS
        # Once errors are only counted, an entry counts as one, however much is wrong with it.
        least = "at least " if severity == "error" else ""
        several = severity if count == 1 else f"{severity}s"
        message = f"… and {least}{count:,} more {several} from here on"
        return self._problem(severity, "more_problems", self._locate(path, False), message, None)

    def _problem(
        self, severity: Severity, code: str, at: tuple[int, int], message: str, hint: str | None
    ) -> Problem:
        line, column = at
        return Problem(
            severity=severity,
            code=code,
            file=self._path,
            line=line,
            column=column,
            message=message,
            hint=hint,
        )
