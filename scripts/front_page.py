#!/usr/bin/env python3
"""Write the page that a person opens first: how many commits each day had, by whom, and how the machine is.

The pattern: the end of a pipeline reads what others have left, a file and a key of state. It knows nothing
of when they run.
"""

import json
import os
import sys
from html import escape
from pathlib import Path

from whole_files import write_whole

from jeeves_runner.client import Client

NEWEST = 14
LONGEST_BAR = 40


def main() -> int:
    data = Path(os.environ["JR_DATA_DIR"])
    stats = stats_of(data / "stats.json")
    with Client() as jr:
        sample = jr.get_state("machine-sample", "latest")
    parts = [["# This repository"], day_lines(stats["days"]), author_lines(stats["authors"])]
    if sample:
        parts.append([f"Free on disk at {sample['at']}: {sample['disk_free'] / 2**30:.1f} GiB."])
    write_whole(data / "front-page.md", "\n\n".join("\n".join(part) for part in parts if part) + "\n")
    print(f"written to {data / 'front-page.md'}")
    return 0


def stats_of(path: Path) -> dict[str, dict[str, int]]:
    """What has been counted; where nothing has, because this is no git checkout, there is nothing."""
    if not path.exists():
        return {"days": {}, "authors": {}}
    stats: dict[str, dict[str, int]] = json.loads(path.read_text(encoding="utf-8"))
    return stats


def day_lines(days: dict[str, int]) -> list[str]:
    """The newest days, each with a bar as long as it was busy beside the busiest of them."""
    shown = sorted(days.items(), reverse=True)[:NEWEST]
    most = max((count for _, count in shown), default=1)
    return [
        f"- [{day}](digests/{day}.md) `{'#' * max(1, LONGEST_BAR * count // most)}` {count}"
        for day, count in shown
    ]


def author_lines(authors: dict[str, int]) -> list[str]:
    return [f"- {escape(name)}: {count}" for name, count in authors.items()]


if __name__ == "__main__":
    sys.exit(main())
