"""The handlers of queue items: what comes in, claims, and the answers to them."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from jeeves_runner.api.guard import NO_TOKEN
from jeeves_runner.api.handlers.operations import commit, write, write_all
from jeeves_runner.api.requests import operations
from jeeves_runner.api.requests.operations import (
    ClaimBody,
    CompleteAllBody,
    CompleteBody,
    EnqueueBody,
    ExtendAllBody,
    ExtendBody,
    FailAllBody,
    FailBody,
)
from jeeves_runner.api.requests.queues import ClaimQuery, NamedQueuePath, QueueItemPath
from jeeves_runner.api.responses import encoded_parts
from jeeves_runner.api.route import AnyCall, Call, Nothing
from jeeves_runner.core.operations import Claim, Complete, Extend, Fail
from jeeves_runner.db.queue_claims import Item
from jeeves_runner.db.queue_upkeep import undo_claims
from jeeves_runner.views.operations import AnsweredDocument, ClaimedDocument, IdsDocument

_STATUS: Final = {Complete: "completed", Extend: "claimed"}
"""What an item is after an answer that leaves no choice."""


async def enqueue(call: Call[NamedQueuePath, Nothing, EnqueueBody]) -> web.Response:
    document: IdsDocument = {"ids": await write(call, operations.enqueue(call.path, call.body))}
    return await call.show(document)


async def claim_items(call: Call[NamedQueuePath, ClaimQuery, ClaimBody]) -> web.Response:
    """Ready items at once, or as soon as there are some within the time that the client waits."""
    op = Claim(call.path.queue, call.body.count_, call.body.lease)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + call.query.wait.total_seconds()
    items: list[Item] = await write(call, op)
    while not items and await _may_be_ready(call, op.queue, ends_at - loop.time()):
        if not call.asking.still_counts():
            raise NO_TOKEN
        items = await write(call, op)
    if items and call.asking.connection.gone.is_set():
        await commit(call, lambda tx, _: undo_claims(tx, items), durable=False)
        items = []
    document: ClaimedDocument = {
        "items": [
            {"id": item.id, "payload": item.payload, "attempt": item.attempt, "lease_token": item.lease_token}
            for item in items
        ]
    }
    if not items:
        return await call.show(document)
    return await call.answer_parts(lambda _conn, _now: encoded_parts(document))


async def _may_be_ready(call: AnyCall, queue: str, seconds: float) -> bool:
    """Wait for an item; False once that time has passed, the client has hung up, or the server is to stop."""
    services = call.services
    if seconds <= 0:
        return False
    # Only this wait is ended: a claim that is on its way must come to its end, and be answered or undone.
    async with services.stopping.ends_wait(seconds), call.asking.connection.gone.ends_wait(None):
        await services.claims.ready(queue)
        return True
    return False


async def complete(call: Call[QueueItemPath, Nothing, CompleteBody]) -> web.Response:
    return await _answer(call, [operations.complete(call.path, call.body, call.path.queue)])


async def fail(call: Call[QueueItemPath, Nothing, FailBody]) -> web.Response:
    return await _answer(call, [operations.fail(call.path, call.body, call.path.queue)])


async def extend(call: Call[QueueItemPath, Nothing, ExtendBody]) -> web.Response:
    return await _answer(call, [operations.extend(call.path, call.body, call.path.queue)])


async def complete_all(call: Call[NamedQueuePath, Nothing, CompleteAllBody]) -> web.Response:
    queue = call.path.queue
    return await _answer(call, [operations.complete(place, body, queue) for place, body in call.body.items])


async def fail_all(call: Call[NamedQueuePath, Nothing, FailAllBody]) -> web.Response:
    queue = call.path.queue
    return await _answer(call, [operations.fail(place, body, queue) for place, body in call.body.items])


async def extend_all(call: Call[NamedQueuePath, Nothing, ExtendAllBody]) -> web.Response:
    queue = call.path.queue
    return await _answer(call, [operations.extend(place, body, queue) for place, body in call.body.items])


async def _answer(call: AnyCall, ops: Sequence[Complete | Fail | Extend]) -> web.Response:
    """All of the answers to claims, or none; what each item is now."""
    results: list[Any] = await write_all(call, ops)
    document: AnsweredDocument = {
        "items": [
            {"id": op.item_id, "status": _STATUS.get(type(op), result)}
            for op, result in zip(ops, results, strict=True)
        ]
    }
    return await call.show(document)
