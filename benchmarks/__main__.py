"""``python -m benchmarks``: measure every speed the project promises, and a floor in the same run.

``durability``, what a commit costs on this machine, is no promise, and ``instants`` needs root: they are
measured only where they are named.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from benchmarks import (
    alerts,
    apply,
    backfill,
    burst,
    command,
    dashboard,
    diff,
    durability,
    edges,
    events,
    graph,
    http,
    instants,
    lineage,
    load,
    metrics,
    on_queue,
    reasons,
    run_overhead,
    save_to_timer,
    sessions,
    simulation,
    timetable,
)
from benchmarks.measure import Row, print_table


class Part(NamedTuple):
    """Some figures that belong together."""

    title: str
    """The heading of their table."""
    measure: Callable[[bool], list[Row]]
    """The figures, in fewer rounds if it is to be quick."""
    by_default: bool = True
    """Whether it is measured where no part is named."""


def _durability(_quick: bool) -> list[Row]:
    durability.main()
    return []


def _of(measure: Callable[[int], list[Row]], quick: int, full: int) -> Callable[[bool], list[Row]]:
    """Figures of so many rounds, seconds or jobs: ``quick`` for a look, ``full`` for a figure to quote."""
    return lambda is_quick: measure(quick if is_quick else full)


PARTS: Final[Mapping[str, Part]] = {
    "apply": Part("apply, whole processes (floor: read and parse alone)", _of(apply.main, 3, 9)),
    "edges": Part(
        "apply of 10,000 jobs with 20,000 edges, whole processes (floor: without edges)",
        _of(edges.main, 3, 9),
    ),
    "diff": Part("diff, whole processes (floor: in sync)", _of(diff.main, 3, 9)),
    "save": Part("a running server with 10,000 jobs", _of(save_to_timer.main, 20, 60)),
    "run": Part(
        "one run of an empty script (floor: a bare subprocess)",
        _of(run_overhead.main, 100, 1000),
    ),
    "burst": Part(
        "many at once (floor: the same scripts by bare threads)",
        _of(burst.main, 1, 5),
    ),
    "command": Part(
        "whole commands beside a running server (floor: Python that does nothing)",
        _of(command.main, 10, 40),
    ),
    "sessions": Part(
        "sessions of agents, by a double of their gateway",
        _of(sessions.main, 8, 25),
    ),
    "alerts": Part("a thousand failures at once (floor: no channel)", _of(alerts.main, 2, 6)),
    "reasons": Part(
        "one job with many runs, beyond the start of a command (floor: with few)",
        _of(reasons.main, 5, 20),
    ),
    "lineage": Part(
        "what scripts do in a run (floor: the same by a script that is none)",
        _of(lineage.main, 20, 100),
    ),
    "events": Part(
        "streams of events, seconds of the server's processor (floor: without them)",
        _of(events.main, 2, 6),
    ),
    "load": Part(
        "what comes of 10,000 jobs, whole commands (floor: Python and click alone)",
        _of(load.main, 3, 9),
    ),
    "on_queue": Part(
        "jobs that items start (floor: a loop that starts the same script)",
        _of(on_queue.main, 4, 30),
    ),
    "backfill": Part(
        "times of the past that are made up for (floor: a loop that starts the same script; a short preview)",
        lambda quick: backfill.main(1 if quick else 3, 100 if quick else backfill.HOURS),
    ),
    "graph": Part(
        "a graph as a whole command (floor: Python and click alone)",
        _of(graph.main, 3, 9),
    ),
    "simulation": Part(
        "a week played (floor: a heap of its occurrences alone)",
        _of(simulation.main, 1, 5),
    ),
    "http": Part(
        "requests, the time of each while four are asked (floor: a bare handler with the same bytes)",
        lambda quick: http.main(3, 20_000) if quick else http.main(),
    ),
    "dashboard": Part(
        "the dashboard (floor: the server's answer alone; a server without open pages)",
        _of(dashboard.main, 3, 10),
    ),
    "metrics": Part("metrics, seconds of the processor", _of(metrics.main, 3, 15)),
    "timetable": Part(
        "the timetable, seconds of the processor (floor: rows read and their JSON parsed)",
        _of(timetable.main, 10_000, timetable.JOBS),
    ),
    "instants": Part(
        "99 of 100 runs at once are so far from what the kernel saw", lambda _: instants.main(), False
    ),
    "durability": Part("", _durability, False),
}


def _part(word: str) -> str:
    if word not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {word!r}")
    return word


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a figure to quote")
    parts = f"{', '.join(PARTS)}; all but the last two by default"
    parser.add_argument("only", nargs="*", metavar="PART", type=_part, help=parts)
    options = parser.parse_args()
    rows: list[Row] = []
    for name, part in PARTS.items():
        if name in options.only or (part.by_default and not options.only):
            found = part.measure(options.quick)
            if found:
                print_table(part.title, found)
            rows += found
    missed = [row.what for row in rows if row.met is False]
    print(f"\n{'missed: ' + ', '.join(missed) if missed else 'every target met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
