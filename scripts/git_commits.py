#!/usr/bin/env python3
"""Queue the commits that have come since the last run.

The pattern: a cursor in state and new items in a queue, both written in one transaction. If the run dies
halfway, neither has happened. If a commit is seen twice, the queue drops it by its sha.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from jeeves_runner.client import MISSING, Client, Pending

QUEUE = "commits"
FIRST_RUN = 50  # a long history is not news
FIELDS = "%H%x1f%cI%x1f%an%x1f%s"

Commit = dict[str, str]


def main() -> int:
    project = Path(os.environ["JR_PROJECT_DIR"])
    namespace = os.environ["JR_NAMESPACE"]
    head = git(project, "rev-parse", "--verify", "HEAD^{commit}").strip()
    if not head:
        print(f"{project} is no git checkout, or has no commit yet: nothing to queue")
        return 0
    with Client() as jr:
        cursor = jr.get_state(namespace, "cursor")
        if cursor == head:
            print(f"nothing new since {head[:12]}")
            return 0
        commits = list(commits_since(project, cursor, head))
        with jr.transaction():
            queued = jr.enqueue_many(QUEUE, commits)
            jr.set_state(namespace, "cursor", head, expect=MISSING if cursor is None else cursor)
        new = sum(isinstance(item, Pending) and item.id is not None for item in queued)
        print(f"{new} new of {len(commits)} commits up to {head[:12]}")
        jr.result(meta={"head": head, "seen": len(commits), "queued": new})
    return 0


def commits_since(project: Path, cursor: str | None, head: str) -> Iterator[Commit]:
    """The commits after ``cursor``, oldest first; without a known cursor the newest ``FIRST_RUN``."""
    known = cursor and git(project, "rev-parse", "--verify", "--quiet", f"{cursor}^{{commit}}")
    reach = [f"{cursor}..{head}"] if known else [f"--max-count={FIRST_RUN}", head]
    for line in git(project, "log", "--reverse", f"--format={FIELDS}", *reach).splitlines():
        sha, date, author, subject = line.split("\x1f", maxsplit=3)
        yield {"sha": sha, "date": date, "author": author, "subject": subject}


def git(project: Path, *words: str) -> str:
    """What git prints; nothing when it says no (no repository, no such commit)."""
    answer = subprocess.run(["git", "-C", str(project), *words], capture_output=True, check=False)
    return answer.stdout.decode(errors="replace") if answer.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
