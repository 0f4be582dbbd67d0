"""What can be done with a run, a queue, a dead letter, and with the runner: forms that say what they do."""

from dataclasses import dataclass
from datetime import datetime

import apsw
from aiohttp import web

from jeeves_runner.api.requests.queues import QueueItemPath, QueuePath
from jeeves_runner.api.requests.runs import RunPath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.dashboard.of_all import OfAll, of_all
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db.run_list import WholeRunRow
from jeeves_runner.views.lineage import WholeItemDocument, item_lineage_view
from jeeves_runner.views.queues import QueueCountsDocument, queue_view
from jeeves_runner.views.runs import run_view


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueActs:
    """What is shown of a queue."""

    id: str
    """Its id."""
    counts: QueueCountsDocument
    """How full it is, and whether it is paused."""
    zone: str
    """The time zone in which times without an offset are read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemActs:
    """What is shown of an item."""

    queue: str
    """The queue that it is in."""
    item: WholeItemDocument
    """The item."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunnerActs:
    """What is shown of the runner."""

    of_all: OfAll
    """What holds for all jobs."""
    zone: str
    """The time zone in which times without an offset are read."""


async def run_acts(call: Call[RunPath, Nothing, Nothing]) -> web.Response:
    run_id = call.path.run
    sheet = Sheet(template="run_acts.html", title=f"Cancel run {run_id}", here="/runs")

    def read(conn: apsw.Connection, _now: datetime) -> WholeRunRow:
        return run_view(conn, run_id)["run"]

    return await show(call, sheet, read)


async def queue_acts(call: Call[QueuePath, Nothing, Nothing]) -> web.Response:
    name, zone = call.path.queue, call.services.config.timezone
    sheet = Sheet(template="queue_acts.html", title=f"Act on queue {name}", here="/queues")
    return await show(
        call, sheet, lambda conn, now: QueueActs(id=name, counts=queue_view(conn, now, name), zone=zone)
    )


async def item_acts(call: Call[QueueItemPath, Nothing, Nothing]) -> web.Response:
    name, item_id = call.path.queue, call.path.item
    sheet = Sheet(template="item_acts.html", title=f"Act on item {item_id} of {name}", here="/queues")

    def read(conn: apsw.Connection, now: datetime) -> ItemActs:
        return ItemActs(queue=name, item=item_lineage_view(conn, now, item_id, name)["item"])

    return await show(call, sheet, read)


async def runner_acts(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    sheet = Sheet(template="runner_acts.html", title="Act on all jobs", here="/")
    zone = call.services.config.timezone
    return await show(call, sheet, lambda conn, now: RunnerActs(of_all=of_all(conn, now), zone=zone))
