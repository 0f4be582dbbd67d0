"""``python -m benchmarks``: measure every speed the project promises, and a floor in the same run.

``durability``, what a commit costs on this machine, is no promise, and ``instants`` needs root: they are
measured only where they are named.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks import (
    alerts,
    apply,
    burst,
    command,
    durability,
    instants,
    run_overhead,
    save_to_timer,
    sessions,
    simulation,
)
from benchmarks.measure import Row, print_table

PARTS = (
    *("apply", "save", "run", "burst", "command", "sessions", "alerts", "simulation"),
    *("instants", "durability"),
)


IN_ROUNDS: tuple[tuple[str, Callable[[int], list[Row]], int, int, str], ...] = (
    ("run", run_overhead.main, 100, 1000, "one run of an empty script (floor: a bare subprocess)"),
    ("burst", burst.main, 1, 5, "many at once (floor: the same scripts by bare threads)"),
    (
        *("command", command.main, 10, 40),
        "whole commands beside a running server (floor: Python and click alone)",
    ),
    ("alerts", alerts.main, 2, 6, "a thousand failures at once (floor: no channel)"),
    ("simulation", simulation.main, 1, 5, "a week played (floor: a heap of its occurrences alone)"),
)
"""Parts that are measured in rounds: how many for a look, how many for a figure, and what is shown."""


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
    rounds = 3 if options.quick else 9
    wanted = options.only or PARTS[:-2]
    rows: list[Row] = []
    if "apply" in wanted:
        rows += apply.main(rounds)
        print_table("apply, whole processes (floor: read and parse alone)", rows)
    if "save" in wanted:
        found = save_to_timer.main(saves=20 if options.quick else 60)
        print_table("a running server with 10,000 jobs", found)
        rows += found
    for part, measure, few, many, title in IN_ROUNDS:
        if part in wanted:
            found = measure(few if options.quick else many)
            print_table(title, found)
            rows += found
    if "sessions" in wanted:
        found = sessions.main(seconds=8 if options.quick else 25)
        print_table("sessions of agents, by a double of their gateway", found)
        rows += found
    if "instants" in wanted:
        found = instants.main()
        print_table("99 of 100 runs at once are so far from what the kernel saw", found)
        rows += found
    if "durability" in wanted:
        durability.main()
    missed = [row.what for row in rows if row.met is False]
    print(f"\n{'missed: ' + ', '.join(missed) if missed else 'every target met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
