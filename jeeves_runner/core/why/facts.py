"""What is known of a job, of a run and of a time, from which it is told why. Instants are aware, UTC."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from jeeves_runner.core.model import CatchUp
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule_entry import ScheduleEntry
from jeeves_runner.core.why.start_facts import NOTHING, Override, Starts


class Revision(NamedTuple):
    """An apply, as far as it is told of."""

    id: int
    """Its number."""
    applied_at: datetime
    """When it was."""
    commit: str | None
    """The commit of the manifests; None where they are in none."""
    author: str | None
    """Its author."""
    subject: str | None
    """The first line of its message."""


class Declared(NamedTuple):
    """When a job is to run, as its manifest said at some time."""

    enabled: bool
    """Whether it was scheduled."""
    schedule: tuple[ScheduleEntry, ...]
    """As written; empty: it ran only when triggered."""
    timezone: str
    """The zone of schedule and exclusions."""
    exclude: tuple[str, ...]
    """What was no occurrence, as written."""


class Hold(NamedTuple):
    """What keeps a job at an older spec."""

    file: str
    """The manifest that is broken."""
    message: str
    """What is wrong with it."""
    since: datetime | None
    """Since when."""


class JobFacts(NamedTuple):
    """A job as it is now."""

    id: str
    """Its id."""
    namespace: str
    """What ``H`` and ``every`` are spread by."""
    declared: Declared | None
    """When it is to run; None where the row was damaged by hand."""
    on_start: bool
    """Whether it runs when a server starts."""
    catch_up: CatchUp
    """What happens to occurrences of which the time passed."""
    catch_up_window: timedelta
    """How late one may start."""
    file: str
    """Its manifest."""
    line: int
    """Where it stands there."""
    drifted: bool
    """Whether its row was changed by hand."""
    created_at: datetime
    """When it was first applied."""
    schedule_since: datetime
    """Occurrences at or before this are not its present schedule's."""
    undecided_since: datetime
    """Occurrences at or before this have been decided about."""
    deleted_at: datetime | None
    """When it was deleted; None for a live job."""
    revision: Revision | None
    """The apply that last wrote it, or deleted it."""
    skips: Mapping[datetime, str | None]
    """The times yet to be decided about that a person wants skipped, each with why."""
    held: Hold | None = None
    """What keeps it at an older spec; None: nothing does."""
    pause: Override | None = None
    """The pause in force: of its own and that of all jobs the one that ends last."""
    mute: Override | None = None
    """The mute in force, likewise."""
    starts: Starts = NOTHING
    """What starts it besides its schedule."""
    renamed_from: str | None = None
    """The id that was asked for, if it is an older one of this job."""
    served: bool = True
    """Whether a server runs."""
    catches_up_at: datetime | None = None
    """When the server decides about what it was too late for; None: at once, or no server says."""
    catch_up_spread: timedelta = timedelta(0)
    """Over how long the next server spreads the jobs that are late."""
    clocks: str | None = None
    """Another zone that the person wants times in."""

    @property
    def zone(self) -> str:
        """The zone on whose clocks times of the job are told."""
        return self.clocks or ("UTC" if self.declared is None else self.declared.timezone)


class KnownRun(NamedTuple):
    """A run with what stands about it in other rows."""

    run: Run
    """Its row."""
    revision: Revision | None = None
    """The apply by which it ran what it ran; None: none is recorded of it any more."""
    before: Run | None = None
    """Of a retry, the attempt before it; None: there is none, or it is not kept."""
    after: Run | None = None
    """The attempt that follows it; None: none does."""
    ahead: int = 0
    """Of one that waits: how many wait for the same and come before it."""
    active: int | None = None
    """Of one that waits for another run of its job: that one."""
    until: datetime | None = None
    """Of one that waits for what its job needs: until when it does."""


class Then(NamedTuple):
    """What revisions tell of a job at a time before its present schedule."""

    declared: Declared | None
    """When it was to run; None: it was not declared then, or nothing is kept that would tell."""
    is_known: bool = True
    """Whether the revisions that would tell are kept."""
    changed_by: Revision | None = None
    """The first apply later than that time that created the job or changed when it is to run."""


class Asked(NamedTuple):
    """The time that a person asked about."""

    at: datetime
    """The instant; of a local time that a clock skips, that of the shift."""
    until: datetime
    """The end of what was named: a second or a minute later. It does not belong to it."""
    local: datetime | None = None
    """The local time as it was given, naive; None where it had an offset."""
