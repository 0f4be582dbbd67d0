"""What ``diff`` tells: a plan, what it was compared with, and what it does to the days to come."""

from typing import Literal, TypedDict

from jeeves_runner.core.edge_changes import EdgeChanges
from jeeves_runner.core.plan import Plan
from jeeves_runner.views.forecast import ForecastDocument
from jeeves_runner.views.graph import EdgeDocument, edge_document
from jeeves_runner.views.sync import PlanDocument, plan_view


class AgainstDocument(TypedDict):
    """What the manifests were compared with."""

    kind: Literal["database", "empty", "commit", "server"]
    """``database``: the project's own. ``empty``: no jobs at all. ``commit``: the manifests of one in git.
    ``server``: what is live on another."""
    name: str | None
    """The commit as it was asked for, or the server's address."""
    commit: str | None
    """The full name of the commit, or of the one that the server last applied."""
    errors: int
    """How many mistakes the manifests of that commit have, or how many specs of the server cannot be read:
    what stands there counts as new."""


class LeftOverDocument(TypedDict):
    """A node of which the changes take the last reader, or the last writer."""

    node: str
    """``KIND:NAME``."""
    lacks: Literal["reader", "writer"]
    """What it had and has no more."""
    jobs: list[str]
    """The jobs on its other side, by id."""
    message: str
    """The same in a sentence."""


class EdgeChangesDocument(TypedDict):
    """What the changes do to the graph."""

    gained: list[EdgeDocument]
    """Edges that come, by job, relation and node."""
    lost: list[EdgeDocument]
    """Edges that go, likewise."""
    left: list[LeftOverDocument]
    """By node."""


class DiffDocument(PlanDocument):
    """What an apply would change."""

    against: AgainstDocument
    """What was compared with."""
    forecast: ForecastDocument
    """What the changes do to the days to come."""
    graph: EdgeChangesDocument
    """What they do to the graph."""
    refused: str | None
    """Why an apply would be refused; null: it would not, or it is not the project's database."""


def against(
    kind: Literal["database", "empty", "commit", "server"],
    name: str | None = None,
    commit: str | None = None,
    errors: int = 0,
) -> AgainstDocument:
    """What was compared with."""
    return {"kind": kind, "name": name, "commit": commit, "errors": errors}


def diff_view(
    plan: Plan,
    *,
    compared: AgainstDocument,
    forecast: ForecastDocument,
    edges: EdgeChanges,
    refused: str | None,
) -> DiffDocument:
    """The whole of it."""
    return {
        **plan_view(plan),
        "against": compared,
        "forecast": forecast,
        "graph": {
            "gained": list(map(edge_document, edges.gained)),
            "lost": list(map(edge_document, edges.lost)),
            "left": [
                {"node": each.node, "lacks": each.lacks, "jobs": list(each.jobs), "message": each.message}
                for each in edges.left
            ],
        },
        "refused": refused,
    }
