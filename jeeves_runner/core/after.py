"""What a job that comes after others makes of their ends: which count, when a run follows, and of what.

It is asked of the ends that really come, and of those that are played.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from jeeves_runner.core.causes import MOST_NAMED, Causes
from jeeves_runner.core.model import OverlapPolicy, RunStatus

When = Literal["ok", "finished"]
"""How the chains of an upstream must end, to be followed."""

_NEVER: Final = (RunStatus.SKIPPED, RunStatus.MISSED)
_ONE_AT_A_TIME: Final = (OverlapPolicy.SKIP, OverlapPolicy.QUEUE)


def met_by(status: RunStatus, *, has_run: bool, is_of_the_past: bool = False) -> tuple[When, ...]:
    """What a chain that has ended so is for those that follow it; nothing, where it cannot be followed.

    ``has_run``: one of its attempts has started. ``is_of_the_past``: it belongs to a backfill.
    """
    if not has_run or is_of_the_past or status in _NEVER:
        return ()
    return ("ok", "finished") if status is RunStatus.OK else ("finished",)


def is_free(policy: str | None, *, is_active: bool, is_paused: bool) -> bool:
    """Whether a run of a job of this overlap policy may follow now. While it may not, nothing is consumed.

    ``is_active``: a run of the job runs or waits.
    """
    return not is_paused and not (is_active and policy in _ONE_AT_A_TIME)


class Arrived(NamedTuple):
    """What has arrived of one upstream, since a run has consumed the last."""

    ends: int = 0
    """How many ends."""
    depth: int = 0
    """The depth of the deepest of these runs."""
    runs: tuple[tuple[int, datetime | None], ...] = ()
    """The ids of the newest ``MOST_NAMED`` of them, oldest first, each with its scheduled time."""

    def with_end(self, run_id: int, scheduled_for: datetime | None, depth: int) -> "Arrived":
        """The same with one more; ``db.after`` has the statement that says this of a row."""
        runs = (*self.runs, (run_id, scheduled_for))[-MOST_NAMED:]
        return Arrived(self.ends + 1, max(self.depth, depth), runs)

    def of_before(self) -> "Arrived":
        """The same, for a play that has other run ids: these have the id 0."""
        return self._replace(runs=tuple((0, time) for _, time in self.runs))


class Following(NamedTuple):
    """The run that follows."""

    caused_by: Causes
    """What it follows from."""
    depth: int
    """Over how many runs."""
    scheduled_for: datetime | None
    """The scheduled time of all that it follows from; None where they have not the same."""


def following(arrived: Sequence[Arrived]) -> Following | None:
    """The run that consumes all of this, of each upstream; None: one of them is still to come."""
    if not arrived or not all(each.ends for each in arrived):
        return None
    entries = sorted(_entries(arrived), key=_id)
    total = sum(each.ends for each in arrived)
    ids = tuple(run_id for run_id, _ in entries[-MOST_NAMED:])
    times = {time for _, time in entries}
    return Following(
        caused_by=Causes(runs=ids, total=total if total > len(ids) else None),
        depth=max(each.depth for each in arrived) + 1,
        scheduled_for=times.pop() if len(times) == 1 else None,
    )


def _entries(arrived: Iterable[Arrived]) -> Iterable[tuple[int, datetime | None]]:
    return (entry for each in arrived for entry in each.runs)


def _id(entry: tuple[int, datetime | None]) -> int:
    return entry[0]
