"""Signals to a whole server: what each of them means, whatever its parent has set, and what runs inherit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.server import PATIENCE, RARELY, SERVE, command, new_project, save, serving, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

BY_A_HOSTILE_PARENT = """
import os, signal, sys
ignored = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGCHLD, signal.SIGTSTP]
for number in ignored:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])
"""

DISPOSITIONS = """
jobs:
  - id: one
    run: grep -E '^Sig(Blk|Ign)' /proc/self/status; exit 3
    timeout: 1m
    overlap_policy: allow
"""
OF_THE_C_LIBRARY = 1 << 31 | 1 << 32
"""Its own signals, 32 and 33, which no program can set. `make` starts its commands with them ignored."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_project(tmp_path, "port: 0\nmax_concurrency: 20\n")


def test_no_signal_ends_a_server_by_accident(root: Path) -> None:
    with serving(root) as server:
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE):
            server.signal(number)
        server.signal(signal.SIGHUP)
        until(lambda: "SIGHUP: looking" in server.log.read_text())
        names = ("SIGUSR1", "SIGUSR2", "SIGALRM")  # of those that wait the kernel hands out the lowest first
        lines = [f"{name} has no meaning to this runner" for name in names]
        until(lambda: all(line in server.log.read_text() for line in lines))
        assert server.get("/status")["status"] == "running"
        server.signal(signal.SIGQUIT)
        assert server.wait() == 0
    assert "SIGQUIT: stopping" in server.log.read_text()


def test_the_rarer_signals_end_it_as_little(root: Path) -> None:
    sent = {
        "SIGVTALRM": signal.SIGVTALRM,
        "SIGPROF": signal.SIGPROF,
        "SIGXCPU": signal.SIGXCPU,
        "SIGIO": signal.SIGIO,
        "SIGPWR": signal.SIGPWR,
        "SIGSTKFLT": signal.SIGSTKFLT,
        "SIGRTMIN": signal.SIGRTMIN,
        "SIGRTMIN+3": signal.SIGRTMIN + 3,
        "SIGRTMAX": signal.SIGRTMAX,
    }
    with serving(root) as server:
        for number in sent.values():
            server.signal(number)
        lines = [f"{name} has no meaning to this runner" for name in sent]
        until(lambda: all(line in server.log.read_text() for line in lines))
        assert server.stop() == 0


def test_a_hangup_looks_at_the_manifests_and_goes_on_in_a_new_log(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("port: 0\nlog: {file: runner.log}\nsync: {interval: 1h}\n")
    log = root / "runner.log"
    with serving(root) as server:
        log.rename(root / "runner.log.1")
        server.signal(signal.SIGHUP)
        until(lambda: log.exists() and "SIGHUP: looking" in log.read_text())
        before = server.get("/sync")["checked_at"]
        server.signal(signal.SIGHUP)
        until(lambda: server.get("/sync")["checked_at"] > before)
    assert "SIGTERM: stopping" in log.read_text()
    assert "SIGTERM" not in (root / "runner.log.1").read_text()


def test_a_log_that_cannot_be_opened_anew_goes_on_in_the_old_file(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("port: 0\nlog: {file: runner.log}\n")
    log, old = root / "runner.log", root / "runner.log.1"
    with serving(root) as server:
        log.rename(old)
        log.mkdir()
        server.signal(signal.SIGHUP)
        until(lambda: "cannot be opened anew: it is a folder" in old.read_text())
        assert server.stop() == 0


def test_runs_get_the_defaults_whatever_the_parent_of_the_server_has_set(root: Path) -> None:
    save(root, "jobs.yaml", DISPOSITIONS)
    with serving(root, [sys.executable, "-c", BY_A_HOSTILE_PARENT, *SERVE]) as server:
        _, alone = server.post("/jobs/one/run")
        assert (alone["result"]["status"], alone["result"]["exit_code"]) == ("error", 3)
        ids = [server.post("/jobs/one/run?wait=0s")[1]["run"]["id"] for _ in range(12)]
        for run_id in (alone["result"]["id"], *ids):
            run = server.get(f"/runs/{run_id}?wait=30s")["run"]
            masks = dict(line.split(":") for line in run["stdout"].splitlines())
            found = {name: int(mask, 16) & ~OF_THE_C_LIBRARY for name, mask in masks.items()}
            assert found == {"SigBlk": 0, "SigIgn": 0}
        assert server.stop() == 0


@pytest.mark.parametrize("lost", ["stdout", "stderr", "both"])
def test_a_server_whose_reader_has_gone_goes_on(root: Path, lost: str) -> None:
    save(root, "a.yaml", RARELY)
    reader, writer = os.pipe()
    os.close(reader)
    with (root / "kept").open("wb") as kept:
        streams = {"stdout": kept, "stderr": kept} | (
            {"stdout": writer, "stderr": writer} if lost == "both" else {lost: writer}
        )
        server = subprocess.Popen(SERVE, cwd=root, **streams)  # type: ignore[call-overload]
    os.close(writer)
    try:
        until(lambda: command(root, "trigger", "a", "--wait").returncode == 0)
        server.terminate()
        assert server.wait(PATIENCE) == 0
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in (root / "kept").read_text()
