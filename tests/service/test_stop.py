"""A stop always ends in its time, whatever a lock, a thread or a planner does; the next start settles."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from array import array
from pathlib import Path

import pytest
from support.db import locked_by_another
from support.launches import children_of, is_alive
from support.server import (
    HOLD,
    PATIENCE,
    RARELY,
    SERVE,
    Server,
    command,
    database,
    save,
    serving,
    started_pid,
    until,
)

from jeeves_runner.execute.local.processes import read_proc

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

LOCK_HOLDER = """
import apsw, os, time
from pathlib import Path
conn = apsw.Connection(os.environ["JR_DB_PATH"])
conn.set_busy_timeout(60_000)
conn.execute("BEGIN IMMEDIATE")
Path("pid").write_text(f"{os.getpid()}\\n")
time.sleep(300)
"""

SLOW_TO_END = 30.0
"""Seconds for the interpreter to begin and end on a busy machine."""


def planner_of(server: Server) -> int:
    commands = {pid: read_proc(f"/proc/{pid}/cmdline") or b"" for pid in children_of(server.pid)}
    (planner,) = (pid for pid, words in commands.items() if b"planner_process" in words)
    return planner


def unread_by(pid: int) -> int:
    """Bytes that wait in the standard input of a process."""
    count = array("i", [0])
    with Path(f"/proc/{pid}/fd/0").open("rb", buffering=0) as pipe:
        fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


# Locks


def test_a_stop_ends_what_runs_and_itself_while_another_program_holds_the_lock(root: Path) -> None:
    save(root, "hold.yaml", HOLD)
    with serving(root) as server:
        server.post("/jobs/hold/run?wait=0s")
        pid = started_pid(root)
        with locked_by_another(database(root)):
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            until(lambda: not is_alive(pid))
            assert server.wait() == 0
            assert time.monotonic() - began < 0 + 1 + 15 + SLOW_TO_END
    assert "Traceback" not in server.log.read_text()
    with serving(root) as server:
        (run,) = server.get("/jobs/hold/runs")["runs"]
        assert run["status"] == "interrupted"


def test_a_second_signal_ends_what_runs_while_another_program_holds_the_lock(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("port: 0\nshutdown_grace: 10m\n")
    save(root, "hold.yaml", HOLD)
    with serving(root) as server:
        server.post("/jobs/hold/run?wait=0s")
        pid = started_pid(root)
        with locked_by_another(database(root)):
            server.signal(signal.SIGTERM)
            until(lambda: "SIGTERM: stopping" in server.log.read_text())
            server.signal(signal.SIGTERM)
            until(lambda: not is_alive(pid))
            assert server.wait() == 0


def test_a_timeout_ends_a_run_that_holds_the_lock(root: Path) -> None:
    (root / "hold.py").write_text(LOCK_HOLDER)
    save(root, "hold.yaml", "script: hold.py\ntimeout: 3s\nkill_grace: 1s\n")
    with serving(root) as server:
        server.post("/jobs/hold/run?wait=0s")
        pid = started_pid(root)
        until(lambda: not is_alive(pid))
        until(lambda: server.get("/jobs/hold/runs")["runs"][0]["status"] == "timeout")


def test_the_next_start_ends_what_holds_the_lock_before_it_writes(root: Path) -> None:
    (root / "hold.py").write_text(LOCK_HOLDER)
    save(root, "hold.yaml", "script: hold.py\ntimeout: 10m\n")
    with serving(root) as server:
        server.post("/jobs/hold/run?wait=0s")
        pid = started_pid(root)
        server.kill()
    assert is_alive(pid)
    with serving(root) as server:
        assert not is_alive(pid)
        (run,) = server.get("/jobs/hold/runs")["runs"]
        assert run["status"] == "interrupted"


def test_a_start_that_waits_for_a_lock_is_stopped_and_has_started_nothing(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    save(root, "now.yaml", "on_start: true\nrun: 'true'\ntimeout: 1m\n")
    assert command(root, "apply").returncode == 0
    save(root, "b.yaml", RARELY)
    (root / "jobs.d" / "a.yaml").unlink()  # it starts with a look at what is settling
    log = root / "serve.log"
    with log.open("wb") as stream, subprocess.Popen(SERVE, cwd=root, stdout=stream, stderr=stream) as server:
        until(lambda: "deletes in the manifests are settling" in log.read_text())
        with locked_by_another(database(root)):
            until(lambda: "locked the database" in log.read_text())
            server.terminate()
            assert server.wait(PATIENCE) == 0
    assert "Traceback" not in log.read_text()
    assert json.loads(command(root, "runs", "--json").stdout)["runs"] == []


# The planner


def test_a_planner_that_does_not_answer_does_not_keep_the_runner(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    with serving(root) as server:
        planner = planner_of(server)
        os.kill(planner, signal.SIGSTOP)
        save(root, "b.yaml", RARELY)

        def is_asked() -> bool:
            """Also if it was stopped with a question in hand: then the server soon says that it is silent."""
            return bool(unread_by(planner)) or "not answered" in (server.get("/sync")["reason"] or "")

        until(is_asked)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert not is_alive(planner)
    assert "Traceback" not in server.log.read_text()


# What no deadline can end


HANGING = """
import asyncio, sys, threading, time
from jeeves_runner import server_process, service
from jeeves_runner.runner import epoch
server_process.SLACK = service.SLACK = service._LAST_STEPS = 4

def hang(*_):
    threading.Event().wait()

def hang_at_once(*_):
    time.sleep(1000)

async def hang_in_the_loop(*_):
    time.sleep(1000)

{patch}
from jeeves_runner.__main__ import main
sys.argv = ["jeeves-runner", "serve"]
main()
"""


def test_a_writer_that_hangs_is_left_with_a_word(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    patched = HANGING.format(patch="epoch.end_epoch = hang")
    with serving(root, [sys.executable, "-c", patched]) as server:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    *_, told, last = server.log.read_text().splitlines()
    assert told.endswith("ERROR   stopping: the writer of the database did not end in time and is left")
    assert "stopped after" in last


@pytest.mark.parametrize(
    ("patch", "left"),
    [
        ("service.Maintenance.run_once = lambda _: asyncio.to_thread(hang)", "threads of its own"),
        ("service.say_stopping = hang_in_the_loop", "the record of the stop, a task, a run"),
        ("service.Follower.look_soon = hang_at_once", "threads of its own"),
    ],
    ids=["a thread hangs", "the loop hangs in a stop", "the loop hangs already"],
)
def test_a_process_that_hangs_is_left_with_the_code_of_a_stop_and_a_word(
    root: Path, patch: str, left: str
) -> None:
    save(root, "a.yaml", RARELY)
    with serving(root, [sys.executable, "-c", HANGING.format(patch=patch)]) as server:
        server.signal(signal.SIGHUP)
        until(lambda: "SIGHUP: looking" in server.log.read_text())
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    last = server.log.read_text().splitlines()[-1]
    assert last.endswith(f"CRITICAL the stop did not end in time; this process leaves behind {left}")


def test_a_process_that_hangs_after_a_fault_is_left_with_the_code_of_the_fault(root: Path) -> None:
    """No signal has told it to stop."""
    save(root, "a.yaml", RARELY)
    patched = HANGING.format(patch="service.say_stopping = hang_in_the_loop")
    with serving(root, [sys.executable, "-c", patched]) as server:
        (root / "data" / "runner.sqlite.lock").unlink()
        assert server.wait() == 2
    last = server.log.read_text().splitlines()[-1]
    assert "CRITICAL the stop did not end in time" in last


STANDING = """
import sys, threading
from pathlib import Path
from jeeves_runner.runner import follower, loop_watch
loop_watch.INTERVAL, loop_watch.PATIENCE = 0.1, 0.5

def hang(_conn):
    while not Path("go on").exists():
        threading.Event().wait(0.05)
    return 0

read = follower.data_version
follower.data_version = lambda conn: hang(conn) if Path("hang").exists() else read(conn)
from jeeves_runner.__main__ import main
sys.argv = ["jeeves-runner", "serve"]
main()
"""


def test_a_loop_that_stands_still_is_told_of_with_the_place(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    with serving(root, [sys.executable, "-c", STANDING]) as server:

        def is_told() -> bool:
            told = [line for line in server.log.read_text().splitlines() if "has stood still" in line]
            return any("in runner/follower.py:" in line and line.endswith(", run") for line in told)

        (root / "hang").touch()
        until(is_told)
        (root / "go on").touch()
        until(lambda: "the event loop goes on" in server.log.read_text())
        (root / "hang").unlink()
        assert server.get("/healthz") == {"status": "ok"}
