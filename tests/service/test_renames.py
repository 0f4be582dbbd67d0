"""The whole runner while a job gets another id: what runs, what waits and what is written down goes on."""

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from support.server import Server, command, database, save, serving, until

from jeeves_runner.db.run_list import run_rows

WORK = """\
run: |
  echo "$JR_JOB_ID in $JR_NAMESPACE"
  while [ ! -e "$JR_PROJECT_DIR/go" ]; do sleep 0.05; done
timeout: 10m
overlap_policy: queue
"""
RENAMED = f"renamed_from: old\n{WORK}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jeeves-runner.yaml").write_text("port: 0\n")
    save(tmp_path, "old.yaml", WORK)
    return tmp_path


def rename(root: Path) -> None:
    (root / "jobs.d" / "old.yaml").rename(root / "jobs.d" / "new.yaml")
    save(root, "new.yaml", RENAMED)


def two_runs(server: Server) -> tuple[int, int]:
    """One that runs and has written its line, and one that waits for it."""
    first, second = (server.post("/jobs/old/run?wait=0s")[1]["run"]["id"] for _ in range(2))
    until(lambda: command(server.root, "logs", str(first)).stdout)
    return first, second


def run(server: Server, run_id: int) -> Any:
    return server.get(f"/runs/{run_id}")["run"]


def ended(server: Server, run_id: int) -> Any:
    return until(lambda: (found := run(server, run_id))["finished_at"] and found)


def test_what_runs_and_what_waits_goes_on_under_the_new_id(root: Path) -> None:
    with serving(root) as server:
        first, second = two_runs(server)
        rename(root)
        until(lambda: server.job("new"))
        assert [run(server, each)["job_id"] for each in (first, second)] == ["new", "new"]
        assert server.job("new")["status"] == "running"
        assert command(root, "logs", str(first)).stdout == "old in old\n"
        (root / "go").touch()
        assert [ended(server, each)["status"] for each in (first, second)] == ["ok", "ok"]
        assert command(root, "logs", str(second)).stdout == "new in old\n"
        until(lambda: not (root / "data/logs/old").exists())
        assert command(root, "logs", str(first)).stdout == "old in old\n"
        assert [each["id"] for each in server.get("/jobs/new/runs")["runs"]] == [second, first]
        assert server.get("/jobs/new")["job"]["namespace"] == "old"


def test_a_rename_while_no_runner_lives_is_followed_by_the_next(root: Path) -> None:
    with serving(root) as server:
        first, second = two_runs(server)
        server.kill()
    rename(root)
    applied = command(root, "apply")
    assert applied.returncode == 0
    assert "~ job new (renamed from old)" in applied.stdout
    (root / "go").touch()
    with serving(root) as server:
        assert ended(server, first)["status"] == "interrupted"
        assert ended(server, second)["status"] == "ok"
        assert run(server, first)["job_id"] == "new"
        assert command(root, "logs", str(first)).stdout == "old in old\n"
        assert (root / "data/logs/new" / f"{second}.log").read_text() == "new in old\n"
        until((root / "data/logs/new" / f"{first}.log").exists)
        until(lambda: not (root / "data/logs/old").exists())
    assert database(root).exists()


def test_the_old_id_names_the_new_one(root: Path) -> None:
    command(root, "apply")
    rename(root)
    shown = command(root, "diff")
    assert "~ job new (renamed from old)" in shown.stdout
    assert "0 to delete" in shown.stdout
    command(root, "apply")
    assert "~ job new (renamed from old)" in command(root, "history", "2").stdout
    found = command(root, "job", "old")
    assert found.returncode == 2
    assert "job old was renamed to new" in found.stderr


def many_runs(root: Path, count: int) -> None:
    with closing(apsw.Connection(str(database(root)))) as conn:
        conn.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO runs (job_id, status, trigger, created_at, started_at, finished_at, end_seq)
            SELECT 'old', 'ok', 'manual', at, at, at, 1 FROM n, (SELECT applied_at AS at FROM revisions)
            """,
            (count,),
        )


def ids_of_new(root: Path) -> list[int]:
    with closing(apsw.Connection(str(database(root)))) as conn:
        return [row["id"] for row in run_rows(conn, job_id="new", limit=10_000).rows]


def raw_counts(root: Path) -> list[tuple[object, ...]]:
    """How many runs have each id in their rows."""
    with closing(apsw.Connection(str(database(root)))) as conn:
        return conn.execute("SELECT job_id, count(*) FROM runs GROUP BY job_id").fetchall()


def test_a_crash_while_runs_are_carried_is_no_difference(root: Path) -> None:
    count = 10_000
    command(root, "apply")
    many_runs(root, count)
    rename(root)
    for _ in range(2):  # killed as soon as it answers, with most of them yet to be carried
        with serving(root) as server:
            server.kill()
        assert ids_of_new(root) == list(range(count, 0, -1))
    with serving(root):
        until(lambda: raw_counts(root) == [("new", count)])
        assert ids_of_new(root) == list(range(count, 0, -1))
