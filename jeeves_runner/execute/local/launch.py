"""What is started on this machine, and what names it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from jeeves_runner.execute.contract import Handle
from jeeves_runner.execute.local.origin import Origin

NAME = "local"
"""The executor's name."""

_LARGEST_PID: Final = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """All that is needed to start one run."""

    run_id: int
    """The run's id."""
    argv: tuple[str, ...]
    """The program and its arguments; the program is a path, or a name found through PATH."""
    env: Mapping[bytes, bytes]
    """The whole environment as the system takes it. It holds secrets, so the repr leaves it out."""
    cwd: str
    """Absolute path of the working folder."""
    mark: str
    """Random text that the run's processes carry as ``JR_RUN_MARK``."""
    temporaries: tuple[str, ...] = ()
    """Paths of files made for this run; removed once it has ended or failed to start."""

    def __repr__(self) -> str:
        return f"Launch(run_id={self.run_id}, argv={self.argv!r}, cwd={self.cwd!r})"


class LocalHandle(NamedTuple):
    """Names a run's process group on this machine, also after a restart of the runner or the machine.

    The last three fields are None when the runner died before it noted them.
    """

    run_id: int
    """The run's id."""
    mark: str
    """As in ``Launch``."""
    pid: int | None = None
    """The number of the group's leader, which is that of the group and of its session too."""
    pid_started: str | None = None
    """When the leader started, as ``processes.start_ticks`` gives it; only to be compared."""
    origin: Origin | None = None
    """Where it was started."""

    def opaque(self) -> Handle:
        """The same for the runner. The mark stands in a column of its own."""
        origin = {} if self.origin is None else _facts(self.origin)
        return Handle(NAME, self.run_id, {"pid": self.pid, "pid_started": self.pid_started, **origin})

    @classmethod
    def of(cls, handle: Handle, mark: str) -> "LocalHandle":
        """Read back what ``opaque`` gave. Scripts may have written something else there."""
        pid, started = handle.facts.get("pid"), handle.facts.get("pid_started")
        return cls(
            handle.run_id,
            mark,
            pid if isinstance(pid, int) and is_process_number(pid) else None,
            started if isinstance(started, str) else None,
            Origin.of(handle.facts),
        )


def is_process_number(number: int) -> bool:
    """Whether a process can have this number; 0 and less name groups of processes, and True is none."""
    return number is not True and 0 < number <= _LARGEST_PID


@lru_cache(maxsize=4)
def _facts(origin: Origin) -> Mapping[str, str | None]:
    """The same for all runs of a runner."""
    return MappingProxyType(origin._asdict())
