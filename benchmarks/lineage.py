"""What it costs a script to be a run, whose items, state and acts are recorded: beside one that is none.

Each has a database of its own, on the disk that TMPDIR chooses, and they take turns with every few calls. The
run is one whose items tell what it does, as a server starts it. On a busy machine the wait for the disk hides
the price. Processor time tells it: 3 to 4 % of an enqueue, 5 to 7 % of a claim with its completion.
"""

import itertools
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.measure import Row, timed
from jeeves_runner.client import Client
from jeeves_runner.db.connection import connect

SINGLE: Final = 1.05
"""The most that single durable calls may take, beside those of a script that is no run."""
BATCH: Final = 1.15
"""The same for a hundred at once."""

_CALLS: Final = 5
_WARM_UP: Final = 3
_RUN: Final = """
INSERT INTO runs (id, job_id, status, trigger, created_at, started_at, epoch, told_by_items)
VALUES (1, 'a', 'running', 'manual', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 1, 1)
"""


_number = itertools.count().__next__
"""What is stored is new each time: to write again what is there changes no page, and waits for no disk."""


def _enqueue(jr: Client) -> None:
    jr.enqueue("single", {"n": 1})


def _work(jr: Client) -> None:
    [item] = jr.claim("single")
    jr.complete(item)


def _set_state(jr: Client) -> None:
    jr.set_state("ns", "key", {"n": _number()})


def _enqueue_many(jr: Client) -> None:
    jr.enqueue_many("batch", [{"n": number} for number in range(100)])


def _work_many(jr: Client) -> None:
    items = jr.claim("batch", 100)
    with jr.transaction():
        for item in items:
            jr.complete(item)


def _set_many(jr: Client) -> None:
    with jr.transaction():
        for number in range(100):
            jr.set_item("ns", "many", f"item {number}", {"n": _number()})


CASES: Final[Mapping[str, tuple[Callable[[Client], None], float]]] = {
    "one enqueue": (_enqueue, SINGLE),
    "one claim with its completion": (_work, SINGLE),
    "one value of state": (_set_state, SINGLE),
    "a hundred enqueued": (_enqueue_many, BATCH),
    "a hundred claimed and completed": (_work_many, BATCH),
    "a hundred items of state": (_set_many, BATCH),
}


@contextmanager
def _client(folder: Path, run_id: str) -> Iterator[Client]:
    """A script of this run; of none, if that is empty."""
    folder.mkdir()
    path = folder / "runner.sqlite"
    with closing(connect(path, create=True)) as conn:
        conn.execute("PRAGMA foreign_keys=OFF")
        conn.execute(_RUN)
    os.environ.update(JR_DB_PATH=str(path), JR_RUN_ID=run_id)
    try:
        with Client() as jr:
            yield jr
    finally:
        for name in ("JR_DB_PATH", "JR_RUN_ID"):
            os.environ.pop(name, None)


def main(rounds: int) -> list[Row]:
    """The medians of the floor and of the ratios of neighbours: what disturbs one disturbs the other."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jr-bench-")))
        of_none = stack.enter_context(_client(root / "none", ""))
        of_a_run = stack.enter_context(_client(root / "run", "1"))
        figures: dict[str, list[tuple[float, float]]] = {what: [] for what in CASES}
        for turn in range(_WARM_UP + rounds):
            for what, (call, _) in CASES.items():
                sides = (of_none, of_a_run) if turn % 2 else (of_a_run, of_none)
                took = {id(jr): timed(partial(_call, call, jr)) for jr in sides}
                if turn >= _WARM_UP:
                    figures[what].append((took[id(of_a_run)] / _CALLS, took[id(of_none)] / _CALLS))
    return [_row(what, figures[what], target) for what, (_, target) in CASES.items()]


def _call(call: Callable[[Client], None], jr: Client) -> None:
    for _ in range(_CALLS):
        call(jr)


def _row(what: str, figures: list[tuple[float, float]], target: float) -> Row:
    ratio = statistics.median(mine / floor for mine, floor in figures)
    floor = statistics.median(floor for _, floor in figures)
    return Row.against(what, ratio * floor, floor, target)
