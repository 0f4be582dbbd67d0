"""A backfill of a month: how fast its times are made up for, and what it takes to ask for very many.

The floor of the month is a loop that starts the same script as often and records nothing.
"""

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

from apsw import Connection

from benchmarks.measure import Row
from benchmarks.run_overhead import SCRIPT, running
from jeeves_runner.cli.exits import OK, USAGE
from jeeves_runner.clock import SystemClock
from jeeves_runner.config import load_config
from jeeves_runner.db import backfills
from jeeves_runner.db.backfills import Wanted
from jeeves_runner.db.connection import connect
from jeeves_runner.db.nudge import announced_transaction
from jeeves_runner.service import Runner

HOURS: Final = 30 * 24
OF_A_LOOP: Final = 4.0
"""A run by hand may cost 2.5 times a bare process. One of a backfill has a durable commit more, the step that
enters it, and the look that finds that it has ended."""
OF_BY_HAND: Final = 2.0
"""The same beside runs by hand, one after the other, which a busy machine slows as much."""
MEMORY: Final = 1.1
"""Too many are refused, and to count them must take no memory: a tenth is what processes differ by."""
AT_MOST: Final = 4.0
"""As many as a backfill may have are listed with what has become of each."""
MANIFEST: Final = """
defaults: {timeout: 1m}
jobs:
  - {id: hourly, schedule: "0 * * * *", script: empty.sh}
  - {id: minutely, schedule: "* * * * *", script: empty.sh}
"""

_TELLING: Final = """
import atexit, pathlib, sys
told = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: told.write_text(pathlib.Path("/proc/self/status").read_text()))
from jeeves_runner.__main__ import main
main()
"""


def project(root: Path) -> Path:
    script = root / "empty.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    (root / "jobs.d").mkdir()
    (root / "jobs.d" / "jobs.yaml").write_text(MANIFEST)
    (root / "jeeves-runner.yaml").write_text("port: 0\n")
    return script


async def made_up_for(database: Connection, hours: int) -> float:
    """Seconds in which a backfill of so many hours is done."""
    clock = SystemClock()
    now = clock.now()
    began = time.perf_counter()
    with announced_transaction(database, clock) as tx:
        wanted = Wanted("hourly", now - timedelta(hours=hours), now, again=True)
        number = backfills.begin(tx, wanted, by="benchmark")
    async with asyncio.timeout(600):
        while (row := backfills.backfill_row(database, number)) is None or row["status"] == "active":
            await asyncio.sleep(0.005)
    assert row["ok"] == row["total"], row
    return (time.perf_counter() - began) / row["total"]


def by_a_loop(script: Path, hours: int) -> float:
    """The same of a loop that starts the script as often."""
    began = time.perf_counter()
    for _ in range(hours):
        subprocess.run([script], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return (time.perf_counter() - began) / hours


async def by_hand(runner: Runner, hours: int) -> float:
    """The same of runs that are asked for one after the other."""
    began = time.perf_counter()
    for _ in range(hours):
        run = await runner.runs.wait((await runner.runs.request("hourly")).id)
        assert run.status == "ok", run
    return (time.perf_counter() - began) / hours


async def month(root: Path, hours: int, rounds: int) -> list[Row]:
    script = project(root)
    async with running(root) as runner:
        with closing(connect(load_config(root, None).db_path)) as database:
            await made_up_for(database, 24)
            found = [
                (
                    await made_up_for(database, hours),
                    await by_hand(runner, hours),
                    await asyncio.to_thread(by_a_loop, script, hours),
                )
                for _ in range(rounds)
            ]
    ours, hand, loop = (statistics.median(each) for each in zip(*found, strict=True))
    return [
        Row.against(f"each of {hours} hours that are made up for", ours, loop, OF_A_LOOP),
        Row.against("  beside runs by hand, one after the other", ours, hand, OF_BY_HAND),
    ]


def peak(root: Path, since: str) -> tuple[int, float]:
    """The exit code of a preview, and the most memory that its process had, in MiB.

    What ``getrusage`` says counts the memory of the process that has started it.
    """
    words = ["backfill", "minutely", "--from", since, "--dry-run"]
    told = root / "peak"
    process = subprocess.run(
        [sys.executable, "-c", _TELLING, str(told), *words], cwd=root, capture_output=True, check=False
    )
    found = re.search(r"VmHWM:\s+(\d+) kB", told.read_text())
    assert found is not None
    return process.returncode, int(found[1]) / 1024


def memory(root: Path, since: str, what: str, code: int, most: float) -> Row:
    _, floor = peak(root, "-5m")
    found, used = peak(root, since)
    assert found == code, found
    return Row(
        what=what,
        value=f"{used:.0f} MiB",
        floor=f"{floor:.0f} MiB",
        ratio=used / floor,
        target=most,
        met=used / floor <= most,
    )


def main(rounds: int = 3, hours: int = HOURS) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        root = Path(folder)
        return [
            *asyncio.run(month(root, hours, rounds)),
            memory(root, "-3650d", "memory of --dry-run over ten years of minutes, refused", USAGE, MEMORY),
            memory(root, "-69d", "  over 69 days of minutes, about as many as there may be", OK, AT_MOST),
        ]
