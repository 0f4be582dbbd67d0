"""The graph: what jobs read, write, use and follow, drawn in columns and written as a tree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.requests.graph import GraphQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.graph.outline import MARKS, OutlineLine, outline
from jeeves_runner.core.graph.reach import downstream
from jeeves_runner.core.graph.value import Graph
from jeeves_runner.dashboard.drawing import HEIGHT, WIDTH, draw
from jeeves_runner.dashboard.graph_part import MOST_LINES, Look, details_of, look_of, nearest
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db.graph import live_graph
from jeeves_runner.errors import NotFound
from jeeves_runner.views.graph import CycleDocument, NodeDocument, document_of, key_in, part_of
from jeeves_runner.views.occurrences import Moments
from jeeves_runner.views.why_node import node_why_view

_SHEET: Final = Sheet(
    template="graph.html", title="Graph", here="/graph", live=frozenset({"run", "sync", "queue", "other"})
)

_DISTANCES: Final = (1, 2, 3, 5)
_TREE: Final = 600
"""Lines of the tree."""
_ALONE: Final = 100
_NAMES: Final = 500
"""Nodes that are offered as one writes."""

_STARTS: Final = frozenset({"after", "on_queue", "on_change", "triggers"})


class Box(NamedTuple):
    """A node in the picture."""

    node: NodeDocument
    """The node."""
    look: Look
    """How it looks."""
    details: str
    """What is shown on hover."""
    path: str
    """Where a click goes."""
    x: float
    """Its left side."""
    y: float
    """Its upper side."""
    number: int
    """Its number in this picture."""


class Line(NamedTuple):
    """What ties two nodes in the picture."""

    path: str
    """Its way, as an SVG has it."""
    kind: str
    """``starts``, ``needs``, ``uses`` or ``data``: how it looks."""
    is_back: bool
    """Whether it closes a way round."""
    start: int
    """The number of the box where it starts."""
    end: int
    """The number of the one where it ends."""
    says: str
    """What it says."""


class Picture(NamedTuple):
    """The graph, drawn."""

    width: int
    """In pixels."""
    height: int
    """Likewise."""
    boxes: Sequence[Box]
    """The nodes."""
    lines: Sequence[Line]
    """What ties them."""


@dataclass(slots=True)
class Branch:
    """A node of the tree."""

    look: Look
    """How it looks."""
    path: str
    """Where its page is."""
    relations: str
    """What ties it to the one above."""
    mark: str
    """Why nothing stands below it; empty: there is nothing, or it stands there."""
    below: "list[Branch]" = field(default_factory=list)
    """What follows it."""


class Chosen(NamedTuple):
    """The node that is looked at."""

    node: NodeDocument
    """The node."""
    look: Look
    """How it looks."""
    why: str
    """Why its data is as it is."""
    reaches: int
    """How many nodes a change of it reaches."""
    page: str | None
    """The page of the job or queue; None for all else."""
    impact: str
    """All that a change of it reaches."""
    around: Sequence[tuple[int, str]]
    """Its neighbours, by how many steps they are away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphPage:
    """What is shown."""

    query: GraphQuery
    """What is asked for."""
    unknown: NotFound | None = None
    """Why it is not there."""
    chosen: Chosen | None = None
    """The node that is asked for."""
    every: int = 0
    """How many nodes there are."""
    tied: int = 0
    """How many of the part that is asked for are tied to others."""
    picture: Picture | None = None
    """The part, as far as there is room; None: nothing is tied to anything."""
    fewer_lines: int = 0
    """How many lines are left out of it."""
    tree: Sequence[Branch] = ()
    """The same as a tree."""
    more_tree: bool = False
    """Whether it goes on."""
    alone: Sequence[Branch] = ()
    """What is tied to nothing."""
    more_alone: int = 0
    """How many others are."""
    cycles: Sequence[CycleDocument] = ()
    """The cycles."""
    names: Sequence[str] = ()
    """The nodes that one can ask for."""
    box: tuple[int, int] = (WIDTH, HEIGHT)
    """How broad and how high a box is."""


async def graph(call: Call[Nothing, GraphQuery, Nothing]) -> web.Response:
    query, late = call.query, call.services.catching_up()
    query = query._replace(around=query.around or None, impact=query.impact or None)
    return await show(call, _SHEET, lambda conn, now: _read(conn, now, query, late))


def _read(conn: apsw.Connection, now: datetime, query: GraphQuery, late: Moments) -> GraphPage:
    whole = live_graph(conn)
    names = [node.name if node.is_job else node.key for node in whole.nodes.values()][:_NAMES]
    asked = query.impact or query.around
    try:
        part = part_of(whole, impact=query.impact, near=query.around, distance=query.distance)
        key = None if asked is None else key_in(whole, asked)
    except NotFound as error:
        return GraphPage(query=query, unknown=error, every=len(whole.nodes), names=names)
    document = document_of(conn, now, part)
    nodes = {node["id"]: node for node in document["nodes"]}
    looks = {each: look_of(node, now.date()) for each, node in nodes.items()}
    first = [key] if key is not None else [each for each, found in looks.items() if found.tone == "bad"]
    drawn = part.only(nearest(part, first))
    told = outline(drawn, key)
    tied = {end for edge in part.edges for end in (edge.start, edge.end)}
    alone = [each for each in part.nodes if each not in tied]
    picture, fewer = _picture(drawn, nodes, looks, key)
    return GraphPage(
        query=query,
        chosen=None if key is None else _chosen(conn, now, whole, nodes[key], looks[key], late),
        every=len(whole.nodes),
        tied=len(tied),
        picture=picture,
        fewer_lines=fewer,
        tree=_tree(told.lines[:_TREE], looks),
        more_tree=len(told.lines) > _TREE,
        alone=[Branch(looks[each], _around(each), "", "") for each in alone[:_ALONE]],
        more_alone=max(0, len(alone) - _ALONE),
        cycles=document["cycles"],
        names=names,
    )


def _picture(
    drawn: Graph, nodes: Mapping[str, NodeDocument], looks: Mapping[str, Look], key: str | None
) -> tuple[Picture | None, int]:
    """The picture, and how many lines are left out."""
    if not drawn.edges:
        return None, 0
    ties: dict[tuple[str, str], list[str]] = {}
    for edge in drawn.edges:
        if edge.start != edge.end:
            ties.setdefault((edge.start, edge.end), []).append(str(edge.relation))
    pairs = list(ties)[:MOST_LINES]
    made = draw(list(drawn.nodes), pairs)
    number = {each: place for place, each in enumerate(made.boxes)}
    boxes = [
        Box(
            nodes[each],
            looks[each],
            details_of(nodes[each], looks[each]),
            (_page(nodes[each]) if each == key else None) or _around(each),
            spot.x,
            spot.y,
            number[each],
        )
        for each, spot in made.boxes.items()
    ]
    lines = [
        Line(
            path,
            _kind(ties[pair]),
            pair in made.back,
            number[pair[0]],
            number[pair[1]],
            f"{looks[pair[0]].label} → {looks[pair[1]].label}: {', '.join(ties[pair])}",
        )
        for pair, path in made.lines.items()
    ]
    return Picture(made.width, made.height, boxes, lines), len(ties) - len(pairs)


def _kind(relations: Iterable[str]) -> str:
    found = set(relations)
    if found & _STARTS:
        return "starts"
    return "data" if found & {"reads", "writes"} else min(found)


def _tree(lines: Iterable[OutlineLine], looks: Mapping[str, Look]) -> list[Branch]:
    top: list[Branch] = []
    levels = [top]
    for line in lines:
        mark = "" if line.mark is None else MARKS.get(line.mark, "")
        branch = Branch(looks[line.key], _around(line.key), ", ".join(line.relations), mark)
        del levels[len(line.last) + 1 :]
        levels[-1].append(branch)
        levels.append(branch.below)
    return top


def _chosen(
    conn: apsw.Connection, now: datetime, whole: Graph, node: NodeDocument, look: Look, late: Moments
) -> Chosen:
    key = node["id"]
    return Chosen(
        node=node,
        look=look,
        why=node_why_view(conn, now, key, served=True, catching_up=late, graph=whole)["text"],
        reaches=len(downstream(whole, key)) - 1,
        page=_page(node),
        impact=f"/graph?{urlencode({'impact': key})}",
        around=[(steps, _around(key, steps)) for steps in _DISTANCES],
    )


def _page(node: NodeDocument) -> str | None:
    if node["declared"] == "job":
        return f"/jobs/{quote(node['name'], safe='')}"
    if node["kind"] == "queue" and node["queue"] is not None:
        return f"/queues/{quote(node['name'], safe='')}"
    return None


def _around(key: str, steps: int = 1) -> str:
    return f"/graph?{urlencode({'around': key} | ({'distance': steps} if steps != 1 else {}))}"
