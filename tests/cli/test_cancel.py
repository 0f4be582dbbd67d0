"""Runs that are to end by command: a server is asked, or what a dead one has left is settled."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.cli import Shell, between_looks, refused, run_row
from support.clock import NOON

from jeeves_runner.clock import to_text
from jeeves_runner.db.runner import LOCK_PATIENCE, RunnerLock
from jeeves_runner.execute.local.launch import LocalHandle
from jeeves_runner.execute.local.origin import Origin
from jeeves_runner.execute.local.processes import start_ticks


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.ledger.add_job("backup")
    return shell


def test_cancel_asks_the_server_that_runs(shell: Shell) -> None:
    run = shell.ledger.add_run("backup", "running")
    with shell.server():
        text = shell.text("cancel", str(run))
    assert text == f"The server is asked to end run {run}; `jeeves-runner run {run}` shows it.\n"
    assert run_row(shell, run, "status", "cancel_cause", "cancel_requested_at") == (
        "running",
        "cancel",
        to_text(NOON),
    )


def test_cancel_without_a_server_ends_a_waiting_run(shell: Shell) -> None:
    run = shell.ledger.add_run("backup", "scheduled")
    assert shell.text("cancel", str(run)) == f"Run {run} will not start.\n"
    assert run_row(shell, run, "status", "started_at", "cancel_cause") == ("cancelled", None, "cancel")
    assert run_row(shell, run, "reason") == ("cancel",)  # as a server records it


def test_cancel_settles_the_run_of_a_dead_server(shell: Shell) -> None:
    with shell.server():
        """It starts, and is gone without a word."""
    mark = f"a mark of the test in {shell.folder}"
    orphan = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env={**os.environ, "JR_RUN_MARK": mark, "JR_DB_PATH": str(shell.ledger.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert orphan.stdout is not None
    orphan.stdout.readline()
    origin = Origin.here(shell.ledger.path)
    handle = LocalHandle(1, mark, orphan.pid, start_ticks(orphan.pid), origin)
    run = shell.ledger.add_run("backup", "running", mark=mark, handle=handle.opaque().as_json())
    with orphan:
        text = shell.text("cancel", str(run))
        assert orphan.wait() == -signal.SIGKILL
    assert text == f"Run {run} had lost its server; it is ended, and recorded as interrupted.\n"
    assert run_row(shell, run, "status", "message") == ("interrupted", "the runner died; ended on request")


@contextmanager
def another_cancel(shell: Shell) -> Iterator[RunnerLock]:
    """A dead server's runs are being settled by another command."""
    with shell.server():
        """It starts, and is gone without a word."""
    lock = RunnerLock(shell.ledger.path, command="cancel")
    lock.acquire()
    yield lock
    lock.release()


def test_a_command_that_settles_runs_is_not_taken_for_a_server(shell: Shell) -> None:
    with another_cancel(shell):
        refused(shell.run("trigger", "backup"), "no server runs on")
        assert shell.text("status").startswith("jeeves-runner 0.1.0 is stopped")


def test_cancel_waits_for_another_one_that_settles_runs(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shell.ledger.add_run("backup", "scheduled")
    with another_cancel(shell) as other:
        between_looks(monkeypatch, other.release)
        assert shell.text("cancel", str(run)) == f"Run {run} will not start.\n"


def test_cancel_does_not_wait_for_ever_nor_says_that_a_server_is_asked(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shell.ledger.add_run("backup", "scheduled")
    with another_cancel(shell):
        between_looks(monkeypatch, lambda: shell.ledger.clock.advance(seconds=LOCK_PATIENCE))
        refused(shell.run("cancel", str(run)), f"`jeeves-runner cancel` (pid {os.getpid()}) works on")
    assert run_row(shell, run, "status", "cancel_cause") == ("scheduled", None)


def test_cancel_leaves_an_ended_run_alone(shell: Shell) -> None:
    run = shell.ledger.add_run("backup", "ok")
    refused(shell.run("cancel", str(run)), f"run {run} has already ended: ok")
    refused(shell.run("cancel", "99"), "there is no run 99")
    assert run_row(shell, run, "cancel_cause") == (None,)
