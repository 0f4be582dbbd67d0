"""A server whose output is not read starts, works and ends all the same, and says all to a late reader."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.pipes import full_pipe
from support.server import PATIENCE, RARELY, SERVE, command, save, serving, until


@contextmanager
def unread(root: Path, stdout: int, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    server = subprocess.Popen(SERVE, cwd=root, stdout=stdout, stderr=stderr)
    try:
        yield server
    finally:
        server.kill()
        server.wait()


def status(root: Path) -> str:
    shown = command(root, "status", "--json").stdout
    return str(json.loads(shown)["status"]) if shown else ""


@pytest.mark.parametrize("streams", ["stdout", "stderr", "both"])
def test_it_starts_works_and_stops(root: Path, streams: str) -> None:
    save(root, "a.yaml", RARELY)
    with full_pipe() as (_, full), (root / "kept").open("wb") as kept:
        stdout = kept.fileno() if streams == "stderr" else full
        stderr = kept.fileno() if streams == "stdout" else full
        with unread(root, stdout, stderr) as server:
            until(lambda: status(root) == "running")
            assert command(root, "trigger", "a", "--wait").returncode == 0
            server.send_signal(signal.SIGTERM)
            assert server.wait(PATIENCE) == 0


def test_an_error_that_ends_it_is_not_waited_for(root: Path) -> None:
    with serving(root), full_pipe() as (_, full), unread(root, full, full) as second:
        assert second.wait(PATIENCE) == 2


def test_a_late_reader_gets_all_lines_in_their_order(root: Path) -> None:
    save(root, "a.yaml", RARELY)
    with full_pipe() as (reader, full), unread(root, full, full) as server:
        until(lambda: status(root) == "running")
        text = b""
        while b"stop it with Ctrl-C" not in text:
            text += os.read(reader, 65536)
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
        text += os.read(reader, 65536)
    lines = text.decode().lstrip("-").splitlines()
    first = next(number for number, line in enumerate(lines) if " answers on " in line)
    assert any("applied" in line for line in lines[:first])
    assert [line.split()[0] for line in lines[first + 1 : first + 4]] == ["manifests", "database", "stop"]
    assert "SIGTERM: stopping" in lines[first + 4]
