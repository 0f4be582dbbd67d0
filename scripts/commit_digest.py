#!/usr/bin/env python3
"""Turn queued commits into one Markdown file per day.

The pattern: claim a batch, write the file, then complete. A run that dies in between leaves its items to the
next one, so repeating must change nothing: a commit that is already in the file is not added again.
"""

import os
import sys
from collections import defaultdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from whole_files import write_whole

from jeeves_runner.client import Client, Item

QUEUE = "commits"
BATCH = 100


def main() -> int:
    digests = Path(os.environ["JR_DATA_DIR"]) / "digests"
    digests.mkdir(parents=True, exist_ok=True)
    done = 0
    with Client() as jr:
        while items := jr.claim(QUEUE, count=BATCH):
            days: dict[str, dict[str, str]] = defaultdict(dict)
            written: list[Item] = []
            for item in items:
                try:
                    day, sha, line = entry(item.payload)
                except (KeyError, TypeError, ValueError) as error:
                    jr.fail(item, f"not a commit: {error!r}")
                    continue
                days[day][sha] = line
                written.append(item)
            for day, lines in days.items():
                add(digests / f"{day}.md", day, lines)
            for item in written:
                jr.complete(item)
            done += len(written)
        print(f"{done} commits written to {digests}")
        jr.result(meta={"commits": done})
    return 0


def entry(commit: dict[str, str]) -> tuple[str, str, str]:
    """The day (UTC) of a commit, its short sha and its line in that day's digest."""
    moment = datetime.fromisoformat(commit["date"]).astimezone(UTC)
    sha = commit["sha"][:12]
    line = f"- {moment:%H:%M:%S} `{sha}` {escape(commit['subject'])} ({escape(commit['author'])})"
    return f"{moment:%Y-%m-%d}", sha, line


def add(path: Path, day: str, lines: dict[str, str]) -> None:
    """Add the lines (by short sha) which the digest does not have yet."""
    present = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    entries = [line for line in present if line.startswith("- ")]
    known = {line.split("`")[1] for line in entries}
    entries += [line for sha, line in lines.items() if sha not in known]
    write_whole(path, f"# Commits of {day}\n\n" + "\n".join(sorted(entries, key=time_of)) + "\n")


def time_of(line: str) -> str:
    """What lines are sorted by. Lines of the same second stay in the order of their commits."""
    return line.partition("`")[0]


if __name__ == "__main__":
    sys.exit(main())
