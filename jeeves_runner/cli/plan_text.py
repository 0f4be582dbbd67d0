"""Plans and problems as people read them: ``+ ~ -``, and the fields that an update changes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from jeeves_runner.cli.formats import counted, shortened
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.core.manifest_text import value_text
from jeeves_runner.core.plan import Action, Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.text_diff import field_diff

Line = tuple[Cell, ...]
"""The parts of a line, as ``App.print`` takes them."""

_NOTHING: Final[Mapping[str, Sequence[str]]] = {}

MOST_LINES: Final = 40
"""Lines of the diff of one field; a page of the dashboard has more."""

_SIGNS: Final = {"+": "green", "-": "red", "…": "dim"}
_STYLES: Final = {Action.CREATE: "green", Action.UPDATE: "yellow", Action.DELETE: "red"}


def problem_lines(problems: Iterable[Problem]) -> Iterator[Line]:
    """Each problem as ``FILE:LINE:COL: severity: message``, its hint below."""
    for problem in problems:
        style = "red" if problem.is_error else "yellow"
        place = Styled(f"{problem.file}:{problem.line}:{problem.column}:", "bold")
        yield place, " ", Styled(f"{problem.severity}:", style), f" {problem.message}"
        if problem.hint:
            yield (f"    hint: {problem.hint}",)


def plan_lines(plan: Plan, forecast: Mapping[str, Sequence[str]] = _NOTHING) -> Iterator[Line]:
    """Every change, everything held, and what the changes do besides. ``forecast``: what is said of the days
    to come of each job."""
    for change in plan.changes:
        yield from change_lines(change.as_json())
        for line in forecast.get(change.id, ()) if change.kind == "job" else ():
            yield (f"    {line}",)
    for held in plan.held:
        yield held_line(held.kind, held.id, f": {held.message} ({held.file})")
    for consequence in plan.consequences:
        yield consequence_line(consequence.message)


def change_lines(change: Mapping[str, Any]) -> Iterator[Line]:
    """A change as its document has it, and below the fields that an update changes."""
    action = Action(change["action"])
    before = change["renamed_from"]
    renamed = f" (renamed from {before})" if before else ""
    head = Styled(f"{action.symbol} {change['kind']} {change['id']}{renamed}", _STYLES[action])
    note = "  (changed by hand in the database; the manifest wins)" if change["drift"] else ""
    yield head, f"  {change['file']}:{change['line']}{note}"
    for field in change["fields"]:
        yield from field_lines(field, "    ")


def field_lines(field: Mapping[str, Any], indent: str) -> Iterator[Line]:
    """A field of a change's document: ``timeout: 5m -> 10m``, or the key and below it a diff of its lines."""
    lines = field_diff(field["path"], field["old"], field["new"], MOST_LINES)
    if not lines:
        yield (f"{indent}{field_text(field)}",)
        return
    yield (f"{indent}{field['path']}:",)
    for line in lines:
        text = f"{line.sign} {line.text}".rstrip()
        yield indent, "    ", Styled(text, _SIGNS.get(line.sign, ""))


def field_text(field: Mapping[str, Any]) -> str:
    """``timeout: 5m -> 10m``, on one line however long it is."""
    old, new = (shortened(value_text(field["path"], field[side])) for side in ("old", "new"))
    return f"{field['path']}: {old} -> {new}"


def held_line(kind: str, name: str, why: str = "") -> Line:
    """What keeps its last good spec, ``why`` after a colon."""
    return Styled(f"= {kind} {name}", "cyan"), f"  held as it was{why}"


def consequence_line(message: str) -> Line:
    """What a plan does besides, in a sentence."""
    return Styled("!", "yellow"), f" {message}"


def declared_text(plan: Plan) -> str:
    """``2 jobs, 1 node``: what the manifests declare."""
    counts = ((kind, plan.declared.get(kind, 0)) for kind in ("job", "queue", "node"))
    return ", ".join(counted(number, kind) for kind, number in counts if number) or "nothing"


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
