"""The routes by which scripts and other programs work queues."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers import queue_items
from jeeves_runner.api.route import Audit, Handler, Route, act
from jeeves_runner.views.operations import AnsweredDocument, ClaimedDocument, IdsDocument


def _of_scripts(path: str, summary: str, handler: Handler, answer: object, *problems: int) -> Route:
    return act(
        path,
        summary,
        handler,
        {200: answer},
        problems=problems,
        run_may=RunMay.ANYTHING,
        audit=Audit.NOWHERE,
    )


QUEUE_ITEMS: Final[tuple[Route, ...]] = (
    _of_scripts(
        "/queues/{queue}/items",
        "Add items to a queue, all of them or none",
        queue_items.enqueue,
        IdsDocument,
        409,
    ),
    _of_scripts(
        "/queues/{queue}/claim",
        "Claim ready items of a queue, or wait for one",
        queue_items.claim_items,
        ClaimedDocument,
    ),
    _of_scripts(
        "/queues/{queue}/items/{item}/complete",
        "Answer a claim: the item is done",
        queue_items.complete,
        AnsweredDocument,
        404,
        409,
    ),
    _of_scripts(
        "/queues/{queue}/items/{item}/fail",
        "Answer a claim: the item is not done",
        queue_items.fail,
        AnsweredDocument,
        404,
        409,
    ),
    _of_scripts(
        "/queues/{queue}/items/{item}/extend",
        "Let a claim last longer",
        queue_items.extend,
        AnsweredDocument,
        404,
        409,
    ),
    _of_scripts(
        "/queues/{queue}/complete",
        "Answer several claims: done, all of them or none",
        queue_items.complete_all,
        AnsweredDocument,
        404,
        409,
    ),
    _of_scripts(
        "/queues/{queue}/fail",
        "Answer several claims: not done, all of them or none",
        queue_items.fail_all,
        AnsweredDocument,
        404,
        409,
    ),
    _of_scripts(
        "/queues/{queue}/extend",
        "Let several claims last longer, all of them or none",
        queue_items.extend_all,
        AnsweredDocument,
        404,
        409,
    ),
)
