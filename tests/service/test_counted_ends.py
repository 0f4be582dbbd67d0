"""A server that is killed again and again, and another process that ends runs: each end is counted once in
the life of the server that it falls into."""

import urllib.request
from collections import Counter
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.server import Server, database, new_project, save, serving, until

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.model import Reason, RunStatus, Trigger
from jeeves_runner.db.connection import connect, transaction
from jeeves_runner.db.run_ends import end_waiting
from jeeves_runner.db.run_requests import RunRequest, request_run

pytestmark = pytest.mark.service

JOBS = """
jobs:
  - {id: quick, run: "exit $((JR_RUN_ID % 2))", schedule: "* * * * * *", timeout: 10s, overlap_policy: allow}
  - {id: slow, run: "sleep 2.5", schedule: "* * * * * *", timeout: 10s, overlap_policy: skip}
  - {id: never, run: "true", timeout: 10s, keep: {runs: 1}}
"""
CONFIG = "port: 0\nstate_cleanup_interval: 1s\nmin_free: 1B\n"


def scrape(server: Server) -> Counter[tuple[str, str]]:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=60) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return Counter(
        {
            (line.labels["job_id"], line.labels["status"]): int(line.value)
            for family in families
            for line in family.samples
            if line.name == "jeeves_runner_runs_total" and line.value
        }
    )


def recorded(conn: apsw.Connection) -> Counter[tuple[str, str]]:
    """What the rows say: of those that stand for several each one."""
    rows = conn.execute(
        "SELECT job_id, status, sum(iif(started_at IS NULL, occurrences, 1)) FROM runs"
        " WHERE end_seq IS NOT NULL GROUP BY 1, 2"
    )
    return Counter({(job, status): times for job, status, times in rows})


def end_one_beside(conn: apsw.Connection, job: str) -> None:
    """A request that this process makes and takes back before any server has decided about it."""
    with transaction(conn, SystemClock()) as tx:
        run_id = request_run(tx, RunRequest(job_id=job, trigger=Trigger.MANUAL))
        end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL)


def test_each_end_is_counted_once(tmp_path: Path) -> None:
    new_project(tmp_path, CONFIG)
    save(tmp_path, "jobs.yaml", JOBS.replace("keep: {runs: 1}", "keep: {runs: 100}"))
    before: Counter[tuple[str, str]] = Counter()
    for _life in range(4):
        with serving(tmp_path) as server, closing(connect(database(tmp_path))) as conn:
            for _ in range(3):
                end_one_beside(conn, "never")
                until(lambda: recorded(conn) != before)  # noqa: B023 - it is called here
                scrape(server)
            until(lambda: (recorded(conn) - before)["slow", "skipped"] > 0)  # noqa: B023
            # At one moment: what ends between the two looks at the rows may be in the counts or not.
            until(lambda: _agree(server, conn, before))  # noqa: B023
            server.kill()
            before = recorded(conn)


def _agree(server: Server, conn: apsw.Connection, before: Counter[tuple[str, str]]) -> bool:
    first = recorded(conn)
    told = scrape(server)
    last = recorded(conn)
    assert not told - (last - before), "counted twice"
    assert not (first - before) - told, "lost"
    return first == last


def test_what_housekeeping_deletes_has_been_counted(tmp_path: Path) -> None:
    new_project(tmp_path, CONFIG)
    save(tmp_path, "jobs.yaml", JOBS)
    with serving(tmp_path) as server, closing(connect(database(tmp_path))) as conn:
        for _ in range(50):
            end_one_beside(conn, "never")
        until(lambda: recorded(conn)["never", "cancelled"] == 1)
        assert scrape(server)["never", "cancelled"] == 50
