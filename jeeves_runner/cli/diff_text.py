"""What ``diff`` found, as people read it: on a terminal, in a log of GitHub's, in a pull request."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.comparing import Comparison
from jeeves_runner.cli.forecast_text import ZoneOf, by_job, summary_lines
from jeeves_runner.cli.formats import counted, on_one_line
from jeeves_runner.cli.github import annotations, error
from jeeves_runner.cli.plan_text import (
    MOST_LINES,
    Line,
    consequence_line,
    field_text,
    plan_lines,
    plan_summary,
)
from jeeves_runner.core.edge_changes import EdgeChanges
from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.core.node_spec import NodeKind, split_key
from jeeves_runner.core.origin import short_sha
from jeeves_runner.core.plan import Change
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.text_diff import DiffLine, field_diff
from jeeves_runner.core.wording import named

if TYPE_CHECKING:
    from jeeves_runner.views.comparison import AgainstDocument

_MOST: Final = 100
"""Changes and problems in a pull request, whose comments take 65,536 characters; ``--json`` has all."""

_MOST_FIELDS: Final = 10
_MOST_EDGES: Final = 20


def changes(found: Comparison, zone: str, zone_of: ZoneOf) -> Iterator[Line]:
    """Each change with what follows from it. ``zone``: on whose clocks the times of all jobs together are;
    ``zone_of`` gives these, and those of jobs."""
    yield from plan_lines(found.plan, by_job(found.forecast, zone_of))
    yield from _edge_lines(found.edges)
    yield from ((line,) for line in summary_lines(found.forecast, zone_of(zone)))


def _edge_lines(edges: EdgeChanges) -> Iterator[Line]:
    """The edges that come and go, a few of them, and what is left over."""
    if summary := _edge_summary(edges):
        yield (f"{summary}:",)
        both = list(_edges(edges))
        yield from ((f"    {edge}",) for edge in both[:_MOST_EDGES])
        if len(both) > _MOST_EDGES:
            yield (f"    and {len(both) - _MOST_EDGES} more; `--json` has all",)
    for each in edges.left:
        yield consequence_line(each.message)


def _edge_summary(edges: EdgeChanges) -> str:
    """``Edges: 2 gained, 1 lost``; nothing where that is so."""
    if not (edges.gained or edges.lost):
        return ""
    return f"Edges: {len(edges.gained)} gained, {len(edges.lost)} lost"


def _edges(edges: EdgeChanges) -> Iterator[str]:
    """``+ fetch writes queue:mail``: first those that come."""
    for symbol, those in (("+", edges.gained), ("-", edges.lost)):
        for edge in those:
            kind, name = split_key(edge.node)
            yield f"{symbol} {edge.job} {edge.relation} {name if kind == NodeKind.PROCESS else edge.node}"


def sentences(found: Comparison) -> Iterator[str]:
    """What is said of the whole: first, what it comes to."""
    plan = found.plan
    where = _where(found.against)
    if plan.changes or plan.held:
        yield f"{'Plan' if where is None else f'Compared with {where}'}: {plan_summary(plan)}."
    else:
        yield "No differences." if where is None else f"No differences from {where}."
    if errors := found.against["errors"]:
        yield f"{where} has {counted(errors, 'error')}: what stands there counts as new."
    if found.refused:
        yield f"An apply would be refused: {found.refused}."
    if not plan.complete:
        yield "The plan is incomplete: fix the errors above; until then nothing is deleted."
    if plan.suspended:
        yield f"Their deletes wait: {named(plan.suspended)}."


def github(found: Comparison, root: Path) -> Iterator[str]:
    """The workflow commands that show what is wrong beside the changed lines."""
    yield from annotations(found.plan.problems, root)
    if found.refused:
        yield error(f"An apply would be refused: {found.refused}.")


def markdown(found: Comparison, zone: str, zone_of: ZoneOf) -> Iterator[str]:
    """What is wrong, a table of the changes, and what is said of all.

    What manifests say stands in code, where it is no markup.
    """
    plan = found.plan
    yield from _listed([f"{_code(_place(p))} {_code(p.message)}" for p in plan.problems if p.is_error])
    for sentence in sentences(found):
        yield from (_plain(sentence), "")
    if plan.changes:
        days = by_job(found.forecast, zone_of)
        yield "| | what | where | changes | the days to come |"
        yield "|---|---|---|---|---|"
        for change in plan.changes[:_MOST]:
            yield _row(change, days.get(change.id, ()) if change.kind == "job" else ())
        if len(plan.changes) > _MOST:
            yield f"| | and {len(plan.changes) - _MOST} more | | | |"
        yield ""
        for change in plan.changes[:_MOST]:
            yield from _blocks(change)
    yield from _listed(
        [f"{_code(f'{each.kind} {each.id}')} is held: {_code(each.message)}" for each in plan.held]
    )
    yield from _listed([_code(each.message) for each in plan.consequences])
    yield from _listed([_code(each.message) for each in found.edges.left])
    if summary := _edge_summary(found.edges):
        yield from (f"{summary}.", "")
        yield from _listed([_code(edge) for edge in _edges(found.edges)])
    for line in summary_lines(found.forecast, zone_of(zone)):
        yield from (_plain(line), "")


def _listed(entries: Sequence[str]) -> Iterator[str]:
    """A list, and an empty line below it."""
    yield from (f"- {entry}" for entry in entries[:_MOST])
    if len(entries) > _MOST:
        yield f"- and {len(entries) - _MOST} more"
    if entries:
        yield ""


def _blocks(change: Change) -> Iterator[str]:
    """The long fields of a change, each as a diff."""
    for field in change.fields[:_MOST_FIELDS]:
        lines = [f"{line.sign} {on_one_line(line.text)}".rstrip() for line in _diff_of(field)]
        if lines:
            longest = max(len(run) for run in ["``", *re.findall("`+", "".join(lines))])
            fence = "`" * (longest + 1)
            yield from (f"{change.kind} {_code(change.id)}, {_code(field.path)}:", "")
            yield from (f"{fence}diff", *lines, fence, "")


def _diff_of(field: FieldChange) -> Sequence[DiffLine]:
    return field_diff(field.path, field.old, field.new, MOST_LINES)


def _field(field: FieldChange) -> str:
    """A field in a cell, which has one line for it."""
    return f"{_code(field.path)}: below" if _diff_of(field) else _code(field_text(field._asdict()))


def _row(change: Change, days: Sequence[str]) -> str:
    fields = [_field(field) for field in change.fields]
    if len(fields) > _MOST_FIELDS:
        fields[_MOST_FIELDS:] = [f"and {len(fields) - _MOST_FIELDS} more"]
    if change.drift:
        fields.insert(0, "changed by hand in the database; the manifest wins")
    cells = (
        _code(change.action.symbol),
        f"{change.kind} {_code(change.id)}",
        _code(f"{change.file}:{change.line}"),
        "<br>".join(fields),
        "<br>".join(map(_plain, days)),
    )
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    """The bars of a table's cell are escaped, in code as well."""
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def _place(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}:{problem.column}"


def _code(text: str) -> str:
    """The text as code, which longer quotes than it has itself begin and end."""
    line = on_one_line(text).strip()
    if not line:
        return ""
    runs = [len(run) for run in re.findall("`+", line)]
    quotes = "`" * (max(runs, default=0) + 1)
    blank = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{quotes}{blank}{line}{blank}{quotes}"


def _plain(text: str) -> str:
    """The text with the characters escaped that are markup."""
    return re.sub(r"([\\`*_\[\]<>#|~&])", r"\\\1", on_one_line(text))


def _where(against: "AgainstDocument") -> str | None:
    """What was compared with, where that is not what an apply would change."""
    name, commit = against["name"], against["commit"]
    if name is None:
        return None
    return name if commit is None else f"{name} ({short_sha(commit)})"
