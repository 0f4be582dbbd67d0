#!/usr/bin/env python3
"""Record disk, memory and load as one JSON line, and delete the files of old days.

The pattern: a datastore of one file per day, so retention means deleting files. Each line is appended by a
single write, so no reader sees half of it. If a power cut tore the last line, a newline closes it first.
"""

import argparse
import json
import os
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from jeeves_runner.client import Client


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep-days", type=int, default=7, help="days to keep, today included")
    keep_days: int = parser.parse_args().keep_days

    data = Path(os.environ["JR_DATA_DIR"])
    samples = data / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    sample = {"at": now.isoformat(timespec="seconds"), **measure(data)}
    append_line(samples / f"{now:%Y-%m-%d}.jsonl", json.dumps(sample))
    dropped = drop_before(samples, now.date() - timedelta(days=keep_days - 1))
    with Client() as jr:
        jr.set_state(os.environ["JR_NAMESPACE"], "latest", sample, ttl="1h")
        jr.result(meta={**sample, "files_dropped": dropped})
    return 0


def measure(data: Path) -> dict[str, float | int | None]:
    """Bytes of disk (where ``data`` is) and memory, and the load of the last minute."""
    disk = shutil.disk_usage(data)
    total, available = memory()
    return {
        "disk_total": disk.total,
        "disk_free": disk.free,
        "memory_total": total,
        "memory_available": available,
        "load_1m": round(os.getloadavg()[0], 2),
    }


def memory(table: Path = Path("/proc/meminfo")) -> tuple[int | None, int | None]:
    """Total and available bytes; None where the system has no such table (macOS)."""
    if not table.exists():
        return None, None
    pairs = (line.split(":", 1) for line in table.read_text(encoding="ascii").splitlines())
    kibibytes = {name: int(value.split()[0]) for name, value in pairs}
    return kibibytes["MemTotal"] * 1024, kibibytes["MemAvailable"] * 1024


def append_line(path: Path, line: str) -> None:
    """Append one line by one write, after a newline where the last write was torn."""
    with path.open("a+b", buffering=0) as file:
        torn = file.seek(0, os.SEEK_END) > 0 and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n"
        file.write(b"\n" * torn + line.encode() + b"\n")


def drop_before(samples: Path, oldest: date) -> int:
    """Delete the files of the days before ``oldest``; how many there were."""
    past = [file for file in samples.glob("????-??-??.jsonl") if file.stem < oldest.isoformat()]
    for file in past:
        file.unlink(missing_ok=True)
    return len(past)


if __name__ == "__main__":
    sys.exit(main())
