"""What requests for the graph may hold."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.parameters import Text


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
