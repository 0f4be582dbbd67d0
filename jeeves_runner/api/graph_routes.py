"""The routes of the graph: a part of ``routes``."""

from typing import Final

from jeeves_runner.api import graph_handlers
from jeeves_runner.api import requests as of
from jeeves_runner.api.route import AnyRoute, Role, Route
from jeeves_runner.views.freshness import StaleDocument
from jeeves_runner.views.graph import GraphDocument
from jeeves_runner.views.why_node import NodeWhyDocument

GRAPH: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/graph",
        role=Role.READ,
        summary="What jobs read, write, use and follow",
        query=of.GraphQuery,
        answers={200: GraphDocument},
        problems=frozenset({404}),
        handler=graph_handlers.graph,
    ),
    Route(
        method="GET",
        path="/graph/stale",
        role=Role.READ,
        summary="The data that is older than its node says",
        answers={200: StaleDocument},
        handler=graph_handlers.stale,
    ),
    Route(
        method="GET",
        path="/graph/{node}/why",
        role=Role.READ,
        summary="Why the data of a node is as it is",
        path_values=of.NodePath,
        answers={200: NodeWhyDocument},
        problems=frozenset({404}),
        handler=graph_handlers.why,
    ),
)
