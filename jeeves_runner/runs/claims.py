"""Runs that are carried out elsewhere come for their work: what starts on an engine shows a start token."""

from collections.abc import Sequence

from jeeves_runner.core.origin import Actor
from jeeves_runner.db import claims
from jeeves_runner.db.claims import Claimant
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import Conflict, InvalidValue
from jeeves_runner.execute.contract import Order
from jeeves_runner.runs.api_access import ApiAccess
from jeeves_runner.runs.attempt import AttemptBoard
from jeeves_runner.runs.execution import Execution


class Claims:
    """Hands each run to what claims it first. Used in the event loop."""

    def __init__(self, board: AttemptBoard, writer: Writer, epoch: int, api: ApiAccess) -> None:
        self._board = board
        self._writer = writer
        self._epoch = epoch
        self._api = api

    def order(self, run_id: int) -> Order:
        """What there is to do for a run, its own token included; nothing is claimed by that. Conflict unless
        it runs and is to go on, and its parameters can be had; DatabaseError."""
        try:
            return self._execution(run_id).order(self._api)
        except InvalidValue as error:
            raise Conflict(error.message, hint=error.hint) from error

    async def claim(self, by: Claimant, secrets: Sequence[str], actor: Actor) -> None:
        """Have what has shown the token begin, and mask these texts in what it says. Conflict if it may not;
        then nothing of the order may be told. Raises StartFailed where its output could not be masked."""
        execution = self._execution(by.run_id)
        await execution.mask_also(secrets)
        token_digest = self._api.digest(execution.mark)

        def op(tx: Tx) -> None:
            check_epoch(tx, self._epoch)
            claims.claim(tx, by, token_digest=token_digest, actor=actor)

        await self._writer.write(op, priority=Priority.START)

    def _execution(self, run_id: int) -> Execution:
        attempt = self._board.get(run_id)
        execution = None if attempt is None else attempt.execution
        if execution is None or not execution.may_be_claimed():
            raise claims.not_to_begin(f"run {run_id} is not carried out by this runner, or is to end")
        return execution
