"""An attempt: one run on its way from the decision about it to its end, as the board has it in memory."""

from dataclasses import dataclass
from datetime import datetime

from jeeves_runner.core.board.board import Board
from jeeves_runner.core.board.entry import BoardEntry
from jeeves_runner.core.run import Run
from jeeves_runner.runs.execution import Execution


@dataclass(slots=True, eq=False)
class Attempt(BoardEntry):
    """A run that is not over, with its row and its work."""

    depth: int = 0
    """Over how many runs it follows from what people, times and starts have brought."""
    due_at: datetime | None = None
    """The occurrence, of one that has no row yet."""
    run: Run | None = None
    """Its row as last written; None before there is one."""
    execution: Execution | None = None
    """Its work, from the decision to start it on."""
    is_ending: bool = False
    """It waits, and that it will not start is being recorded."""

    def __post_init__(self) -> None:
        if self.run is not None:
            self.set_run(self.run)

    def set_run(self, run: Run) -> None:
        """Take over what the row says."""
        self.run = run
        self.run_id, self.priority = run.id, run.priority

    @classmethod
    def of(cls, run: Run) -> "Attempt":
        """The attempt of a row that waits."""
        return cls(
            job_id=run.job_id,
            trigger=run.trigger,
            forced=run.forced,
            pool=run.pool,
            is_of_the_past=run.backfill_id is not None,
            depth=run.depth,
            run=run,
        )


class AttemptBoard(Board[Attempt]):
    """The board of a runner: its attempts have rows."""

    def set_run(self, attempt: Attempt, run: Run) -> None:
        """Note the row of an attempt as it is now."""
        attempt.set_run(run)
        self.note_id(attempt, run.id)
        self.note_why(attempt, None if run.reason is None else (run.reason, run.reason_ref))
