"""What starts programs offers to a run: a way to ask for a start, and the process that came of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from jeeves_runner.core.outcome import Lost
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.local.launch import Launch


class Birth(NamedTuple):
    """How a run's process came to be."""

    pid: int
    """Its number, which is that of its group and of its session too."""
    pid_started: str | None
    """When it started, as ``processes.start_ticks`` gives it."""
    started_at: datetime
    """The wall clock right before its start, in UTC."""
    began: float
    """Seconds of the monotonic clock at the same instant."""
    stdout: int
    """Where its output is read; the descriptor is the run's from now on."""
    stderr: int
    """The same for its errors."""


class Leader(Protocol):
    """The process that a run began with, until it is reaped."""

    @property
    def birth(self) -> Birth:
        """How it came to be."""
        ...

    def watch(self, on_exit: Callable[[float], None]) -> None:
        """Call back in the event loop once it has ended, with the monotonic clock of that instant.

        Raises StartFailed if nothing can tell when.
        """
        ...

    def has_exited(self) -> bool:
        """Whether it has ended, also if no callback has been made yet."""
        ...

    def reap(self) -> int | None:
        """Its exit code, or its signal as a negative number; None if something else has taken its status. It
        must have ended."""
        ...


Answer = Leader | Exception | Lost
"""What came of an order. Lost: it cannot be known, and what there was of it has been killed."""


@dataclass(slots=True, eq=False, kw_only=True)
class StartOrder:
    """A program that is to be started."""

    launch: Launch
    """What to start."""
    answer: Callable[[Answer], None]
    """Called once in the event loop, unless the order is withdrawn before its start."""
    withdrawn: bool = False
    """Whether it need not be started any more. Without effect once it is under way."""
    under_way: bool = False
    """Whether the start has begun: an answer will come."""


class Spawner(Protocol):
    """Starts programs, much in the order of the asking."""

    def open(self) -> None:
        """Get ready. Call it in the event loop."""
        ...

    def start(self, order: StartOrder) -> None:
        """Start it soon. Call it in the event loop."""
        ...


class Pipes(NamedTuple):
    """Two pipes for a program's output; no other child process inherits them."""

    stdout: int
    stdout_end: int
    stderr: int
    stderr_end: int

    @classmethod
    def open(cls) -> "Pipes":
        """Raises StartFailed."""
        try:
            first = os.pipe()
            try:
                return cls(*first, *os.pipe())
            except OSError:
                os.close(first[0])
                os.close(first[1])
                raise
        except OSError as error:
            raise StartFailed(f"cannot make pipes for the run's output: {error.strerror}") from error

    def close_ends(self) -> None:
        """Close the ends that the program writes to."""
        os.close(self.stdout_end)
        os.close(self.stderr_end)

    def close(self) -> None:
        """Close the ends that are read."""
        os.close(self.stdout)
        os.close(self.stderr)
