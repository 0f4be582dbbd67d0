"""The runner as a process that lacks something for a while: it says so once, and goes on once it is there.

The program under test looks for files in its folder: as long as one is there, what it is named after fails or
does not answer.
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.server import EVERY_SECOND, RARELY, Server, command, save, serving, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits of another process, and /proc")

LACKING = """
import apsw, errno, os, sys, threading, time
from jeeves_runner.db import writer
from jeeves_runner.runner import follower
QUICK, SLOW = 60, 0.5  # what a busy machine takes for a write is no slow one here
writer.SLOW = QUICK

def lacks(name):
    return os.access(name, os.F_OK)

def hang(name):
    writer.SLOW = SLOW
    open("it hangs", "w").close()
    while lacks(name):
        time.sleep(0.01)
    writer.SLOW = QUICK

def fail(number):
    raise OSError(number, os.strerror(number))

class File(apsw.VFSFile):
    def xSync(self, flags):
        if lacks("sync fails"):
            raise apsw.IOError("sync")
        if lacks("sync hangs"):
            hang("sync hangs")
        super().xSync(flags)

class System(apsw.VFS):
    def __init__(self):
        super().__init__("lacking", "unix", makedefault=True)
    def xOpen(self, name, flags):
        return File("unix", name, flags)

system = System()
stat, statvfs, start, version = os.stat, os.statvfs, threading.Thread.start, follower.data_version

def no_stat(path, **rest):
    if str(path).endswith(("/data", "sqlite", "-wal", "-shm")):
        if lacks("stat fails"):
            fail(errno.EIO)
        if lacks("stat hangs"):
            hang("stat hangs")
    return stat(path, **rest)

def no_statvfs(path):
    if lacks("statvfs hangs"):
        hang("statvfs hangs")
    return statvfs(path)

def no_thread(thread):
    if lacks("threads"):
        raise RuntimeError("can't start new thread")
    start(thread)

def no_memory(conn):
    if lacks("memory"):
        raise MemoryError
    return version(conn)

os.stat, os.statvfs, threading.Thread.start, follower.data_version = no_stat, no_statvfs, no_thread, no_memory
from jeeves_runner.__main__ import main
sys.argv = ["jeeves-runner", "serve"]
main()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jeeves-runner.yaml").write_text("port: 0\nmin_free: 1B\nshutdown_grace: 1s\n")
    save(tmp_path, "tick.yaml", EVERY_SECOND)
    save(tmp_path, "hand.yaml", RARELY)
    return tmp_path


@pytest.fixture
def server(root: Path) -> Iterator[Server]:
    with serving(root, [sys.executable, "-c", LACKING]) as server:
        until(lambda: ended(server, "tick", "ok"))
        yield server


@contextmanager
def lacking(root: Path, what: str) -> Iterator[None]:
    (root / what).touch()
    try:
        yield
    finally:
        (root / what).unlink()


def ended(server: Server, job: str, status: str) -> list[Any]:
    return [run for run in server.get(f"/jobs/{job}/runs")["runs"] if run["status"] == status]


def goes_on(server: Server, root: Path) -> None:
    """All parts of it work: runs by hand and by the clock, manifests, other programs that write."""
    ticks = len(ended(server, "tick", "ok"))
    status, answer = server.post("/jobs/hand/run")
    assert (status, answer["result"]["status"]) == (200, "ok")
    save(root, "later.yaml", RARELY)
    until(lambda: server.job("later"))
    until(lambda: len(ended(server, "tick", "ok")) > ticks)
    assert command(root, "pause", "hand").returncode == 0
    until(lambda: server.post("/jobs/hand/run")[0] == 409)


def said(server: Server, once: str) -> None:
    """The log has this line once, and nothing that frightens people."""
    text = server.log.read_text()
    assert text.count(once) == 1, text
    for word in ("Traceback", "bug", "internal error", "Exception"):
        assert word not in text


def test_without_descriptors(root: Path, server: Server) -> None:
    kept = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (16, kept[1]))  # it has more open already
    until(lambda: "cannot make pipes" in command(root, "--json", "runs", "tick").stdout)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, kept)
    goes_on(server, root)
    messages = {run["message"] for run in ended(server, "tick", "error")}
    assert messages == {"cannot make pipes for the run's output: Too many open files"}
    said(server, "answers on")


def test_with_fewer_descriptors_allowed_than_before(root: Path, server: Server) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (512, 512))
    goes_on(server, root)
    said(server, "answers on")


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("sync fails", "nothing that is due can be recorded: reading or writing"),
        ("stat fails", "nothing that is due can be recorded: "),
    ],
)
def test_while_the_disk_fails_nothing_starts_and_then_what_was_due(
    root: Path, server: Server, what: str, line: str
) -> None:
    with lacking(root, what):
        until(lambda: line in server.log.read_text())
        status, problem = server.post("/jobs/hand/run")
        assert (status, problem["type"]) == (500, "urn:jeeves-runner:problem:database")
        save(root, "meanwhile.yaml", RARELY)
        until(lambda: server.get("/sync")["state"] == "error")
    until(lambda: "what is due is recorded again" in server.log.read_text())
    until(lambda: server.job("meanwhile"))
    goes_on(server, root)
    said(server, line)
    said(server, "what is due is recorded again")


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("sync hangs", "a write has taken over 0.5 s: the database's disk is slow or hangs"),
        ("stat hangs", "a write has taken over 0.5 s: the database's disk is slow or hangs"),
        ("statvfs hangs", "answers on"),
    ],
)
def test_while_the_disk_hangs_the_server_answers(root: Path, server: Server, what: str, line: str) -> None:
    with lacking(root, what):
        until((root / "it hangs").exists)
        assert server.get("/healthz") == {"status": "ok"}
        assert server.get("/status")["status"] == "running"
        until(lambda: line in server.log.read_text())
    goes_on(server, root)
    said(server, line)


def test_while_the_disk_hangs_a_stop_comes_to_its_end(root: Path, server: Server) -> None:
    with lacking(root, "stat hangs"):
        until((root / "it hangs").exists)
        assert server.stop() == 0
    said(server, "stopping: the writer of the database did not end in time and is left")


def test_without_threads(root: Path, server: Server) -> None:
    with lacking(root, "threads"):
        goes_on(server, root)
    said(server, "answers on")


def test_without_memory(root: Path, server: Server) -> None:
    line = "the watch of the database has stopped and is begun again: there is not enough memory"
    with lacking(root, "memory"):
        until(lambda: line in server.log.read_text())
        assert command(root, "pause", "tick").returncode == 0
    until(lambda: server.get("/status")["health"]["running"] == 0)
    assert command(root, "resume", "tick").returncode == 0
    goes_on(server, root)
    said(server, line)
    until(lambda: "the watch of the database goes on" in server.log.read_text())
