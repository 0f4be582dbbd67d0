"""All checks that need more than one manifest."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.graph.data import (
    one_sided_queues,
    rival_writers,
    undeclared_nodes,
    unwritten_datastores,
)
from jeeves_runner.core.graph.found import Declared, Found, Tied, first_of, named, tied_by_relation
from jeeves_runner.core.graph.work import disabled_upstreams, jobs_on_cycles, unknown_jobs
from jeeves_runner.core.problem import Finding

SOON: Final = timedelta(days=14)
"""How long before its last day a credential is warned about."""


def check(declared: Declared) -> list[Found]:
    """What is wrong with the edges of all jobs, and with the nodes that they name."""
    tied = tied_by_relation(declared.rows)
    found = [*unknown_jobs(declared, tied)]
    held = [each.key[1] for each in found if each.severity == "error"]
    found += jobs_on_cycles(declared, held)
    found += disabled_upstreams(declared, tied)
    found += undeclared_nodes(declared, tied)
    found += one_sided_queues(declared, tied)
    found += unwritten_datastores(declared, tied)
    found += rival_writers(declared, tied)
    found += expiring(declared, tied)
    return found


def expiring(declared: Declared, tied: Mapping[Relation, Tied]) -> Iterator[Found]:
    """The nodes whose last day is near or over."""
    for key, row in declared.rows.items():
        if row.traits.expires is None:
            continue
        last = date.fromisoformat(row.traits.expires)
        if last - declared.today > SOON:
            continue
        users = first_of(
            (job for relation in tied.values() for job in relation.get(key[1], ())), declared.rows
        )
        verb = "expires on" if last >= declared.today else "has expired: its last day was"
        used = f"; {named(users)} {'names' if len(users) == 1 else 'name'} it" if users else ""
        finding = Finding(
            path=(),
            code="expires",
            message=f"`{key[1]}` {verb} {last}{used}",
            hint="renew it, then set `expires` to its new last day",
        )
        yield Found(key, declared.severity, finding)
