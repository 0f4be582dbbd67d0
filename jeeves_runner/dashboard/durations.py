"""A chart of how long the last runs of a job took: a bar for each, lines at what is usual, and a mark below
what went wrong."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Final, NamedTuple

from jeeves_runner.core.durations import in_units
from jeeves_runner.core.model import BAD, RunStatus
from jeeves_runner.dashboard.look import tone
from jeeves_runner.db.run_history import PastRun

MOST: Final = 100
"""Bars."""

_FEWEST: Final = 30
"""There is room for so many at least, so that few bars are no walls."""

HEIGHT: Final = 100
"""The height of the chart in its own units; each bar is ``STEP`` wide with its gap."""

STEP: Final = 8
_LEAST: Final = 1.5
_TALL: Final = 3
"""The chart ends at so many times what 95 of 100 take: one run that hung would make the others flat."""


class Bar(NamedTuple):
    """One run."""

    run: PastRun
    """The run."""
    tone: str
    """How it looks."""
    x: int
    """Where it begins."""
    y: float
    """Its top."""
    height: float
    """From there to the floor."""
    is_cut: bool
    """Whether it took longer than the chart is high."""
    title: str
    """What is said of it."""


class Line(NamedTuple):
    """A length that is usual."""

    name: str
    """What it is called."""
    ms: int
    """In milliseconds."""
    y: float
    """Where it lies."""


class Durations(NamedTuple):
    """The chart."""

    bars: Sequence[Bar]
    """Oldest first; of runs that have not ended or never started there is none."""
    lines: Sequence[Line]
    """None if too few runs were ok."""
    width: int
    """Units of the whole chart ..."""
    height: int
    """... and how many it is high, up to its upper edge."""
    wrong: int
    """How many went wrong."""
    longest: int
    """The longest of them, in milliseconds."""
    top: int
    """How long a bar is that ends at the upper edge, in milliseconds."""


def durations(runs: Sequence[PastRun]) -> Durations:
    """The chart of runs, oldest first."""
    shown = [run for run in runs if run.duration_ms is not None][-MOST:]
    longest = max((run.duration_ms or 0 for run in shown), default=0) or 1
    ok = sorted(run.duration_ms or 0 for run in shown if run.status == RunStatus.OK)
    places = max(len(shown), _FEWEST)
    usual = {"median": round(median(ok)), "95 of 100 within": _p95(ok)} if len(ok) > 2 else {}
    top = min(longest, _TALL * (_p95(ok) or 1)) if usual else longest
    return Durations(
        bars=[_bar(run, place, top) for place, run in enumerate(shown, places - len(shown))],
        lines=[Line(name, ms, HEIGHT * (1 - ms / top)) for name, ms in usual.items()],
        width=places * STEP,
        height=HEIGHT,
        wrong=sum(run.status in BAD for run in shown),
        longest=longest,
        top=top,
    )


def _p95(lengths: Sequence[int]) -> int:
    return round(quantiles(lengths, n=20, method="inclusive")[-1])


def _bar(run: PastRun, place: int, top: int) -> Bar:
    ms = max(run.duration_ms or 0, 0)
    height = max(_LEAST, HEIGHT * min(ms, top) / top)
    look = tone(run.status)
    title = f"#{run.id} {look.word}, {in_units(ms)}"
    return Bar(run, look.name, place * STEP, round(HEIGHT - height, 1), round(height, 1), ms > top, title)
