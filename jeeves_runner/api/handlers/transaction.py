"""The handler of transactions."""

from aiohttp import web

from jeeves_runner.api.handlers.operations import write_all
from jeeves_runner.api.requests.operations import TransactionBody
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.views.operations import ResultsDocument


async def transaction(call: Call[Nothing, Nothing, TransactionBody]) -> web.Response:
    """All of the operations, or none."""
    document: ResultsDocument = {"results": await write_all(call, call.body.operations)}
    return await call.show(document)
