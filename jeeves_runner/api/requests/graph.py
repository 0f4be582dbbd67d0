"""What requests for the graph may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import Text, Whole
from jeeves_runner.core.graph.reach import FARTHEST


class NodePath(NamedTuple):
    """A node of the graph."""

    node: Annotated[str, Text()]
    """``KIND:NAME``."""


class GraphQuery(NamedTuple):
    """Which part of the graph; nothing: the whole."""

    impact: Annotated[str | None, Text()] = None
    """Only this node and all that a change of it reaches: ``KIND:NAME``, or the id of a job. Without it,
    and without ``around``, the whole graph."""
    around: Annotated[str | None, Text()] = None
    """Only this node and its neighbours, likewise."""
    distance: Annotated[int, Whole(1, FARTHEST)] = 1
    """With `around`: how many steps away neighbours are, at most."""
