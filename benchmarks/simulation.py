"""A week of 1,000 jobs, played. The floor merges their occurrences by a heap, and decides nothing.

The garbage collector rests in both, as it does in ``simulate``. The time is that of the processor, so that
what else the machine does is left out.
"""

import gc
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heapify, heapreplace
from typing import Final

from benchmarks.corpus import schedule
from benchmarks.measure import Row, medians
from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.simulation.replay import play
from jeeves_runner.core.simulation.scenario import Scenario, SimulatedJob, lasting

JOBS: Final = 1000
TARGET: Final = 5.0
"""Seconds."""
BEGIN: Final = datetime(2026, 11, 30, tzinfo=UTC)
END: Final = BEGIN + timedelta(days=7)
SLOTS: Final = 20


def _usual(n: int) -> str:
    return schedule(n, random.Random(n))


def _busy(n: int) -> str:
    """Each tenth every quarter of an hour, four of ten every hour, the others once a day."""
    return "H/15 * * * *" if n % 10 == 0 else "H * * * *" if n % 10 < 5 else "H H * * *"


KINDS: Final[dict[str, Callable[[int], str]]] = {"usual": _usual, "busy": _busy}


def jobs(expression: Callable[[int], str]) -> list[SimulatedJob]:
    found = []
    for n in range(JOBS):
        spec = JobSpec(id=f"job-{n:04}", name=f"Job {n}", schedule=(expression(n),), timeout_ms=3_600_000)
        times = parse_schedule(spec.schedule, spec.timezone, spec.id)
        found.append(SimulatedJob(spec=spec, schedule=times, after=BEGIN, executor="local"))
    return found


def merged(several: list[SimulatedJob]) -> int:
    """How many occurrences there are, found one after the other."""
    count = 0
    times = [(job.schedule, job.spec.id) for job in several if job.schedule is not None]
    heap = [(first, name, each) for each, name in times if (first := each.next_after(BEGIN)) is not None]
    heapify(heap)
    while heap[0][0] <= END:
        when, name, each = heap[0]
        count += 1
        heapreplace(heap, (each.next_after(when) or datetime.max.replace(tzinfo=UTC), name, each))
    return count


def played(several: list[SimulatedJob]) -> int:
    """How many rows there would be."""
    scenario = Scenario(
        begin=BEGIN,
        end=END,
        jobs=several,
        slots={"local": SLOTS},
        pools={},
        work=lasting({}, timedelta(seconds=30)),
    )
    return len(play(scenario).runs)


def main(rounds: int = 5) -> list[Row]:
    rows = []
    for kind, expression in KINDS.items():
        several = jobs(expression)
        count = merged(several)
        floor, time_of_play = medians([_processor(merged, several), _processor(played, several)], rounds)
        what = f"a week of {JOBS:,} {kind} jobs, {count:,} occurrences"
        rows.append(Row.against(what, time_of_play, floor, None))
        met = time_of_play <= TARGET if kind == "usual" else None
        rows.append(Row(what="  in seconds", value=f"{time_of_play:.2f} s", floor=f"{TARGET:g} s", met=met))
    return rows


def _processor(
    action: Callable[[list[SimulatedJob]], int], several: list[SimulatedJob]
) -> Callable[[], float]:
    def seconds() -> float:
        gc.collect()
        gc.disable()
        begin = time.process_time()
        action(several)
        taken = time.process_time() - begin
        gc.enable()
        return taken

    return seconds
