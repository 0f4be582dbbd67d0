"""The graph of jobs and nodes: what there is, what ties it together, and how it is now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, TypedDict

import apsw

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.graph.order import components, cycles, layers, way_round
from jeeves_runner.core.graph.reach import around, downstream
from jeeves_runner.core.graph.value import Graph, GraphEdge, Node
from jeeves_runner.core.node_spec import NodeKind, node_key
from jeeves_runner.core.wording import did_you_mean
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.graph import live_graph
from jeeves_runner.db.job_list import listed_jobs
from jeeves_runner.db.queue_contents import queue_counts
from jeeves_runner.db.queue_pauses import queue_pauses
from jeeves_runner.errors import InvalidValue, NotFound
from jeeves_runner.views.freshness import stale_view
from jeeves_runner.views.queues import QueueCountsDocument, counts_document


class NodeDocument(TypedDict):
    """A node of the graph."""

    id: str
    """Its identity, ``KIND:NAME``; a job is ``process:ID``."""
    kind: Annotated[str, NodeKind]
    """What it is."""
    name: str
    """Its name among those of its kind; of a job its id."""
    declared: Literal["job", "queue", "node"] | None
    """As what a manifest declares it; null: only edges name it."""
    description: str | None
    """What it holds or does, for people."""
    owner: str | None
    """Who looks after it, for people."""
    path: str | None
    """Where it is."""
    expires: str | None
    """The last day on which it is valid, ``YYYY-MM-DD``."""
    fresh_within_ms: int | None
    """Within how many milliseconds it is written again; null: nothing is expected."""
    stale_since: str | None
    """Since when it is stale, because no job has written it in that time; null: it is not."""
    file: str | None
    """The manifest that declares it, relative to the project root."""
    line: int | None
    """Where it stands in that, from 1."""
    layer: int
    """How many steps the longest way to it has, from 0; those within a cycle do not count."""
    in_cycle: bool
    """Whether going on from it comes back to it."""
    status: str | None
    """Of a job, how it is: see its own document; null for all else."""
    queue: QueueCountsDocument | None
    """Of a queue, how full it is; null for all else, and for a queue that nothing has used yet."""


class EdgeDocument(TypedDict):
    """An edge of the graph."""

    relation: Annotated[str, Relation]
    """What it says."""
    job_id: str
    """The job that says it."""
    upstream: str
    """The node where data comes from, or what is first."""
    downstream: str
    """The node where data goes to, or what follows."""


class CycleDocument(TypedDict):
    """Nodes of which each comes before and after each other."""

    nodes: list[str]
    """All of them."""
    way: list[str]
    """A shortest way from the first of them back to it, with each node once."""


class GraphDocument(TypedDict):
    """The graph, or a part of it."""

    nodes: list[NodeDocument]
    """Jobs, declared queues and declared nodes, each by id, and then what only edges name."""
    edges: list[EdgeDocument]
    """By job, relation and node."""
    cycles: list[CycleDocument]
    """The cycles among these."""


def graph_view(
    conn: apsw.Connection,
    now: datetime,
    *,
    impact: str | None = None,
    near: str | None = None,
    distance: int = 1,
) -> GraphDocument:
    """``{nodes, edges, cycles}`` of the whole; of a node and all that a change of it reaches (``impact``); or
    of a node and its neighbours (``near``), which are ``distance`` steps away at most.

    NotFound for an unknown node, InvalidValue for both. A name without a kind is a job's id.
    """
    with snapshot(conn):
        return document_of(conn, now, part_of(live_graph(conn), impact=impact, near=near, distance=distance))


def part_of(graph: Graph, *, impact: str | None, near: str | None, distance: int = 1) -> Graph:
    """The part of the graph that is asked for, as ``graph_view`` says."""
    if impact is not None and near is not None:
        raise InvalidValue("`impact` and `around` are two questions", hint="leave out one of them")
    if impact is not None:
        return graph.only(downstream(graph, key_in(graph, impact)).keys())
    return graph if near is None else around(graph, key_in(graph, near), distance)


def key_in(graph: Graph, name: str) -> str:
    """The identity of the node that a person names: as it is, or a job by its id; NotFound."""
    key = name if ":" in name else node_key(NodeKind.PROCESS, name)
    if key in graph.nodes:
        return key
    # Only a mistake needs it, and every command would wait for its import.
    from difflib import get_close_matches

    same = [node.key for node in graph.nodes.values() if node.name == name]
    words = [node.name if node.is_job else node.key for node in graph.nodes.values()]
    near = same or get_close_matches(name, words, n=3)
    hint = did_you_mean(*near) if near else "`jeeves-runner graph` shows what there is"
    raise NotFound(f"there is no node {name}", hint=hint)


def document_of(conn: apsw.Connection, now: datetime, graph: Graph) -> GraphDocument:
    """The document of a graph, with how its jobs and queues are now."""
    states = {listed.columns["id"]: listed.status for listed in listed_jobs(conn, now)}
    paused = queue_pauses(conn, now)
    full = {
        name: counts_document(counts, paused.get(name)) for name, counts in queue_counts(conn, now).items()
    }
    old = {each["id"]: each["stale_since"] for each in stale_view(conn, now)["stale"]}
    groups = components(graph.nodes, graph.below)
    layer = layers(graph, groups)
    found = cycles(graph, groups)
    on_cycle = frozenset(key for members in found for key in members)
    return {
        "nodes": [
            _node(node, layer[key], key in on_cycle, states, full, old) for key, node in graph.nodes.items()
        ],
        "edges": list(map(edge_document, graph.edges)),
        "cycles": [
            {"nodes": list(members), "way": list(way_round(members, graph.below))} for members in found
        ],
    }


def _node(
    node: Node,
    layer: int,
    in_cycle: bool,
    states: Mapping[str, str],
    full: Mapping[str, QueueCountsDocument],
    old: Mapping[str, str],
) -> NodeDocument:
    kind, _, name = node.key.partition(":")
    return {
        "id": node.key,
        "kind": kind,
        "name": name,
        "declared": node.origin,
        "description": node.description,
        "owner": node.owner,
        "path": node.path,
        "expires": node.expires,
        "fresh_within_ms": node.fresh_within_ms,
        "stale_since": old.get(node.key),
        "file": node.file,
        "line": node.line,
        "layer": layer,
        "in_cycle": in_cycle,
        "status": states.get(name) if node.is_job else None,
        "queue": full.get(name) if kind == NodeKind.QUEUE else None,
    }


def edge_document(edge: GraphEdge) -> EdgeDocument:
    """An edge as documents have it."""
    return {
        "relation": str(edge.relation),
        "job_id": edge.job,
        "upstream": edge.start,
        "downstream": edge.end,
    }
