"""A server that starts after a long silence: hundreds of late jobs, spread, while it answers all the time."""

import time
from bisect import bisect_right
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

import apsw
import pytest
from support.server import Server, command, database, new_project, save, serving, until

from jeeves_runner.clock import from_text, to_text

JOBS, SLOTS, SPREAD = 300, 3, 30
CONFIG = f"port: 0\nshutdown_grace: 0s\nmax_concurrency: {SLOTS}\ncatch_up_spread: {SPREAD}s\n"
HOURS = 4
"""Of the last hours each is the scheduled time of a part of the jobs."""
LONGEST_ANSWER = 0.05
"""Seconds in which 99 of 100 requests are answered, on a machine that has nothing else to do."""
SLOWER = 5
"""How many times longer it may take than a server without jobs does on the same machine at the same time."""


def late_project(root: Path) -> list[str]:
    """A project whose server has not looked for a day; the ids in the order in which they are to catch up."""
    root.mkdir()
    new_project(root, CONFIG)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    order = []
    lines = ["jobs:"]
    for n in range(JOBS):
        when, priority, name = hour - timedelta(hours=n % HOURS), n % 7, f"job{n:03}"
        order.append((when, -priority, name))
        lines.append(
            f"- {{id: {name}, schedule: '0 {when.hour} * * *', timezone: UTC, priority: {priority},"
            f" timeout: 1m, catch_up: latest, command: ['true']}}"
        )
    save(root, "late.yaml", "\n".join(lines) + "\n")
    assert command(root, "apply").returncode == 0
    with closing(apsw.Connection(str(database(root)))) as conn:
        begin = to_text(hour - timedelta(hours=20))
        conn.execute("UPDATE jobs SET created_at = ?1, schedule_since = ?1", (begin,))
    return [name for _, _, name in sorted(order)]


def idle_project(root: Path) -> Path:
    """One without jobs."""
    root.mkdir()
    return new_project(root)


class Row(NamedTuple):
    """An occurrence with what became of it, and when its row was made, it started and it ended."""

    job: str
    status: str
    trigger: str
    made: datetime
    started: datetime | None
    finished: datetime | None


def rows(root: Path) -> list[Row]:
    """All there are, in the order in which they were entered."""
    with closing(apsw.Connection(str(database(root)), flags=apsw.SQLITE_OPEN_READONLY)) as conn:
        found: list[Any] = conn.execute(
            "SELECT job_id, status, trigger, created_at, started_at, finished_at FROM runs ORDER BY id"
        ).fetchall()
    return [
        Row(job, status, trigger, from_text(made), *map(_time, both))
        for job, status, trigger, made, *both in found
    ]


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


class Answers:
    """How long answers to GET /status took, in seconds: of a server, and of one that has nothing to do."""

    def __init__(self, idle: Server) -> None:
        self._idle = idle
        self.took: list[float] = []
        self.usual: list[float] = []

    def ask_until(self, server: Server, enough: int) -> None:
        """Ask both until there are so many rows."""
        while len(rows(server.root)) < enough:
            for asked, times in ((server, self.took), (self._idle, self.usual)):
                began = time.perf_counter()
                health = asked.get("/status")["health"]
                times.append(time.perf_counter() - began)
                assert health["running"] <= SLOTS

    def slowest(self) -> tuple[float, float]:
        """Within how long 99 of 100 came, of each."""
        return quantiles(self.took, n=100)[-1], quantiles(self.usual, n=100)[-1]


def most_at_once(spans: list[tuple[datetime, datetime]]) -> int:
    """How many of these overlap at most; of one instant ends come before begins."""
    edges = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    level = most = 0
    for _, step in edges:
        level += step
        most = max(most, level)
    return most


def most_within(times: list[datetime], seconds: float) -> int:
    """How many of these, ascending, lie within so many seconds at most."""
    span = timedelta(seconds=seconds)
    return max(bisect_right(times, time + span) - n for n, time in enumerate(times))


def catch_up(root: Path, order: list[str], answers: Answers) -> int:
    """A server that is killed half way, and the next one; how many rows the first has left."""
    with serving(root) as server:
        until(lambda: server.get("/status")["health"]["catching_up"])
        health = server.get("/status")["health"]
        assert server.get("/catching-up")["jobs"][-1] == {
            "job_id": order[-1],
            "catches_up_at": health["catching_up_until"],
        }
        assert server.get(f"/jobs/{order[-1]}/why")["answer"] == "to_catch_up"
        assert "`catch_up_spread` spaces" in " ".join(command(root, "why", order[-1]).stdout.split())
        answers.ask_until(server, JOBS // 2)
        server.kill()
    left = len(rows(root))
    with serving(root) as server:
        answers.ask_until(server, JOBS)
        until(lambda: all(row.finished for row in rows(root)))
        assert server.get("/status")["health"]["catching_up"] == 0
    return left


@pytest.mark.timeout(400)  # hundreds of processes, on a machine that may be busy
def test_late_jobs_catch_up_in_order_and_spaced_while_the_server_answers_and_through_a_crash(
    tmp_path: Path,
) -> None:
    root = tmp_path / "late"
    order = late_project(root)
    with serving(idle_project(tmp_path / "idle")) as idle:
        answers = Answers(idle)
        left = catch_up(root, order, answers)
    found = rows(root)
    assert JOBS // 2 <= left < JOBS
    # The second server goes on behind what the first has recorded: no occurrence twice, and none lost.
    assert [row.job for row in found] == order
    assert {row.trigger for row in found} == {"catch_up"}
    assert {row.status for row in found} <= {"ok", "interrupted"}
    assert sum(row.status == "interrupted" for row in found) <= SLOTS
    assert (
        most_at_once([(row.started, row.finished) for row in found if row.started and row.finished]) <= SLOTS
    )
    for part, span in ((found[:left], SPREAD * left / JOBS), (found[left:], SPREAD)):
        made = [row.made for row in part]
        length = (made[-1] - made[0]).total_seconds()
        assert length > 0.8 * span
        assert most_within(made, length / 10) < 0.3 * len(made)
    slowest, usual = answers.slowest()
    print(
        f"{len(answers.took)} answers: 99 of 100 within {slowest * 1000:.1f} ms, idle {usual * 1000:.1f} ms"
    )
    assert slowest < max(LONGEST_ANSWER, SLOWER * usual)
