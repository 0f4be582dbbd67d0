"""All checks that need more than one manifest."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from jeeves_runner.core.graph.data import (
    one_sided_queues,
    rival_writers,
    undeclared_nodes,
    unwatched_datastores,
    unwritten_datastores,
)
from jeeves_runner.core.graph.found import Declared, Found, Ties, first_of, named, ties_of
from jeeves_runner.core.graph.work import disabled_upstreams, jobs_on_cycles, unknown_jobs
from jeeves_runner.core.problem import Finding

SOON: Final = timedelta(days=14)
"""How long before its last day a credential is warned about."""


def check(declared: Declared) -> list[Found]:
    """What is wrong with the edges of all jobs, and with the nodes that they name; always in one order."""
    ties = ties_of(declared)
    found = [*unknown_jobs(declared, ties)]
    if not declared.is_applied:
        held = [each.key[1] for each in found if each.severity == "error"]
        found += jobs_on_cycles(declared, ties, held)
    found += disabled_upstreams(declared, ties)
    found += undeclared_nodes(declared, ties)
    if not declared.others:  # what these jobs are meant to read and write is not known
        found += one_sided_queues(declared, ties)
        found += unwritten_datastores(declared, ties)
    found += unwatched_datastores(declared, ties)
    found += rival_writers(declared, ties)
    found += expiring(declared, ties)
    return sorted(found, key=lambda each: (each.key, each.severity, each.finding.code, each.finding.message))


def expiring(declared: Declared, ties: Ties) -> Iterator[Found]:
    """The nodes whose last day is near or over."""
    for key, row in declared.rows.items():
        if row.traits.expires is None:
            continue
        last = date.fromisoformat(row.traits.expires)
        if last - declared.today > SOON:
            continue
        users = first_of((job for tied in ties.by.values() for job in tied.get(key[1], ())), declared.rows)
        verb = "expires on" if last >= declared.today else "has expired: its last day was"
        used = f"; {named(users)} {'names' if len(users) == 1 else 'name'} it" if users else ""
        finding = Finding(
            path=(),
            code="expires",
            message=f"`{key[1]}` {verb} {last}{used}",
            hint="renew it, then set `expires` to its new last day",
        )
        yield Found(key, declared.severity, finding)
