"""The graph as people read it in a terminal: what follows from a node stands below it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.formats import counted
from jeeves_runner.cli.plan_text import Line
from jeeves_runner.cli.rows import status_cell
from jeeves_runner.cli.terminal import Cell, Styled, can_show
from jeeves_runner.core.graph.outline import MARKS, Mark, Outline, OutlineLine

if TYPE_CHECKING:
    from jeeves_runner.views.graph import GraphDocument, NodeDocument

Nodes = Mapping[str, "NodeDocument"]
"""The nodes of a document by id."""

_DRAWN: Final = ("├─ ", "└─ ", "│  ", "   ")
_PLAIN: Final = ("|- ", "`- ", "|  ", "   ")
_FEW: Final = 10


def graph_lines(document: "GraphDocument", outline: Outline) -> Iterator[Line]:
    """The outline, the nodes that are tied to nothing, and the cycles."""
    nodes = {node["id"]: node for node in document["nodes"]}
    branches = _DRAWN if can_show("".join(_DRAWN)) else _PLAIN
    for line in outline.lines:
        yield _line(line, nodes, branches)
    if outline.lines and (outline.alone or document["cycles"]):
        yield ("",)
    if outline.alone:
        yield ("Tied to nothing: ", _listed([node_label(nodes[key]) for key in outline.alone]))
    for cycle in document["cycles"]:
        yield Styled("A cycle", "yellow"), f": {_way([node_label(nodes[key]) for key in cycle['way']])}"


def _line(line: OutlineLine, nodes: Nodes, branches: tuple[str, str, str, str]) -> Line:
    fork, end, beside, nothing = branches
    indent = "".join(nothing if last else beside for last in line.last[:-1])
    if line.last:
        indent += end if line.last[-1] else fork
    node = nodes[line.key]
    parts: list[Cell] = [indent, Styled(node_label(node), "bold" if line.mark is None else "")]
    notes: list[Cell] = [", ".join(line.relations)] if line.relations else []
    if line.mark is None:
        notes += node_notes(node)
    for place, note in enumerate(notes):
        parts += ["; " if place else "  ", note]
    if line.mark is not None and line.mark in MARKS:
        style = "yellow" if line.mark is Mark.CYCLE else "dim"
        parts += [" ", Styled(f"({MARKS[line.mark]})", style)]
    return tuple(parts)


def node_notes(node: "NodeDocument") -> Iterator[Cell]:
    """What is said of a node behind its name."""
    if node["status"] is not None:
        yield status_cell(node["status"])
    if node["kind"] == "process" and node["declared"] is None:
        yield Styled("no such job", "yellow")
    if (queue := node["queue"]) is not None:
        if queue["depth"]:
            yield f"{queue['depth']} wait" if queue["depth"] != 1 else "1 waits"
        if queue["claimed"]:
            yield f"{queue['claimed']} claimed"
        if queue["failed"]:
            yield Styled(counted(queue["failed"], "dead letter"), "red")
    if node["stale_since"] is not None:
        yield Styled("stale", "red")
    if node["expires"] is not None:
        yield f"valid to {node['expires']}"


def node_label(node: "NodeDocument") -> str:
    """A job is known by its id."""
    return node["name"] if node["declared"] == "job" else node["id"]


def _way(names: list[str]) -> str:
    """From the first and back to it."""
    more = len(names) - _FEW
    between = [f"{more} more"] if more > 0 else []
    return " > ".join([*names[:_FEW], *between, names[0]])


def _listed(names: list[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")
