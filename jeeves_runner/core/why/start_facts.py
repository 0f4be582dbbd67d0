"""What is known of what starts a job besides its schedule and people. Instants are aware, UTC."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from jeeves_runner.core.run import Run


class Override(NamedTuple):
    """A pause or a mute that is in force."""

    until: datetime | None
    """When it ends; None: when a person ends it."""
    reason: str | None
    """Why it was made."""
    of_all: bool = False
    """Whether it is that of all jobs."""


class Upstream(NamedTuple):
    """A job that another one comes after."""

    job: str
    """Its id."""
    qualifies: str
    """How its chains must end, to be followed: ``ok`` or ``finished``."""
    ends: int
    """How many have, since the other one consumed the last."""
    last: Run | None
    """Its newest run."""


class QueueStart(NamedTuple):
    """A queue whose items start a job."""

    queue: str
    """Its id."""
    batch: int
    """So many items that are ready start the job ..."""
    max_wait: timedelta
    """... or fewer, once the oldest of them has been ready for so long."""
    ready: int
    """How many are. From a batch on, more may be."""
    due_at: datetime | None
    """When these start the job, if no others come: now for a batch; None: none is ready."""
    next_at: datetime | None
    """When the first that was delayed is ready; None: none is delayed."""
    lease_at: datetime | None
    """When the first claim ends by itself, and its item is ready again; None: none is claimed."""
    failed: int
    """How many have failed for good."""
    pause: Override | None
    """The pause of the queue that is in force."""
    rests_until: datetime | None
    """Until when the job rests, because its last run came to nothing; None: it does not rest."""


class ChangeStart(NamedTuple):
    """Files whose changes start a job."""

    of: tuple[str, ...]
    """What is watched, as the job names it."""
    debounce: timedelta
    """For how long nothing has changed any more."""
    unwatched: Mapping[str, str]
    """The datastores among it whose changes start nothing, each with why."""
    taken_at: datetime | None
    """When it was taken as it was, at the first look or with the last run; None: no look has been."""
    changed_at: datetime | None
    """When a change of it was first seen that has started nothing yet; None: none was."""


class Starts(NamedTuple):
    """All that starts a job besides."""

    after: tuple[Upstream, ...] = ()
    """The jobs that it comes after."""
    queue: QueueStart | None = None
    """Of a job that items start, their queue."""
    change: ChangeStart | None = None
    """Of one that changes of files start, these."""
    active: int | None = None
    """A run of the job that is not over; None: none is."""
    one_at_a_time: bool = True
    """Whether none follows others or a change while one is not over."""

    @property
    def are_there(self) -> bool:
        """Whether anything does."""
        return bool(self.after) or self.queue is not None or self.change is not None


NOTHING: Final = Starts()
