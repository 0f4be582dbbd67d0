"""Lineage: from an item to the runs and commits that it passed, and from a run to all that it led to."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

import apsw

from jeeves_runner.db import lineage_list, queue_contents, runs
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.lineage_list import MOST, Effect, PassedItem, RunOrigin
from jeeves_runner.db.queue_refusals import unknown_item
from jeeves_runner.db.queues import item_of_another
from jeeves_runner.errors import NotFound
from jeeves_runner.views.queues import ItemDocument, item_document


class PassedItemDocument(TypedDict):
    """A queue item, by the runs that it passed."""

    id: int
    """Its number."""
    queue: str
    """The id of its queue."""
    status: str
    """What has become of it: `pending`, `claimed`, `completed` or `failed`."""
    producer: RunOrigin | None
    """The run that enqueued it; null where no run did."""
    consumer: RunOrigin | None
    """The run that claimed it last; null where none did, or where it went back to its queue since."""


class WholeItemDocument(ItemDocument, PassedItemDocument):
    """An item with the runs that it passed."""


class ItemLineageDocument(TypedDict):
    """One item."""

    item: WholeItemDocument
    """With the runs that it passed."""


class RunLineage(TypedDict):
    """What led to a run, and what it led to."""

    run: RunOrigin
    """The run itself."""
    causes: list[RunOrigin]
    """The runs that it follows from, oldest first; at most 100, the newest."""
    more_causes: bool
    """Whether there were more of them, `total` of `caused_by` in all."""
    caused_by: object
    """All that it follows from, as `GET /runs/{run}` tells it."""
    caused: list[RunOrigin]
    """The runs that follow from it, newest first; at most 100."""
    more_caused: bool
    """Whether there are more of them."""
    effects: list[Effect]
    """What it has done, counted, by act and target, at most 100; these counts are deleted with the run."""
    more_effects: bool
    """Whether there are more of them."""
    claimed: list[PassedItemDocument]
    """The items that it was the last to claim, newest first; at most 100."""
    more_claimed: bool
    """Whether there are more of them."""
    enqueued: list[PassedItemDocument]
    """The items that it enqueued, newest first; at most 100."""
    more_enqueued: bool
    """Whether there are more of them."""


class RunLineageDocument(TypedDict):
    """One run."""

    lineage: RunLineage
    """What led to it, and what it led to."""


def item_lineage_view(
    conn: apsw.Connection, now: datetime, item_id: int, queue_id: str | None = None
) -> ItemLineageDocument:
    """``{item}``: an item with the runs that it passed; NotFound, also where it is in another queue."""
    with snapshot(conn):
        passed = passed_item(conn, now, item_id, queue_id)
        row = queue_contents.item_row(conn, now, item_id)
        if row is None:
            raise _unknown(item_id)
        origins = lineage_list.origins(conn, _runs_of([passed]))
    return {"item": {**item_document(row), **_passed(passed, origins)}}


def passed_item(
    conn: apsw.Connection, now: datetime, item_id: int, queue_id: str | None = None
) -> PassedItem:
    """An item, by the runs that it passed; NotFound as above."""
    passed = lineage_list.item(conn, now, item_id)
    if passed is None:
        raise _unknown(item_id)
    if queue_id not in (None, passed.queue):
        raise item_of_another(item_id, queue_id, passed.queue)
    return passed


def _unknown(item_id: int) -> NotFound:
    return NotFound(
        unknown_item(item_id), hint="what is completed or failed is kept for its queue's `retention`"
    )


def run_lineage_view(conn: apsw.Connection, now: datetime, run_id: int) -> RunLineageDocument:
    """``{lineage}``: what led to a run, and what it led to.

    Of a run that has been deleted its items and the runs that it caused tell, while these are kept. NotFound
    for a run of which there is no trace.
    """
    with snapshot(conn):
        claimed = lineage_list.claimed_by(conn, now, run_id)
        enqueued = lineage_list.enqueued_by(conn, now, run_id)
        caused = lineage_list.caused_runs(conn, run_id)
        by = lineage_list.caused_by(conn, run_id)
        causes = () if by is None else by.runs
        named = [*_runs_of(claimed), *_runs_of(enqueued)]
        revision = next((revision for run, revision in named if run == run_id), None)
        unknown = [(run, None) for run in (*caused, *causes)]
        origins = lineage_list.origins(conn, [*unknown, *named, (run_id, revision)])
        if origins[run_id]["deleted"] and not (claimed or enqueued or caused):
            raise runs.unknown_run(conn, run_id)
        effects = lineage_list.effects_of(conn, run_id)
    return {
        "lineage": {
            "run": origins[run_id],
            "causes": [origins[cause] for cause in causes],
            "more_causes": by is not None and by.all_runs > len(causes),
            "caused_by": None if by is None else by.as_json(),
            "caused": [origins[each] for each in caused[:MOST]],
            "more_caused": len(caused) > MOST,
            "effects": effects[:MOST],
            "more_effects": len(effects) > MOST,
            "claimed": [_passed(item, origins) for item in claimed[:MOST]],
            "more_claimed": len(claimed) > MOST,
            "enqueued": [_passed(item, origins) for item in enqueued[:MOST]],
            "more_enqueued": len(enqueued) > MOST,
        }
    }


def _runs_of(items: Sequence[PassedItem]) -> list[tuple[int, int | None]]:
    return [run for item in items for run in (item.producer, item.consumer) if run is not None]


def _passed(item: PassedItem, origins: dict[int, RunOrigin]) -> PassedItemDocument:
    return {
        "id": item.id,
        "queue": item.queue,
        "status": item.status,
        "producer": item.producer and origins[item.producer[0]],
        "consumer": item.consumer and origins[item.consumer[0]],
    }
