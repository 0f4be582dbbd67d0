"""``cancel`` ends what runs without waiting for the database, which another program holds locked."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.db import locked_by_another
from support.processes import has_ended
from support.server import HOLD, command, database, save, serving, started_pid, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")


def run_of(root: Path) -> Any:
    (run,) = json.loads(command(root, "runs", "hold", "--json").stdout)["runs"]
    return run


def test_a_server_ends_a_run_at_once_and_records_why_with_its_end(root: Path) -> None:
    save(root, "hold.yaml", HOLD)
    with serving(root) as server:
        server.post("/jobs/hold/run?wait=0s")
        pid = started_pid(root)
        with locked_by_another(database(root)):
            asked = command(root, "cancel", "1")
            assert (asked.returncode, asked.stderr) == (0, "")
            assert asked.stdout.startswith("The server is asked to end run 1; the database is locked")
            until(lambda: has_ended(pid))
            assert run_of(root)["status"] == "running"
        until(lambda: run_of(root)["status"] == "cancelled")
        assert run_of(root)["cancel_cause"] == "cancel"


def test_without_a_server_the_processes_are_ended_and_the_next_one_records_it(root: Path) -> None:
    save(root, "hold.yaml", HOLD)
    with serving(root) as server:
        server.post("/jobs/hold/run?wait=0s")
        pid = started_pid(root)
        server.kill()
    assert not has_ended(pid)
    with locked_by_another(database(root)):
        asked = command(root, "cancel", "1")
        assert has_ended(pid)
        assert asked.returncode == 2
        assert "what ran of run 1 is ended, and that is not recorded yet" in asked.stderr
        assert run_of(root)["status"] == "running"
    with serving(root):
        assert run_of(root)["status"] == "interrupted"
