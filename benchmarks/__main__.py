"""``python -m benchmarks``: measure every speed the project promises, and a floor in the same run.

``durability``, what a commit costs on this machine, is no promise, and ``instants`` needs root: they are
measured only where they are named.
"""

import argparse
import sys
from collections.abc import Sequence

from benchmarks import (
    alerts,
    apply,
    burst,
    command,
    diff,
    durability,
    instants,
    run_overhead,
    save_to_timer,
    sessions,
)
from benchmarks.measure import Row, print_table

PARTS = ("apply", "diff", "save", "run", "burst", "command", "sessions", "alerts", "instants", "durability")


def _part(word: str) -> str:
    if word not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {word!r}")
    return word


def _of_manifests(wanted: Sequence[str], rounds: int) -> list[Row]:
    """The commands that read all manifests."""
    rows: list[Row] = []
    if "apply" in wanted:
        rows += apply.main(rounds)
        print_table("apply, whole processes (floor: read and parse alone)", rows)
    if "diff" in wanted:
        found = diff.main(rounds)
        print_table("diff, whole processes (floor: in sync)", found)
        rows += found
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a figure to quote")
    parts = f"{', '.join(PARTS)}; all but the last two by default"
    parser.add_argument("only", nargs="*", metavar="PART", type=_part, help=parts)
    options = parser.parse_args()
    rounds = 3 if options.quick else 9
    wanted = options.only or PARTS[:-2]
    rows: list[Row] = []
    rows += _of_manifests(wanted, rounds)
    if "save" in wanted:
        found = save_to_timer.main(saves=20 if options.quick else 60)
        print_table("a running server with 10,000 jobs", found)
        rows += found
    if "run" in wanted:
        found = run_overhead.main(rounds=100 if options.quick else 1000)
        print_table("one run of an empty script (floor: a bare subprocess)", found)
        rows += found
    if "burst" in wanted:
        found = burst.main(rounds=1 if options.quick else 5)
        print_table("many at once (floor: the same scripts by bare threads)", found)
        rows += found
    if "command" in wanted:
        found = command.main(rounds=10 if options.quick else 40)
        print_table("whole commands beside a running server (floor: Python and click alone)", found)
        rows += found
    if "sessions" in wanted:
        found = sessions.main(seconds=8 if options.quick else 25)
        print_table("sessions of agents, by a double of their gateway", found)
        rows += found
    if "alerts" in wanted:
        found = alerts.main(rounds=2 if options.quick else 6)
        print_table("a thousand failures at once (floor: no channel)", found)
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
