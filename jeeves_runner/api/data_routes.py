"""The routes of what scripts keep and hand to one another: a part of ``routes``."""

from typing import Final

from jeeves_runner.api import data_handlers
from jeeves_runner.api import requests as of
from jeeves_runner.api.route import AnyRoute, Role, Route
from jeeves_runner.views.lineage import ItemLineageDocument
from jeeves_runner.views.queues import ItemsDocument, QueueCountsDocument, QueueIdsDocument, QueuesDocument
from jeeves_runner.views.state import NamespacesDocument, StateKeyDocument

DATA: Final[tuple[AnyRoute, ...]] = (
    Route(
        method="GET",
        path="/queues",
        role=Role.READ,
        summary="The queues, by id",
        query=of.QueuesQuery,
        answers={200: QueueIdsDocument | QueuesDocument},
        handler=data_handlers.queues,
    ),
    Route(
        method="GET",
        path="/queues/{queue}/status",
        role=Role.READ,
        summary="How full a queue is",
        path_values=of.QueuePath,
        answers={200: QueueCountsDocument},
        problems=frozenset({404}),
        handler=data_handlers.queue_status,
    ),
    Route(
        method="GET",
        path="/queues/{queue}/peek",
        role=Role.READ,
        summary="The items of a queue that wait, in the order of claims",
        path_values=of.QueuePath,
        query=of.PeekQuery,
        answers={200: ItemsDocument},
        problems=frozenset({404}),
        handler=data_handlers.queue_peek,
    ),
    Route(
        method="POST",
        path="/queues/{queue}/pause",
        role=Role.OPERATE,
        summary="Let nothing be claimed from a queue, and let it start no job, until a time or until resumed",
        path_values=of.QueuePath,
        body=of.OverrideBody,
        answers={200: QueueCountsDocument},
        problems=frozenset({404}),
        handler=data_handlers.pause_queue,
    ),
    Route(
        method="POST",
        path="/queues/{queue}/resume",
        role=Role.OPERATE,
        summary="End the pause of a queue",
        path_values=of.QueuePath,
        answers={200: QueueCountsDocument},
        problems=frozenset({404}),
        handler=data_handlers.resume_queue,
    ),
    Route(
        method="GET",
        path="/queues/{queue}/items/{item}",
        role=Role.READ,
        summary="An item with the runs that it passed",
        path_values=of.QueueItemPath,
        answers={200: ItemLineageDocument},
        problems=frozenset({404}),
        handler=data_handlers.queue_item,
    ),
    Route(
        method="GET",
        path="/state",
        role=Role.READ,
        summary="The namespaces in which scripts keep state",
        query=of.KeysQuery,
        answers={200: NamespacesDocument},
        handler=data_handlers.namespaces,
    ),
    Route(
        method="GET",
        path="/state/{namespace}",
        role=Role.READ,
        summary="The values of a namespace, by key",
        path_values=of.NamespacePath,
        query=of.KeysQuery,
        answers={200: dict[str, object]},
        problems=frozenset({404}),
        handler=data_handlers.namespace,
    ),
    Route(
        method="GET",
        path="/state/{namespace}/{key}",
        role=Role.READ,
        summary="The value and the items of a key",
        path_values=of.StatePath,
        query=of.ItemsQuery,
        answers={200: StateKeyDocument},
        problems=frozenset({404}),
        handler=data_handlers.state_key,
    ),
)
