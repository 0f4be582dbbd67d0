"""Runs as marks along a line of time."""

from collections.abc import Sequence
from typing import Any

from jeeves_runner.dashboard.lanes import MOST_LANES, Lanes, extent, lanes_of
from jeeves_runner.db.timeline import Piece, Window

WINDOW = Window(0, 1000, 10)


def piece(begin: int, end: int, started: int | None = None, **other: Any) -> Piece:
    """A run that did not wait, unless it is said when it started."""
    fields: dict[str, Any] = {
        "job_id": "a",
        "run_id": begin + 1,
        "status": "ok",
        "runs": 1,
        "is_tick": False,
        "begin": begin,
        "started": begin if started is None else started,
        "end": end,
        "reason": None,
        "reason_ref": None,
        **other,
    }
    return Piece(**fields)


def shown(lanes: Lanes) -> Sequence[tuple[str, int, int]]:
    """Of each mark its kind, how many runs it stands for, and its lane."""
    return [(mark.kind, mark.runs, mark.lane) for mark in lanes.marks]


def test_waiting_stands_apart_from_running() -> None:
    (mark,) = lanes_of([piece(100, 500, 300)], WINDOW).marks
    assert mark.waiting(WINDOW) == (10.0, 20.0)
    assert mark.running(WINDOW) == (30.0, 20.0)


def test_what_is_short_is_drawn_as_wide_as_a_cell() -> None:
    (mark,) = lanes_of([piece(100, 101)], WINDOW).marks
    assert mark.waiting(WINDOW) is None
    assert mark.running(WINDOW) == (10.0, 1.0)


def test_what_only_waited_does_not_run() -> None:
    (mark,) = lanes_of([piece(100, 300)._replace(started=None, status="cancelled")], WINDOW).marks
    assert mark.waiting(WINDOW) == (10.0, 20.0)
    assert mark.running(WINDOW) is None
    (short,) = lanes_of([piece(100, 101)._replace(started=None, status="cancelled")], WINDOW).marks
    assert short.running(WINDOW) == (10.0, 1.0)


def test_what_reaches_beyond_the_window_is_cut() -> None:
    assert extent(WINDOW, -100, 100) == (0.0, 10.0)
    assert extent(WINDOW, 900, 2000) == (90.0, 10.0)
    assert extent(WINDOW, 2000, 3000) == (100.0, 0.0)


def test_runs_at_the_same_time_have_lanes() -> None:
    lanes = lanes_of([piece(0, 300), piece(100, 400), piece(300, 500)], WINDOW)
    assert shown(lanes) == [("run", 1, 0), ("run", 1, 1), ("run", 1, 0)]
    assert lanes.lanes == 2


def test_where_all_lanes_are_taken_the_last_one_holds_the_rest() -> None:
    lanes = lanes_of([piece(n, 500 + n) for n in range(10)] + [piece(600, 700)], WINDOW)
    assert lanes.lanes == MOST_LANES
    assert shown(lanes)[MOST_LANES - 1] == ("many", 7, MOST_LANES - 1)
    assert shown(lanes)[-1] == ("run", 1, 0)


def test_short_runs_side_by_side_become_one_that_counts_them() -> None:
    pieces = [piece(n * 10, n * 10 + 1, runs=2) for n in range(5)]
    (mark,) = lanes_of(pieces, WINDOW).marks
    assert (mark.kind, mark.runs, mark.begin, mark.end) == ("many", 10, 0, 41)
    assert mark.running(WINDOW) == (0.0, 5.0)
    apart = lanes_of([piece(0, 1), piece(100, 101)], WINDOW)
    assert shown(apart) == [("run", 1, 0), ("run", 1, 0)]


def test_a_failure_among_them_stands_out() -> None:
    pieces = [piece(n * 10, n * 10 + 1, status="error" if n == 2 else "ok") for n in range(5)]
    marks = lanes_of(pieces, WINDOW).marks
    assert [(mark.tone, mark.runs) for mark in marks] == [("ok", 2), ("bad", 1), ("ok", 2)]
    assert [mark.running(WINDOW) for mark in marks] == [(0.0, 2.0), (2.0, 1.0), (3.0, 2.0)]
    assert {mark.lane for mark in marks} == {0}


def test_what_is_only_drawn_over_another_one_stays_in_its_lane() -> None:
    """A short run is drawn as wide as a cell, so that one right after it lies below it."""
    lanes = lanes_of([piece(0, 100), piece(105, 106, status="error"), piece(108, 200)], WINDOW)
    assert shown(lanes) == [("run", 1, 0)] * 3


def test_what_did_not_run_takes_no_lane() -> None:
    pieces = [piece(0, 300), piece(100, 100, status="skipped", is_tick=True, reason="overlap")]
    lanes = lanes_of(pieces, WINDOW)
    assert shown(lanes) == [("run", 1, 0), ("tick", 1, 0)]
    assert lanes.lanes == 1
