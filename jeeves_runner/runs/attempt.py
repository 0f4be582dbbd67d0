"""An attempt: one run on its way from the decision about it to its end, as the board has it in memory."""

from dataclasses import dataclass
from enum import Enum, auto
from math import inf

from jeeves_runner.core.model import Reason, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.runs.execution import Execution


class Stage(Enum):
    """Where an attempt stands. The decision about an ``ARRIVING`` one is not committed yet."""

    ARRIVING = auto()
    WAITING = auto()
    RUNNING = auto()
    """From the decision to start it, so that its slot is taken at once."""
    OVER = auto()
    """It is on the board no more."""


Peers = tuple[str, bool, bool]
"""What attempts that wait for the same have in common: the job, whether forced, whether retries."""


Turn = tuple[int, float]
"""A place in the order of attempts: the negative priority, then the id of the row. No two rows share one."""


Why = tuple[Reason, str | None]
"""A reason to wait and what it is about."""


@dataclass(slots=True, eq=False)
class Attempt:
    """A run that is not over."""

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
    run: Run | None = None
    """Its row as last written; None before there is one."""
    stage: Stage = Stage.ARRIVING
    """Where it stands."""
    execution: Execution | None = None
    """Its work, from the decision to start it on."""
    why: Why | None = None
    """Why it waits, as last noted in its row."""
    is_ending: bool = False
    """It waits, and that it will not start is being recorded."""

    @classmethod
    def of(cls, run: Run) -> "Attempt":
        """The attempt of a row that waits."""
        return cls(job_id=run.job_id, trigger=run.trigger, forced=run.forced, pool=run.pool, run=run)

    @property
    def is_retry(self) -> bool:
        return self.trigger is Trigger.RETRY

    @property
    def peers(self) -> Peers:
        """Attempts with the same peers wait for the same, but for the time of a retry."""
        return self.job_id, self.forced, self.is_retry

    @property
    def turn(self) -> Turn:
        """Attempts go by priority, then age; one without a row is the youngest."""
        return (-self.priority, inf) if self.run is None else (-self.run.priority, self.run.id)
