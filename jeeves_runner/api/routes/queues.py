"""The routes of queues."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers import queues
from jeeves_runner.api.route import Route, act, look
from jeeves_runner.views.lineage import ItemLineageDocument
from jeeves_runner.views.queues import (
    ItemsDocument,
    PurgedDocument,
    QueueCountsDocument,
    QueueIdsDocument,
    QueuesDocument,
    RetriedDocument,
)
from jeeves_runner.views.whole_queue import OneQueueDocument

QUEUES: Final[tuple[Route, ...]] = (
    look(
        "/queues",
        "The queues, by id",
        queues.queues,
        {200: QueueIdsDocument | QueuesDocument},
        description="Their ids; with `?detail=1` objects.",
        run_may=RunMay.ANYTHING,
    ),
    look(
        "/queues/{queue}",
        "A queue, with what it is set to and the jobs that work on it",
        queues.queue,
        {200: OneQueueDocument},
        problems={404},
        run_may=RunMay.ANYTHING,
    ),
    look(
        "/queues/{queue}/status",
        "How full a queue is",
        queues.queue_status,
        {200: QueueCountsDocument},
        problems={404},
        run_may=RunMay.ANYTHING,
    ),
    look(
        "/queues/{queue}/peek",
        "The items of a queue that wait, in the order of claims",
        queues.queue_peek,
        {200: ItemsDocument},
        problems={404},
        run_may=RunMay.ANYTHING,
    ),
    act(
        "/queues/{queue}/pause",
        "Let nothing be claimed from a queue, and let it start no job, until a time or until resumed",
        queues.pause_queue,
        {200: QueueCountsDocument},
        description="As of a job: at most one of `until` and `for` is given.",
        problems={404},
    ),
    act(
        "/queues/{queue}/resume",
        "End the pause of a queue",
        queues.resume_queue,
        {200: QueueCountsDocument},
        problems={404},
    ),
    act(
        "/queues/{queue}/purge",
        "Delete the items of a queue that are not claimed, of the kinds that are named",
        queues.purge_queue,
        {200: PurgedDocument},
        description="Claimed items stay, and so do those that come in meanwhile.",
        problems={404},
    ),
    act(
        "/queues/{queue}/retry",
        "Make dead letters pending again, with all their attempts before them",
        queues.retry_items,
        {200: RetriedDocument},
        description=(
            "Of `items` all are, or none: one that is not failed, or whose equal waits already, is answered "
            "with 409. Without `items` all of the queue are that have failed by now; those whose equal waits "
            "already stay, and are counted."
        ),
        problems={404, 409},
    ),
    look(
        "/queues/{queue}/items/{item}",
        "An item with the runs that it passed",
        queues.queue_item,
        {200: ItemLineageDocument},
        problems={404},
        run_may=RunMay.ANYTHING,
    ),
    act(
        "/queues/{queue}/items/{item}",
        "Delete an item for good, unless it is claimed",
        queues.delete_queue_item,
        {200: PurgedDocument},
        description=(
            "The answer names what it was. A queue whose `dedup` has the scope `all` takes its payload again."
        ),
        method="DELETE",
        problems={404, 409},
    ),
)
