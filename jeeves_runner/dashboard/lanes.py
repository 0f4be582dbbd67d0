"""Runs become marks along a line of time, those of a job in lanes one below the other.

What is shorter than a cell of the window is drawn as wide as one, so that it is seen. Where marks of one look
follow so closely that they could not be told apart, they become one, which says how many it stands for; and
where all lanes are taken, the last one holds the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from jeeves_runner.dashboard.look import tone
from jeeves_runner.db.timeline import WORST_LAST, Piece, Window

MOST_LANES: Final = 4

_NEAR: Final = 2
"""How many cells apart marks may begin that become one."""

Kind = Literal["run", "many", "tick"]
"""``run``: one run. ``many``: several. ``tick``: times at which the job did not run."""


class Extent(NamedTuple):
    """Where something lies, in percent of the width."""

    x: float
    """Where it begins."""
    width: float
    """How wide it is."""

    @property
    def end(self) -> float:
        """Where it ends."""
        return round(self.x + self.width, 2)


@dataclass(kw_only=True, slots=True)
class Mark:
    """What is drawn. While marks are laid out, one may grow by those that follow it."""

    kind: Kind
    """What it is."""
    run_id: int
    """The run; of several the worst one, and of these the newest."""
    status: str
    """Its status."""
    reason: str | None
    """Why it waits, or did not run; None: several have no reason together."""
    reason_ref: str | None
    """What that is about."""
    runs: int
    """How many runs it stands for."""
    begin: int
    """When it was asked for or was due, in milliseconds since 1970; of several the first."""
    started: int | None
    """When it started; None: it did not, or there are several."""
    end: int
    """When it ended, or now; of several the last."""
    lane: int
    """In which lane it lies, from the top, from 0."""
    shown_until: int
    """Up to which time it is drawn, which is a cell after its begin at least."""

    @property
    def tone(self) -> str:
        """How it looks."""
        return tone(self.status).name

    def take(self, other: "Mark") -> None:
        """Stand for another one, too."""
        if self.kind == "run":
            self.kind, self.started = "many", None
        if _rank(other) >= _rank(self):
            self.run_id, self.status = other.run_id, other.status
        if (self.reason, self.reason_ref) != (other.reason, other.reason_ref):
            self.reason = self.reason_ref = None
        self.runs += other.runs
        self.end = max(self.end, other.end)
        self.shown_until = max(self.shown_until, other.shown_until)

    def waiting(self, window: Window) -> Extent | None:
        """Where it waits; None: it did not for so long that it could be seen."""
        if self.kind != "run" or self.end - self.begin < window.cell:
            return None
        until = self.end if self.started is None else self.started
        found = extent(window, self.begin, until)
        return found if found.width >= _WAIT_IS_SEEN else None

    def running(self, window: Window) -> Extent | None:
        """Where it runs; None: it did not, and its wait is seen."""
        if self.started is None and self.waiting(window) is not None:
            return None
        return extent(window, self.begin if self.started is None else self.started, self.shown_until)


_WAIT_IS_SEEN: Final = 0.1


class Lanes(NamedTuple):
    """The marks of a job."""

    marks: Sequence[Mark]
    """In the order in which they begin."""
    lanes: int
    """How many lanes they take; one at least."""


def lanes_of(pieces: Iterable[Piece], window: Window) -> Lanes:
    """The marks of one job's ``pieces``, which are sorted by their begin."""
    marks: list[Mark] = []
    ends = [window.begin] * MOST_LANES
    last: list[Mark | None] = [None] * MOST_LANES
    ticks: Mark | None = None
    for piece in pieces:
        mark = _mark(piece, window)
        if mark.kind == "tick":
            if ticks is not None and _are_one(ticks, mark, window):
                ticks.take(mark)
                continue
            ticks = mark
        else:
            free_by = max(mark.begin, window.begin) + window.cell  # less than a cell of both is not seen
            lane = next((lane for lane, end in enumerate(ends) if end <= free_by), None)
            before = last[MOST_LANES - 1 if lane is None else lane]
            near = next((each for each in last if each is not None and _are_one(each, mark, window)), None)
            if (taker := near or (before if lane is None else None)) is not None:
                taker.take(mark)
                ends[taker.lane] = max(ends[taker.lane], taker.end)
                continue
            mark.lane = lane or 0
            ends[mark.lane], last[mark.lane] = mark.end, mark
        marks.append(mark)
    return Lanes(marks, 1 + max((mark.lane for mark in marks), default=0))


def extent(window: Window, begin: int, end: int) -> Extent:
    """Where a time lies that is cut at the bounds of the window."""
    first, last = (min(max(each, window.begin), window.end) for each in (begin, end))
    span = window.end - window.begin
    return Extent(round((first - window.begin) / span * 100, 2), round((last - first) / span * 100, 2))


def _mark(piece: Piece, window: Window) -> Mark:
    kind: Kind = "tick" if piece.is_tick else "run" if piece.runs == 1 else "many"
    drawn_from = piece.begin if piece.started is None else piece.started
    return Mark(
        kind=kind,
        run_id=piece.run_id,
        status=piece.status,
        reason=piece.reason,
        reason_ref=piece.reason_ref,
        runs=piece.runs,
        begin=piece.begin,
        started=piece.started,
        end=piece.end,
        lane=0,
        shown_until=max(piece.end, drawn_from + window.cell),
    )


def _are_one(before: Mark, mark: Mark, window: Window) -> bool:
    """Whether both are short, look alike, and lie next to each other."""
    is_long = mark.kind == "run" and mark.end - mark.begin >= window.cell
    was_long = before.kind == "run" and before.end - before.begin >= window.cell
    is_near = mark.begin // window.cell - (before.shown_until - window.cell) // window.cell <= _NEAR
    return not is_long and not was_long and is_near and before.tone == mark.tone and mark.status != "running"


def _rank(mark: Mark) -> int:
    return WORST_LAST.index(mark.status)
