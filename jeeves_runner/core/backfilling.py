"""What a backfill does next for one time: the job itself first, then those that come after it, in order.

It is a decision about values; ``db.backfills`` has the rows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

from jeeves_runner.core.model import RunStatus

DEFAULT_PRIORITY: Final = -100
"""That of its runs where none is given: all runs of the day come before them."""

MAX_PARALLEL: Final = 100
"""How many of its chains may be active at once, at most."""

MAX_OCCURRENCES: Final = 100_000
"""How many times one backfill has, at most."""


class Fate(StrEnum):
    """What a chain of its runs came to."""

    OK = "ok"
    IDLE = "idle"
    """It has said itself that there was nothing to do."""
    RAN = "ran"
    """It ended otherwise, and had run."""
    NOT_RUN = "not_run"
    """It was cancelled or skipped."""


def fate_of(status: RunStatus, *, has_started: bool) -> Fate:
    """What a chain came to whose last attempt ended so."""
    if status is RunStatus.OK:
        return Fate.OK
    if has_started and status is RunStatus.SKIPPED:
        return Fate.IDLE
    return Fate.RAN if has_started else Fate.NOT_RUN


class FollowsJobs(NamedTuple):
    """A job that comes after others, as its manifest says it."""

    job: str
    """Its id."""
    upstreams: tuple[str, ...]
    """The ids of the jobs that it follows."""
    when: Literal["ok", "finished"] = "ok"
    """``ok``: their chains have ended ok; ``finished``: in any way, if they ran."""


def downstream_of(root: str, all_of_them: Iterable[FollowsJobs]) -> tuple[FollowsJobs, ...]:
    """The jobs that come after ``root``, directly or through others, each behind those that it follows.

    Of their upstreams only those are left that are among them, or are ``root``: the others do not run. Jobs
    on a cycle are left out, and so is what follows them.
    """
    known = {each.job: each for each in all_of_them if each.job != root}
    by_upstream: dict[str, list[str]] = {}
    for each in known.values():
        for upstream in each.upstreams:
            by_upstream.setdefault(upstream, []).append(each.job)
    reached, left = {root}, [root]
    while left:
        for job in by_upstream.get(left.pop(), ()):
            if job not in reached:
                reached.add(job)
                left.append(job)
    waiting = {
        job: known[job]._replace(upstreams=tuple(each for each in known[job].upstreams if each in reached))
        for job in sorted(reached - {root})
    }
    placed = {root: None}
    found: list[FollowsJobs] = []
    while ready := [each for each in waiting.values() if all(up in placed for up in each.upstreams)]:
        for each in ready:
            del waiting[each.job]
            placed[each.job] = None
        found += ready
    return tuple(found)


@dataclass(slots=True)
class Wave:
    """One time of a backfill: the run of the job, and those of the jobs after it."""

    at: str
    """The time, in the database's form."""
    runs: dict[str, int] = field(default_factory=dict)
    """By job, the first attempt that was entered."""
    ended: dict[str, Fate] = field(default_factory=dict)
    """By job, what its chain came to; also of those that could not be entered."""

    @property
    def active(self) -> dict[str, int]:
        """The chains that are not over."""
        return {job: run for job, run in self.runs.items() if job not in self.ended}

    @property
    def went_well(self) -> bool:
        """Whether all that had its turn has ended ok, or had nothing to do."""
        return all(fate in (Fate.OK, Fate.IDLE) for fate in self.ended.values())

    def ready(self, root: str, followers: Sequence[FollowsJobs]) -> list[str]:
        """The jobs whose turn it is."""
        if root not in self.runs and root not in self.ended:
            return [root]
        decided: Collection[str] = self.runs.keys() | self.ended.keys()
        return [each.job for each in followers if each.job not in decided and self._lets_start(each)]

    def _lets_start(self, follower: FollowsJobs) -> bool:
        enough = (Fate.OK,) if follower.when == "ok" else (Fate.OK, Fate.RAN)
        return all(self.ended.get(upstream) in enough for upstream in follower.upstreams)

    def causes(self, follower: FollowsJobs) -> tuple[int, ...]:
        """The runs that a job follows here."""
        return tuple(sorted(self.runs[each] for each in follower.upstreams if each in self.runs))

    def as_json(self) -> dict[str, Any]:
        return {"at": self.at, "runs": self.runs, "ended": self.ended}

    @classmethod
    def of(cls, value: Mapping[str, Any], present: Mapping[str, str]) -> "Wave":
        """As it was stored. ``present``: what the jobs are called now that were renamed since."""
        runs = {present.get(job, job): int(run) for job, run in value["runs"].items()}
        ended = {present.get(job, job): Fate(fate) for job, fate in value["ended"].items()}
        return cls(value["at"], runs, ended)
