#!/usr/bin/env python3
"""Count the commits of each day and author, from the digests.

The pattern: what is derived from a folder is made anew from all of it, so it matters neither how often nor
after which of the changes this runs.
"""

import json
import os
import re
import sys
from collections import Counter
from html import unescape
from pathlib import Path

from whole_files import write_whole

from jeeves_runner.client import Client

AUTHOR = re.compile(r"^- .* \(([^()]*)\)$")


def main() -> int:
    data = Path(os.environ["JR_DATA_DIR"])
    days: dict[str, int] = {}
    authors: Counter[str] = Counter()
    for digest in sorted((data / "digests").glob("????-??-??.md")):
        found = [AUTHOR.match(line) for line in digest.read_text(encoding="utf-8").splitlines()]
        names = [unescape(match[1]) for match in found if match]
        days[digest.stem] = len(names)
        authors.update(names)
    stats = {"days": days, "authors": dict(authors.most_common())}
    write_whole(data / "stats.json", json.dumps(stats, ensure_ascii=False, indent=2) + "\n")
    print(f"{sum(days.values())} commits on {len(days)} days by {len(authors)} authors")
    with Client() as jr:
        jr.result(meta={"commits": sum(days.values()), "days": len(days)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
