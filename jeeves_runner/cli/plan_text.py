"""Plans and problems as people read them: ``+ ~ -``, and the fields that an update changes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from jeeves_runner.cli.formats import counted, json_text, shortened
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.core.plan import Action, Plan
from jeeves_runner.core.problem import Problem

Line = tuple[Cell, ...]
"""The parts of a line, as ``App.print`` takes them."""

_FEW: Final = 3

_STYLES: Final = {Action.CREATE: "green", Action.UPDATE: "yellow", Action.DELETE: "red"}


def problem_lines(problems: Iterable[Problem]) -> Iterator[Line]:
    """Each problem as ``FILE:LINE:COL: severity: message``, its hint below."""
    for problem in problems:
        style = "red" if problem.is_error else "yellow"
        place = Styled(f"{problem.file}:{problem.line}:{problem.column}:", "bold")
        yield place, " ", Styled(f"{problem.severity}:", style), f" {problem.message}"
        if problem.hint:
            yield (f"    hint: {problem.hint}",)


def plan_lines(plan: Plan) -> Iterator[Line]:
    """Every change, everything held, and what the changes do besides."""
    for change in plan.changes:
        yield from change_lines(change.as_json())
    for held in plan.held:
        head = Styled(f"= {held.kind} {held.id}", "cyan")
        yield head, f"  held at its last good spec: {held.message} ({held.file})"
    for consequence in plan.consequences:
        yield Styled("!", "yellow"), f" {consequence.message}"


def change_lines(change: Mapping[str, Any]) -> Iterator[Line]:
    """A change as its document has it, and below the fields that an update changes."""
    action = Action(change["action"])
    before = change.get("renamed_from")  # revisions of earlier versions do not say it
    renamed = f" (renamed from {before})" if before else ""
    head = Styled(f"{action.symbol} {change['kind']} {change['id']}{renamed}", _STYLES[action])
    note = "  (changed by hand in the database; the manifest wins)" if change["drift"] else ""
    yield head, f"  {change['file']}:{change['line']}{note}"
    for field in change["fields"]:
        old, new = (shortened(json_text(field[side])) for side in ("old", "new"))
        yield (f"    {field['path']}: {old} -> {new}",)


def named(keys: Sequence[tuple[str, str]]) -> str:
    """``job a, job b, queue c``: the first few of them, and how many more there are."""
    first = ", ".join(f"{kind} {name}" for kind, name in keys[:_FEW])
    return first if len(keys) <= _FEW else f"{first} and {len(keys) - _FEW} more"


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
    return f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
