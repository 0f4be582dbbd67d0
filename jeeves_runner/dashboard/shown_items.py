"""Items of queues as pages show them: with their payloads and the runs that they passed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import apsw

from jeeves_runner.dashboard.shown_values import ShownValue, shown_value
from jeeves_runner.db.lineage_list import RunOrigin, origins
from jeeves_runner.db.queue_lines import ItemLine


class ShownItem(NamedTuple):
    """An item."""

    line: ItemLine
    """What it is."""
    payload: ShownValue
    """Its payload."""
    producer: RunOrigin | None
    """The run that enqueued it."""
    consumer: RunOrigin | None
    """The run that claimed it last."""


def shown_items(conn: apsw.Connection, lines: Sequence[ItemLine], *, room: int) -> dict[int, ShownItem]:
    """These items by number. ``room``: characters of each payload."""
    runs = origins(conn, [run for each in lines for run in _runs_of(each)])
    return {line.id: _shown(line, runs, room) for line in lines}


def _runs_of(line: ItemLine) -> list[tuple[int, int | None]]:
    named = ((line.producer, line.producer_revision), (line.consumer, line.consumer_revision))
    return [(run, revision) for run, revision in named if run is not None]


def _shown(line: ItemLine, runs: Mapping[int, RunOrigin], room: int) -> ShownItem:
    return ShownItem(
        line=line,
        payload=shown_value(line.text, line.size, room=room),
        producer=None if line.producer is None else runs[line.producer],
        consumer=None if line.consumer is None else runs[line.consumer],
    )
