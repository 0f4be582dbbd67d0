"""The routes of the graph."""

from typing import Final

from jeeves_runner.api.handlers import graph
from jeeves_runner.api.route import Route, look
from jeeves_runner.views.freshness import StaleDocument
from jeeves_runner.views.graph import GraphDocument
from jeeves_runner.views.why_node import NodeWhyDocument

GRAPH: Final[tuple[Route, ...]] = (
    look(
        "/graph",
        "What jobs read, write, use and follow",
        graph.graph,
        {200: GraphDocument},
        description=(
            "[The graph](../explanation/graph.md) as it is live. Data goes from `upstream` to "
            "`downstream`. Of a part, `layer`, `in_cycle` and `cycles` are those of the part."
        ),
        problems={404},
    ),
    look(
        "/graph/stale",
        "The data that is older than its node says",
        graph.stale,
        {200: StaleDocument},
        description=(
            "Datastores and sinks that no job has written within their `fresh_within`: see [stale "
            "data](alerts.md#stale-data)."
        ),
    ),
    look(
        "/graph/{node}/why",
        "Why the data of a node is as it is",
        graph.node_why,
        {200: NodeWhyDocument},
        description="In the words of [`why`](commands.md#why).",
        problems={404},
    ),
)
