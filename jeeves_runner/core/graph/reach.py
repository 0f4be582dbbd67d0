"""What depends on a node, what it depends on, and what is near it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from jeeves_runner.core.graph.value import Graph

FARTHEST: Final = 20
"""How many steps away from a node one can ask for at most."""


def downstream(graph: Graph, key: str) -> Mapping[str, int]:
    """All that a change of this node reaches, by the number of steps to it, nearest first; itself at 0."""
    return _steps(key, graph.below)


def upstream(graph: Graph, key: str) -> Mapping[str, int]:
    """All that reaches this node, likewise."""
    return _steps(key, graph.above)


def impact(graph: Graph, key: str) -> Graph:
    """A node with all before it and all after it."""
    return graph.only(downstream(graph, key).keys() | upstream(graph, key).keys())


def around(graph: Graph, key: str, steps: int = 1) -> Graph:
    """A node with what is at most so many steps away, in whatever direction."""
    return graph.only(_steps(key, lambda node: (*graph.above(node), *graph.below(node)), steps))


def _steps(start: str, beside: Callable[[str], Iterable[str]], most: int | None = None) -> Mapping[str, int]:
    found = {start: 0}
    waiting = [start]
    for node in waiting:
        if found[node] == most:
            break
        for each in beside(node):
            if each not in found:
                found[each] = found[node] + 1
                waiting.append(each)
    return found
