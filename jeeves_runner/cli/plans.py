"""Plans and problems as people read them: ``+ ~ -`` with the fields an update changes."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jeeves_runner.core.plan import Action, Change, Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.render import styled

_STYLES: Final = {Action.CREATE: "green", Action.UPDATE: "yellow", Action.DELETE: "red"}
_LONGEST: Final = 100


def problem_lines(problems: Iterable[Problem], *, color: bool) -> Iterator[str]:
    """Each problem as ``FILE:LINE:COL: severity: message``, its hint below."""
    for problem in problems:
        style = "red" if problem.is_error else "yellow"
        place = styled(f"{problem.file}:{problem.line}:{problem.column}:", "bold", color=color)
        yield f"{place} {styled(problem.severity + ':', style, color=color)} {problem.message}"
        if problem.hint:
            yield f"    hint: {problem.hint}"


def plan_lines(plan: Plan, *, color: bool) -> Iterator[str]:
    """Every change and everything held."""
    for change in plan.changes:
        yield from _change_lines(change, color=color)
    for held in plan.held:
        head = styled(f"= {held.kind} {held.id}", "cyan", color=color)
        yield f"{head}  held at its last good spec: {held.message} ({held.file})"


def _change_lines(change: Change, *, color: bool) -> Iterator[str]:
    head = styled(f"{change.action.symbol} {change.kind} {change.id}", _STYLES[change.action], color=color)
    note = "  (changed by hand in the database; the manifest wins)" if change.drift else ""
    yield f"{head}  {change.file}:{change.line}{note}"
    for field in change.fields:
        yield f"    {field.path}: {_shown(field.old)} -> {_shown(field.new)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def plan_summary(plan: Plan) -> str:
    """``2 to create, 1 to update, 0 to delete``, and what is held."""
    counts = [f"{len(plan.of(action))} to {action}" for action in Action]
    held = f"; {len(plan.held)} held" if plan.held else ""
    return ", ".join(counts) + held


def problem_summary(problems: Iterable[Problem]) -> str:
    """``2 errors, 1 warning``."""
    found = list(problems)
    errors = sum(p.is_error for p in found)
    warnings = len(found) - errors
    return f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
