"""An hour of a real server, in which it is killed, as a recording that can be played again.

An hour has sixty units; with a unit of a second it is over in a minute. Ends of runs lie between the whole
units at which jobs are due, so that a machine that is slow by less than half a unit changes nothing.

``python -m support.recorded_hour UNIT FILE``, in ``tests``, records one; UNIT is in seconds.
"""

import json
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TypedDict, cast

from support.server import Server, database, new_project, until

from jeeves_runner.clock import to_text
from jeeves_runner.db.connection import connect

UNITS: Final = 60
KILLED, UP_AGAIN = 25.5, 37.5
"""When the server is killed, and when the next one is started."""
PAUSED, RESUMED = 12.5, 20.5
"""In which time those of ``TO_PAUSE`` are paused."""
TO_PAUSE: Final = ("paused", "follows-when-resumed")

CONFIG: Final = "port: 0\nmax_concurrency: 9\npools: {narrow: 1}\nshutdown_grace: 0s\n"


class _Job(NamedTuple):
    every: int
    """Units from one occurrence to the next."""
    lasts: float
    """Units that a run takes."""
    cron: str = ""
    """In place of the units, an expression."""
    more: str = ""
    """The other lines of its manifest; ``{3}`` stands for three units."""
    code: int = 0
    """What its runs exit with."""


JOBS: Final = {
    "beat": _Job(1, 0.25),
    "too-slow": _Job(2, 2.5),
    "queued": _Job(3, 4.5, more="overlap_policy: queue"),
    "replaced": _Job(4, 5.5, more="overlap_policy: replace\nkill_grace: 1s"),
    "side-by-side": _Job(5, 7.5, more="overlap_policy: allow\npriority: -5"),
    "in-pool-first": _Job(6, 1.5, more="pool: narrow\npriority: 5\noverlap_policy: queue"),
    "in-pool-last": _Job(3, 1.5, more="pool: narrow\npriority: -1\noverlap_policy: queue"),
    "fails": _Job(7, 0.5, more="retries: {limit: 2, delay: {2}, backoff: exponential}", code=3),
    "not-retried": _Job(11, 0.5, more="retries: {limit: 2, delay: {1}, on_exit_codes: [4]}", code=3),
    "nothing-to-do": _Job(9, 0.5, more="exit_codes: {skip: [78]}", code=78),
    "too-long": _Job(10, 3.0, more="timeout: {1}\nkill_grace: 1s"),
    "killed": _Job(24, 6.5, more="retries: {limit: 1, delay: {2}, on: [interrupted]}\npriority: 5"),
    "paused": _Job(3, 0.5),
    "all-caught-up": _Job(2, 0.5, more="catch_up: all\ncatch_up_window: {7}\npriority: -2"),
    "never-caught-up": _Job(2, 0.5, more="catch_up: none"),
    "caught-up-if-young": _Job(10, 0.5, more="catch_up_window: {2}"),
    "by-the-clock": _Job(0, 0.3, cron="*/10 * * * * *"),
    "boot": _Job(0, 0.5, more="on_start: true\noverlap_policy: allow"),
    "first": _Job(4, 0.3),
    "second": _Job(6, 1.25),
    "follows-both": _Job(0, 0.6, more="after: [first, second]"),
    "follows-slowly": _Job(0, 5.4, more="after: [first]"),
    "follows-side-by-side": _Job(0, 5.2, more="after: [first]\noverlap_policy: allow\npriority: -5"),
    "follows-what-fails": _Job(0, 0.35, more="after: {jobs: [fails, not-retried], when: finished}"),
    "follows-a-follower": _Job(0, 0.4, more="after: {jobs: [follows-slowly], when: finished}"),
    "follows-when-resumed": _Job(0, 0.4, more="after: [first]"),
    "needs-first": _Job(3, 0.4, more="needs: {job: first, within: {2}}"),
    "waits-for-second": _Job(5, 0.6, more="needs: {job: second, within: {2}, wait: {3}}"),
}


class RecordedRow(TypedDict):
    """A row of ``runs``."""

    id: int
    job_id: str
    status: str
    trigger: str
    attempt: int
    reason: str | None
    reason_ref: str | None
    scheduled_for: str | None
    last_for: str | None
    occurrences: int
    exit_code: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    epoch: int | None
    caused_by: str | None
    depth: int


class Recording(TypedDict):
    """What a server was given, what befell it, and the rows it wrote. Times are texts as in the database."""

    unit_ms: int
    config: str
    manifests: dict[str, str]
    started: str
    """When the first server was up."""
    since: str
    """The moment all schedules are counted from."""
    until: str
    """When the rows were read."""
    down: list[tuple[str, str]]
    """From each kill to the first decision after it."""
    paused: list[tuple[str, str, str]]
    """A job, from when, until when."""
    rows: list[RecordedRow]
    """By id."""


def manifest(name: str, job: _Job, since: datetime, unit_ms: int) -> str:
    """The text of a job's file."""

    def span(units: float) -> str:
        return f"{round(units * unit_ms)}ms"

    lines = [f"run: sleep {job.lasts * unit_ms / 1000:.3f}; exit {job.code}"]
    if job.cron:
        lines.append(f"schedule: '{job.cron}'")
    elif job.every:
        every = job.every * unit_ms // 1000
        lines.append(f"schedule: {{every: {every}s, from: {since:%Y-%m-%dT%H:%M:%SZ}}}")
    if "timeout" not in job.more:
        lines.append("timeout: 2h")
    text = job.more
    for units in range(12):
        text = text.replace(f"{{{units}}}", span(units))
    return "\n".join([*lines, text]) + "\n"


def record(root: Path, unit_ms: int = 1000) -> Recording:
    """Let a server have its hour in ``root``, an empty folder."""
    new_project(root, CONFIG)
    started, server = _begin(root)
    since = datetime.fromtimestamp(int(time.time()) + 5, UTC)
    manifests = {name: manifest(name, job, since, unit_ms) for name, job in JOBS.items()}
    for name, text in manifests.items():
        (root / "jobs.d" / f"{name}.yaml").write_text(text)

    def wait_until(units: float) -> None:
        """The hour itself: nothing else tells how far it is."""
        at = since.timestamp() + units * unit_ms / 1000
        time.sleep(max(0.0, at - time.time()))

    try:
        until(lambda: len(server.get("/jobs")["jobs"]) == len(JOBS))
        assert datetime.now(UTC) < since, "the machine is too busy to tell one unit from the next"
        wait_until(PAUSED)
        for name in TO_PAUSE:
            server.post(f"/jobs/{name}/pause", {})
        wait_until(RESUMED)
        for name in TO_PAUSE:
            server.post(f"/jobs/{name}/resume")
        wait_until(KILLED)
        killed_at = datetime.now(UTC)
        server.kill()
        wait_until(UP_AGAIN)
        server = Server(root)
        wait_until(UNITS + 0.5)
        read_at = datetime.now(UTC)
        rows, paused = _read(root)
    finally:
        server.kill()
    up_at = min(row["created_at"] for row in rows if row["created_at"] > to_text(killed_at))
    return Recording(
        unit_ms=unit_ms,
        config=CONFIG,
        manifests=manifests,
        started=to_text(started),
        since=to_text(since),
        until=to_text(read_at),
        down=[(to_text(killed_at), up_at)],
        paused=paused,
        rows=rows,
    )


def _begin(root: Path) -> tuple[datetime, Server]:
    """A server that has just started, with the jobs alone that run at each start."""
    for name, job in JOBS.items():
        if "on_start" in job.more:
            (root / "jobs.d" / f"{name}.yaml").write_text(manifest(name, job, datetime.now(UTC), 1000))
    server = Server(root)
    return datetime.now(UTC), server


def _read(root: Path) -> tuple[list[RecordedRow], list[tuple[str, str, str]]]:
    """The rows, and the pauses."""
    names = tuple(RecordedRow.__annotations__)
    with closing(connect(database(root))) as conn:
        found = list(conn.execute(f"SELECT {', '.join(names)} FROM runs ORDER BY id"))
        paused = list(conn.execute("SELECT job_id, created_at, ended_at FROM overrides WHERE kind = 'pause'"))
    rows = [cast(RecordedRow, dict(zip(names, row, strict=True))) for row in found]
    return rows, [(job, begin, end) for job, begin, end in paused]


def as_text(recording: Recording) -> str:
    """As JSON, with a line for each row."""
    others = {name: value for name, value in recording.items() if name != "rows"}
    rows = ",\n".join(f"  {json.dumps(row)}" for row in recording["rows"])
    return json.dumps(others, indent=1)[:-2] + f',\n "rows": [\n{rows}\n ]\n}}\n'


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        told = record(Path(folder), int(float(sys.argv[1]) * 1000))
        Path(sys.argv[2]).write_text(as_text(told))
