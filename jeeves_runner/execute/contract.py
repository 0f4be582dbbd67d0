"""What every executor offers, and the values that pass between it and its caller."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from jeeves_runner.core.outcome import Ending, Lost

StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """All that is needed to start one run."""

    run_id: int
    """The run's id."""
    argv: tuple[str, ...]
    """The program and its arguments; the program is a path, or a name found through PATH."""
    env: Mapping[str, str]
    """The whole environment, secrets included; for that reason the repr leaves it out."""
    cwd: str
    """Absolute path of the working folder."""
    mark: str
    """Random text that the run's processes carry as ``JR_RUN_MARK``."""
    temporaries: tuple[str, ...] = ()
    """Paths of files made for this run; the executor removes them once it has ended or failed to start."""

    def __repr__(self) -> str:
        return f"Launch(run_id={self.run_id}, argv={self.argv!r}, cwd={self.cwd!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalHandle:
    """Names a run's process group on this machine, also after a restart of the runner or the machine.

    The last three fields are None when the runner died before it recorded them.
    """

    run_id: int
    """The run's id."""
    mark: str
    """As in ``Launch``."""
    pid: int | None = None
    """The number of the group's leader, which is that of the group and of its session too."""
    pid_started: str | None = None
    """When the leader started, as ``processes.start_ticks`` gives it; only to be compared."""
    boot_id: str | None = None
    """The boot in which it started, as ``processes.boot_id`` gives it."""

    def as_json(self) -> str:
        """What the database keeps of it; the run and its mark stand in columns of their own."""
        facts = {"pid": self.pid, "pid_started": self.pid_started, "boot_id": self.boot_id}
        return json.dumps({"executor": "local", **facts})

    @classmethod
    def from_json(cls, run_id: int, mark: str, text: str | None) -> "LocalHandle":
        """The handle of a run; ``text`` is None when nothing was recorded."""
        facts = {} if text is None else json.loads(text)
        return cls(
            run_id=run_id,
            mark=mark,
            pid=facts.get("pid"),
            pid_started=facts.get("pid_started"),
            boot_id=facts.get("boot_id"),
        )


class Sink(Protocol):
    """Takes a run's output as it arrives, in chunks cut anywhere."""

    def write(self, stream: StreamName, data: bytes) -> None: ...


Handle = TypeVar("Handle")


class Executor(Protocol[Handle]):
    """Starts runs somewhere and says how they ended. Deadlines and retries are the caller's."""

    async def start(self, launch: Launch, sink: Sink) -> Handle:
        """Start the work; the run is already recorded as running.

        Starting a run that is already live returns its handle. Raises StartFailed or InvalidValue
        when nothing was started.
        """
        ...

    async def wait(self, handle: Handle, sink: Sink) -> Ending:
        """How the work ended, once all of its output has reached the sink."""
        ...

    def has_ended(self, handle: Handle) -> bool:
        """Whether the work has ended, as far as known without waiting; ``wait`` may answer later."""
        ...

    async def cancel(self, handle: Handle, grace: float) -> None:
        """Ask for an end now and enforce it after ``grace`` seconds; ``wait`` tells when it came."""
        ...

    async def recover(self, run_id: int, handle: Handle | None) -> Handle | Lost:
        """After a restart: take over a run of an earlier runner, or say that it is lost."""
        ...
