"""What a job needs before one of its occurrences starts: others that have ended ok not long ago."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from jeeves_runner.core.edge_spec import Need
from jeeves_runner.core.model import Trigger

_MILLISECOND: Final = timedelta(milliseconds=1)


class Unmet(NamedTuple):
    """What is lacking."""

    job: str
    """The first of the jobs that have not ended ok in time."""
    until: datetime | None
    """Until when all that is lacking may be waited for; None: it is not waited for."""

    def may_be_met(self, now: datetime) -> bool:
        """Whether it is still to be waited for."""
        return self.until is not None and self.until > now


def unmet_of(
    needs: Sequence[Need],
    trigger: Trigger,
    last_ok: Callable[[str], datetime | None],
    due: datetime,
    now: datetime,
) -> Unmet | None:
    """What is lacking at ``now`` for a run whose time was ``due``; None: nothing is, or its trigger does not
    ask for it.

    ``last_ok``: when a job last ended ok. One that has done so exactly ``within`` ago is still in time.
    """
    if not needs or not trigger.lapses:
        return None
    lacking = [need for need in needs if not _is_met(need, last_ok(need.job), now)]
    if not lacking:
        return None
    ends = [None if need.wait_ms is None else due + need.wait_ms * _MILLISECOND for need in lacking]
    known = [end for end in ends if end is not None]
    return Unmet(lacking[0].job, min(known) if len(known) == len(ends) else None)


def _is_met(need: Need, last: datetime | None, now: datetime) -> bool:
    return last is not None and now - last <= need.within_ms * _MILLISECOND
