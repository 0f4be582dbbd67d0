"""One act on each of several jobs, in one transaction: on all of them, or on none and why."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from jeeves_runner.cli.context import say
from jeeves_runner.errors import Conflict, InvalidValue, JeevesError, NotFound

T = TypeVar("T")


def for_each(job_ids: Sequence[str], act: Callable[[str], T], *, undone: str) -> dict[str, T]:
    """What each act has led to, by job; called within the transaction, which an error rolls back.

    What a single job refuses is raised as it is. Of several each refusal is a line on standard error, and
    Conflict is raised; ``undone`` says what holds then, as the beginning of a sentence.
    """
    done: dict[str, T] = {}
    refused: dict[str, JeevesError] = {}
    for job_id in job_ids:
        try:
            done[job_id] = act(job_id)
        except (Conflict, InvalidValue, NotFound) as error:
            if len(job_ids) == 1:
                raise
            refused[job_id] = error
    if not refused:
        return done
    for job_id, refusal in refused.items():
        say(f"{job_id}: {refusal.message}")
    hints = {refusal.hint for refusal in refused.values()}
    verb = "refuses" if len(refused) == 1 else "refuse"
    raise Conflict(
        f"{undone}: {len(refused)} of {len(job_ids)} jobs {verb}",
        hint=hints.pop() if len(hints) == 1 else None,
    )
