"""An entry of the board: an attempt that is not over, as far as its turn goes."""

from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import TypeVar

from jeeves_runner.core.model import Reason, Trigger


class Stage(Enum):
    """Where a run stands. The decision about an ``ARRIVING`` one is not committed yet."""

    ARRIVING = auto()
    WAITING = auto()
    RUNNING = auto()
    """From the decision to start it, so that its slot is taken at once."""
    OVER = auto()
    """It is on the board no more."""


Peers = tuple[str, bool, bool, bool]
"""What entries that wait for the same have in common: the job, whether forced, whether retries, whether they
ask for what the job needs."""


Turn = tuple[int, float]
"""A place in the order of entries: the negative priority, then the id of the row. No two rows share one."""


Why = tuple[Reason, str | None]
"""A reason to wait and what it is about."""


@dataclass(slots=True, eq=False)
class BoardEntry:
    """An attempt that is not over: a run from the decision about it to its end."""

    job_id: str
    """The job."""
    trigger: Trigger
    """Why the run exists."""
    forced: bool = False
    """It overrides pauses and the overlap policy."""
    priority: int = 0
    """By the spec while it has no row; then its row has it."""
    pool: str | None = None
    """The pool it takes a place of: by its row while it waits, else by the spec."""
    executor: str = ""
    """What carries it out, once it runs."""
    run_id: int | None = None
    """The id of its row; None before there is one."""
    stage: Stage = Stage.ARRIVING
    """Where it stands."""
    why: Why | None = None
    """Why it waits, as last noted."""
    is_of_the_past: bool = False
    """It belongs to a backfill: other runs of its job wait for it, and are not skipped."""

    @property
    def is_retry(self) -> bool:
        return self.trigger is Trigger.RETRY

    @property
    def peers(self) -> Peers:
        """Entries with the same peers wait for the same, but for the time of a retry, or the end of a wait
        for what they need."""
        return self.job_id, self.forced, self.is_retry, self.trigger.lapses

    @property
    def turn(self) -> Turn:
        """Entries go by priority, then age; one without a row is the youngest."""
        return -self.priority, inf if self.run_id is None else self.run_id


E = TypeVar("E", bound=BoardEntry)
"""What a board holds: entries, with whatever else its owner needs of them."""
