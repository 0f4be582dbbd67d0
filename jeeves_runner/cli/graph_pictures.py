"""The graph as a text that other programs draw: Mermaid, as GitHub does in Markdown, and Graphviz."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.formats import on_one_line
from jeeves_runner.cli.graph_text import node_label

if TYPE_CHECKING:
    from jeeves_runner.views.graph import EdgeDocument, GraphDocument

_MERMAID: Final = {
    "source": ("([", "])"),
    "sink": ("[/", "\\]"),
    "datastore": ("[(", ")]"),
    "queue": ("[[", "]]"),
    "process": ("[", "]"),
    "auth": ("{{", "}}"),
}
"""What stands around the name of a node of each kind, by which its shape is told."""

_DOT: Final = {
    "source": "oval",
    "sink": "house",
    "datastore": "cylinder",
    "queue": "cds",
    "process": "box",
    "auth": "hexagon",
}
_CYCLE: Final = "#c0392b"


def mermaid(document: "GraphDocument") -> Iterator[str]:
    """A flowchart from left to right; dashed edges are uses, red nodes lie on a cycle."""
    yield "flowchart LR"
    places = {node["id"]: f"n{place}" for place, node in enumerate(document["nodes"])}
    for node in document["nodes"]:
        opening, closing = _MERMAID.get(node["kind"], _MERMAID["process"])
        yield f'  {places[node["id"]]}{opening}"{_in_mermaid(node_label(node))}"{closing}'
    for (upstream, downstream), relations in _ties(document).items():
        arrow = "-.->" if relations == ["uses"] else "-->"
        yield f"  {places[upstream]} {arrow}|{', '.join(relations)}| {places[downstream]}"
    if on_cycle := [places[node["id"]] for node in document["nodes"] if node["in_cycle"]]:
        yield f"  classDef cycle stroke:{_CYCLE},stroke-width:2px"
        yield f"  class {','.join(on_cycle)} cycle"


def dot(document: "GraphDocument") -> Iterator[str]:
    """The same in the language of Graphviz, for ``dot -Tsvg``."""
    yield 'digraph "jeeves-runner" {'
    yield "  rankdir=LR;"
    for node in document["nodes"]:
        look = {"label": node_label(node), "shape": _DOT.get(node["kind"], "box")}
        if node["in_cycle"]:
            look["color"] = _CYCLE
        yield f"  {_quoted(node['id'])} [{_attributes(look)}];"
    for (upstream, downstream), relations in _ties(document).items():
        look = {"label": ", ".join(relations)}
        if relations == ["uses"]:
            look["style"] = "dashed"
        yield f"  {_quoted(upstream)} -> {_quoted(downstream)} [{_attributes(look)}];"
    yield "}"


def _ties(document: "GraphDocument") -> dict[tuple[str, str], list[str]]:
    """What ties two nodes, which is one arrow."""
    ties: dict[tuple[str, str], list[str]] = {}
    for edge in document["edges"]:
        ties.setdefault(_ends(edge), []).append(edge["relation"])
    return ties


def _ends(edge: "EdgeDocument") -> tuple[str, str]:
    return edge["upstream"], edge["downstream"]


def _in_mermaid(text: str) -> str:
    """The text within quotes, where Mermaid has escapes of its own."""
    return on_one_line(text).replace("#", "#35;").replace('"', "#quot;")


def _attributes(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(text: str) -> str:
    """A string of Graphviz, which has fewer escapes than JSON."""
    return '"' + on_one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
