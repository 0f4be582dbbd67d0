"""What the handlers of state and queues have in common: operations that one caller has carried out.

What a run does by its own token names the run, as if its script had written to the database itself.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jeeves_runner.api.route import AnyCall
from jeeves_runner.core.operations import Gathered, Write
from jeeves_runner.db.lineage import Effects
from jeeves_runner.db.operations import is_announced, is_durable, perform, perform_all
from jeeves_runner.db.tokens import check_runs
from jeeves_runner.db.transaction import Tx

T = TypeVar("T")


async def write(call: AnyCall, op: Write) -> Any:
    """As ``db.operations.perform``, once it is committed."""
    done = await commit(call, lambda tx, effects: perform(tx, op, effects), durable=is_durable(op))
    if is_announced(op):
        call.services.look_soon()
    return done


async def write_all(call: AnyCall, ops: Sequence[Gathered]) -> list[Any]:
    """As ``db.operations.perform_all``, once they are committed."""
    done = await commit(
        call, lambda tx, effects: perform_all(tx, ops, effects), durable=any(map(is_durable, ops))
    )
    if any(map(is_announced, ops)):
        call.services.look_soon()
    return done


async def commit(call: AnyCall, act: Callable[[Tx, Effects | None], T], *, durable: bool) -> T:
    """What ``act`` returns, once it is committed. Unauthorized if it is a run that asks, and has ended."""
    run = call.asking.caller.run

    def of_run(tx: Tx) -> T:
        if run is None:
            return act(tx, None)
        check_runs(tx, run.run_id)
        effects = Effects(run.run_id)
        done = act(tx, effects)
        effects.write(tx)
        return done

    return await call.services.writer.write(of_run, durable=durable)
