"""Which part of a graph is drawn where the whole is too large, and how its nodes look."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

from jeeves_runner.core.graph.checks import SOON
from jeeves_runner.core.graph.value import Graph
from jeeves_runner.core.wording import one_line
from jeeves_runner.dashboard.look import Tone, duration, tone
from jeeves_runner.views.graph import NodeDocument

MOST: Final = 300
"""Nodes in a picture."""

MOST_LINES: Final = 1200
"""Lines in a picture."""

_CHARACTERS: Final = 21
"""What a box has room for."""

_EASY: Final = 16
"""What it has room for without being narrowed."""

_MANY_DAYS: Final = 100
"""From then on a day says more than how many are left."""


class Look(NamedTuple):
    """How a node looks."""

    tone: str
    """``ok, bad, run, wait`` or ``quiet``."""
    note: str
    """How it is, in a few words."""
    label: str
    """Its name."""
    short: str
    """The same, as far as a box has room."""
    is_long: bool
    """Whether that fills the box from side to side."""
    sign: str
    """The sign of its kind, or of a job's status."""


def look_of(node: NodeDocument, today: date) -> Look:
    """How it is."""
    label = node["name"] if node["kind"] == "process" else node["id"]
    found = _health(node, today)
    short = one_line(node["name"])
    if len(short) > _CHARACTERS:
        short = short[: _CHARACTERS - 1] + "…"
    return Look(
        found.name,
        found.word,
        label,
        short,
        len(short) > _EASY,
        found.name if node["status"] else node["kind"],
    )


def _health(node: NodeDocument, today: date) -> Tone:
    kind = node["kind"]
    if node["status"] is not None:
        return tone(node["status"])
    if kind == "process":
        return Tone("quiet", "a program outside") if node["declared"] else Tone("wait", "no such job")
    if node["stale_since"] is not None:
        return Tone("bad", f"{kind}, stale")
    if (queue := node["queue"]) is not None:
        if queue["failed"]:
            return Tone("bad", f"queue, {queue['failed']} dead")
        if queue["paused"] is not None:
            return Tone("wait", "queue, paused")
        return Tone("quiet", f"queue, {queue['depth']} wait" if queue["depth"] else "queue, empty")
    if node["fresh_within_ms"] is not None:
        return Tone("ok", f"{kind}, fresh")
    left = _days_left(node["expires"], today)
    if left is not None:
        if left < 0:
            return Tone("bad", f"{kind}, has expired")
        when = f"{left} days left" if left < _MANY_DAYS else f"to {node['expires']}"
        return Tone("wait" if left <= SOON.days else "quiet", f"{kind}, {when}")
    return Tone("quiet", kind if node["declared"] else f"{kind}, undeclared")


def _days_left(expires: str | None, today: date) -> int | None:
    """None where there is no last day, or where another program has written what is none."""
    try:
        return None if expires is None else (date.fromisoformat(expires) - today).days
    except ValueError:
        return None


def details_of(node: NodeDocument, found: Look) -> str:
    """What is shown of a node on hover, a line each."""
    lines = [f"{found.label}: {found.note}", node["description"], node["path"]]
    if node["owner"]:
        lines.append(f"looked after by {node['owner']}")
    if node["fresh_within_ms"] is not None:
        lines.append(f"fresh within {duration(node['fresh_within_ms'])}")
    if node["file"]:
        lines.append(f"{node['file']}:{node['line']}")
    return "\n".join(line for line in lines if line)


def nearest(graph: Graph, first: Iterable[str], most: int = MOST) -> Mapping[str, None]:
    """As many nodes that are tied to others as there is room for: those near the first of these."""
    found: dict[str, None] = {}
    for start in (*first, *graph.nodes):
        if start in found or len(found) >= most:
            continue
        if not (graph.below(start) or graph.above(start)):
            continue
        found[start] = None
        waiting = [start]
        for node in waiting:
            for each in (*graph.above(node), *graph.below(node)):
                if each not in found and len(found) < most:
                    found[each] = None
                    waiting.append(each)
    return found
