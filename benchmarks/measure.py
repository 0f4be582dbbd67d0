"""Measuring and showing: the time of a call or a process, medians of actions in turns, the table."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    """What was measured."""
    value: str
    """The figure, with its unit."""
    floor: str = ""
    """The figure of what cannot be done without, measured in the same run; empty for none."""
    ratio: float | None = None
    """``value`` divided by ``floor``."""
    target: float | None = None
    """The most that ``ratio`` may be."""
    met: bool | None = None
    """Whether the figure keeps what is promised; None if nothing is."""

    @classmethod
    def against(cls, what: str, seconds: float, floor: float, target: float | None) -> "Row":
        """A time beside its floor, both in seconds."""
        ratio = seconds / floor
        met = None if target is None else ratio <= target
        return cls(what=what, value=ms(seconds), floor=ms(floor), ratio=ratio, target=target, met=met)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def timed(action: Callable[[], object]) -> float:
    """Seconds one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def medians(actions: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    """The median of what each action returns. They take turns, so that noise hits all alike."""
    figures: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, found in zip(actions, figures, strict=True):
            found.append(action())
    return [statistics.median(found) for found in figures]


def process(command: Sequence[str], cwd: object = None) -> float:
    """Seconds that a whole process takes; CalledProcessError if it fails."""
    # With this variable, each process would spend a tenth of a second on compiling modules.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return timed(
        lambda: subprocess.run(
            command, cwd=str(cwd) if cwd else None, env=environment, check=True, capture_output=True
        )
    )


def print_table(title: str, rows: Sequence[Row]) -> None:
    print(f"\n{title}")
    width = max(len(r.what) for r in rows)
    for r in rows:
        ratio = "" if r.ratio is None else f"{r.ratio:.2f}x"
        target = "" if r.target is None else f"target {r.target:g}"
        verdict = "" if r.met is None else ("met" if r.met else "MISSED")
        print(
            f"  {r.what:<{width}}  {r.value:>11}  {r.floor:>11}  {ratio:>7}  {target:<12} {verdict}".rstrip()
        )
