"""What can happen to a runner, as values; a test is a list of them."""

from dataclasses import dataclass

from support.admission_state import JobRules


@dataclass(frozen=True)
class Comes:
    """Time passes, then all that has come due of a job since the last time is handed over."""

    job: str
    after: int = 4


@dataclass(frozen=True)
class ComesAgain:
    """What was handed over last of a job is handed over once more."""

    job: str


@dataclass(frozen=True)
class ByHand:
    job: str
    forced: bool = False


@dataclass(frozen=True)
class ByRow:
    """Another program writes a request. If it is not ``heard``, the runner sees it when it looks again."""

    job: str
    forced: bool = False
    heard: bool = True


@dataclass(frozen=True)
class Look:
    pass


@dataclass(frozen=True)
class Ends:
    """The program of one of the running runs exits."""

    which: int = 0
    code: int = 0


@dataclass(frozen=True)
class Cancel:
    """One of the runs that are not over is asked to end."""

    which: int = 0


@dataclass(frozen=True)
class Wait:
    seconds: int = 30


@dataclass(frozen=True)
class Pause:
    """Of a job, or of all (None); for good where no seconds are named."""

    job: str | None
    seconds: int | None = None


@dataclass(frozen=True)
class Resume:
    """A job, or all (None)."""

    job: str | None


@dataclass(frozen=True)
class Skip:
    """A person skips one of the occurrences that follow what was handed over last: 0 is the next one, and -1
    the last one that was handed over, about which no decision may be committed yet."""

    job: str
    which: int = 0


@dataclass(frozen=True)
class Unskip:
    """Takes that back, whether or not it was skipped."""

    job: str
    which: int = 0


@dataclass(frozen=True)
class Backfill:
    """People ask for runs at times of the last so many seconds."""

    job: str
    seconds: int = 12
    parallel: int = 1


@dataclass(frozen=True)
class Change:
    """An apply changes something of a job that admission does not ask for."""

    job: str


@dataclass(frozen=True)
class Disable:
    job: str


@dataclass(frozen=True)
class Delete:
    job: str


@dataclass(frozen=True)
class Restore:
    job: str


@dataclass(frozen=True)
class Restart:
    """The runner is shut down, or dies; then the next one starts."""

    dies: bool = False


Event = (
    Comes
    | ComesAgain
    | ByHand
    | ByRow
    | Look
    | Ends
    | Cancel
    | Wait
    | Pause
    | Resume
    | Skip
    | Unskip
    | Backfill
    | Change
    | Disable
    | Delete
    | Restore
    | Restart
)


@dataclass(frozen=True, kw_only=True)
class World:
    """Jobs, and the room they have."""

    jobs: tuple[JobRules, ...]
    limit: int = 4
    pools: tuple[tuple[str, int], ...] = ()

    def __repr__(self) -> str:
        return f"World({', '.join(map(repr, self.jobs))}; limit {self.limit}, pools {dict(self.pools)})"
