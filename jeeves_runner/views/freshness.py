"""Data that is older than its node says."""

from datetime import datetime
from typing import TypedDict

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.graph.freshness import Expected, stale
from jeeves_runner.db import freshness
from jeeves_runner.db.connection import snapshot
from jeeves_runner.views.occurrences import text_of


class StaleNodeDocument(TypedDict):
    """A datastore or sink that no job has written within its time."""

    id: str
    """Its identity, ``KIND:NAME``."""
    fresh_within_ms: int
    """Within how many milliseconds it was to be written."""
    fresh_at: str | None
    """When a run last ended that wrote it, or that found nothing to do; null: none did."""
    stale_since: str
    """Since when it is stale."""
    job_id: str | None
    """The job of that run."""
    run_id: int | None
    """That run, which may be deleted by now."""
    found_nothing: bool
    """Whether that run has only looked, and found nothing to write."""
    writers: list[str]
    """The jobs that write it and are enabled, by id."""


class StaleDocument(TypedDict):
    """All that is stale."""

    stale: list[StaleNodeDocument]
    """Those that are so for longest first."""


def stale_view(conn: apsw.Connection, now: datetime) -> StaleDocument:
    """``{stale}``: the declared nodes with ``fresh_within`` that are stale now."""
    with snapshot(conn):
        return {"stale": [_node(each) for each in stale(freshness.expected(conn), now)]}


def _node(each: Expected) -> StaleNodeDocument:
    return {
        "id": each.node,
        "fresh_within_ms": each.within_ms,
        "fresh_at": text_of(each.fresh_at),
        "stale_since": to_text(each.stale_from),
        "job_id": each.written_by,
        "run_id": each.run_id,
        "found_nothing": each.found_nothing,
        "writers": list(each.writers),
    }
