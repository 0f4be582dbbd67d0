"""The routes of the graph."""

from typing import Final

from jeeves_runner.api.handlers import graph
from jeeves_runner.api.route import Route, look
from jeeves_runner.views.freshness import StaleDocument
from jeeves_runner.views.graph import GraphDocument
from jeeves_runner.views.why_node import NodeWhyDocument

GRAPH: Final[tuple[Route, ...]] = (
    look(
        "/graph", "What jobs read, write, use and follow", graph.graph, {200: GraphDocument}, problems={404}
    ),
    look("/graph/stale", "The data that is older than its node says", graph.stale, {200: StaleDocument}),
    look(
        "/graph/{node}/why",
        "Why the data of a node is as it is",
        graph.node_why,
        {200: NodeWhyDocument},
        problems={404},
    ),
)
