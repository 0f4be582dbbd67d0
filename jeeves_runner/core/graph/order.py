"""The order of a graph: what lies on a cycle, and how far each node is from the beginning."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from jeeves_runner.core.graph.value import Graph

Groups = Sequence[tuple[str, ...]]
"""The components of a graph, in their order."""

Following = Callable[[str], Iterable[str]]
"""The nodes that come right after one."""


def components(nodes: Iterable[str], below: Following) -> list[tuple[str, ...]]:
    """The strongly connected components: nodes of which each can be reached from each other.

    Each comes before all that can be reached from it, with its nodes in the order of ``nodes``. What no cycle
    comes before is taken off first, node by node, which is all of most graphs. The rest is found by
    Tarjan's algorithm (1972), with a stack of its own, because a pipeline may be longer than Python's stack
    is deep.
    """
    order = {node: place for place, node in enumerate(nodes)}
    following = {node: tuple(below(node)) for node in order}
    taken_off = _before_any_cycle(following)
    front: list[tuple[str, ...]] = [(node,) for node in taken_off]
    if len(front) == len(order):
        return front
    gone = frozenset(taken_off)
    return front + _by_tarjan({node: order[node] for node in order if node not in gone}, following)


def _before_any_cycle(following: Mapping[str, Sequence[str]]) -> list[str]:
    """The nodes to which no way leads from a cycle, in an order that follows the edges."""
    entries = dict.fromkeys(following, 0)
    for ends in following.values():
        for end in ends:
            entries[end] += 1
    found = [node for node, count in entries.items() if not count]
    for node in found:
        for end in following[node]:
            entries[end] -= 1
            if not entries[end]:
                found.append(end)
    return found


def _by_tarjan(order: Mapping[str, int], following: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    found: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    complete: list[tuple[str, ...]] = []

    def enter(node: str) -> tuple[str, Iterator[str]]:
        found[node] = lowest[node] = len(found)
        path.append(node)
        on_path.add(node)
        return node, iter(following[node])

    for start in order:
        walk = [enter(start)] if start not in found else []
        while walk:
            node, rest = walk[-1]
            after = next(rest, None)
            if after is None:
                walk.pop()
                if walk:
                    lowest[walk[-1][0]] = min(lowest[walk[-1][0]], lowest[node])
                if lowest[node] == found[node]:
                    members = _taken_down_to(node, path)
                    on_path.difference_update(members)
                    complete.append(tuple(sorted(members, key=order.__getitem__)))
            elif after not in found:
                walk.append(enter(after))
            elif after in on_path:
                lowest[node] = min(lowest[node], found[after])
    complete.reverse()
    return complete


def _taken_down_to(node: str, path: list[str]) -> list[str]:
    members = [path.pop()]
    while members[-1] != node:
        members.append(path.pop())
    return members


def cycles(graph: Graph, groups: Groups | None = None) -> list[tuple[str, ...]]:
    """The components in which going on comes back: of several nodes, or of one that follows itself.

    ``groups``: the components, where they are known.
    """
    return [
        members
        for members in (components(graph.nodes, graph.below) if groups is None else groups)
        if len(members) > 1 or members[0] in graph.below(members[0])
    ]


def layers(graph: Graph, groups: Groups | None = None) -> Mapping[str, int]:
    """For each node the number of steps on the longest way to it, from 0, in an order that follows the edges.

    The nodes of a cycle are in one layer, and steps among them do not count. ``groups`` as in ``cycles``.
    """
    layer: dict[str, int] = {}
    for members in components(graph.nodes, graph.below) if groups is None else groups:
        inside = frozenset(members)
        before = (layer[each] for node in members for each in graph.above(node) if each not in inside)
        layer.update(dict.fromkeys(members, max(before, default=-1) + 1))
    return layer


def way_round(members: Iterable[str], below: Following) -> tuple[str, ...]:
    """A shortest way along ``below`` from the first of a cycle's nodes back to it, with each node once."""
    inside = dict.fromkeys(members)
    first = next(iter(inside))
    came_from: dict[str, str] = {}
    waiting = [first]
    for node in waiting:
        for after in below(node):
            if after == first:
                way = [node]
                while way[-1] != first:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            if after in inside and after not in came_from:
                came_from[after] = node
                waiting.append(after)
    raise ValueError(f"there is no way from {first} back to it")
