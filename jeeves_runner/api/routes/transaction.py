"""The route of transactions."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers.transaction import transaction
from jeeves_runner.api.route import Audit, Route, act
from jeeves_runner.views.operations import ResultsDocument

TRANSACTION: Final[tuple[Route, ...]] = (
    act(
        "/transaction",
        "Write state and queues by several operations, all of them or none",
        transaction,
        {200: ResultsDocument},
        problems={409},
        run_may=RunMay.ANYTHING,
        audit=Audit.NOWHERE,
    ),
)
