"""``serve --paused``: nothing runs until all jobs are resumed, whatever the database brings with it."""

from pathlib import Path

import pytest
from support.server import EVERY_SECOND, SERVE, Server, command, new_project, save, serving, until

PAUSED = (*SERVE, "--paused")
AT_START = "on_start: true\nrun: echo warm\ntimeout: 10s\n"
LONG = "run: sleep 300\ntimeout: 10m\nkill_grace: 1s\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_project(tmp_path, "port: 0\nmax_concurrency: 1\nshutdown_grace: 0s\n")


def started(server: Server) -> list[str]:
    """The jobs of all runs that have been started."""
    return [run["job_id"] for run in server.get("/runs")["runs"] if run["started_at"]]


def skipped(server: Server, job: str) -> bool:
    runs = server.get(f"/jobs/{job}/runs")["runs"]
    return [(run["status"], run["reason"]) for run in runs] == [("skipped", "paused")]


def test_nothing_runs_until_all_jobs_are_resumed_over_a_restart_too(root: Path) -> None:
    save(root, "tick.yaml", EVERY_SECOND)
    save(root, "warm.yaml", AT_START)
    with serving(root, PAUSED) as server:
        until(lambda: skipped(server, "tick") and skipped(server, "warm"))
        assert started(server) == []
        assert server.job("tick")["paused"] == {"until": None, "reason": "serve --paused", "all": True}
        assert "all jobs are paused" in server.log.read_text()
    with serving(root) as server:
        assert server.job("tick")["status"] == "paused"
        assert started(server) == []
        assert command(root, "resume", "--all").returncode == 0
        until(lambda: started(server)[:1] == ["tick"])


def test_it_takes_the_place_of_a_pause_that_would_end(root: Path) -> None:
    save(root, "tick.yaml", EVERY_SECOND)
    assert command(root, "apply").returncode == 0
    assert command(root, "pause", "--all", "--until", "1h", "--reason", "maintenance").returncode == 0
    with serving(root, PAUSED) as server:
        assert server.job("tick")["paused"]["until"] is None


def test_a_forced_run_that_waited_in_the_database_waits_on(root: Path) -> None:
    save(root, "long.yaml", LONG)
    save(root, "forced.yaml", "run: echo never\ntimeout: 10s\n")
    with serving(root) as server:
        server.post("/jobs/long/run?wait=0s")
        assert command(root, "trigger", "forced", "--force").returncode == 0
        until(lambda: server.get("/jobs/forced/runs")["runs"][0]["reason"] == "limit")
        server.kill()
    with serving(root, PAUSED) as server:
        until(lambda: server.get("/jobs/forced/runs")["runs"][0]["reason"] == "paused")
        assert command(root, "trigger", "long", "--force").returncode == 0
        until(lambda: started(server).count("long") == 2)
        assert "forced" not in started(server)
