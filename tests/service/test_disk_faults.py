"""The runner as a process on a disk that is full, or that takes no writes any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.disk import failing_disk, fill, small_disk
from support.server import Server, command, save, serving, until

LONG = "run: exec sleep 300\ntimeout: 400s\n"


def project(root: Path) -> Path:
    (root / "jobs.d").mkdir()
    save(root, "long.yaml", LONG)
    (root / "jeeves-runner.yaml").write_text("port: 0\ndata_dir: disk\nmin_free: 1B\nshutdown_grace: 1s\n")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk"):
        yield project(tmp_path)


def test_after_a_stop_it_starts_on_a_full_disk(root: Path) -> None:
    with serving(root):
        until((root / "disk" / "runner.sqlite.ballast").exists)
    fill(root / "disk")
    with serving(root) as server:
        assert "the disk is full" in server.log.read_text()
        assert server.get("/status")["health"]["total_jobs"] == 1


def test_after_a_crash_it_settles_on_a_full_disk(root: Path) -> None:
    server = Server(root)
    until((root / "disk" / "runner.sqlite.ballast").exists)
    server.post("/jobs/long/run?wait=0s")
    until(lambda: server.get("/status")["health"]["running"] == 1)
    server.kill()
    assert command(root, "runs").returncode == 0  # the last to close the database deletes the log of writes
    fill(root / "disk")
    with serving(root) as again:
        assert [run["status"] for run in again.get("/runs")["runs"]] == ["interrupted"]


def test_a_disk_that_becomes_read_only_is_no_bug(tmp_path: Path) -> None:
    with failing_disk(tmp_path / "disk") as fail:
        root = project(tmp_path)
        server = Server(root)
        fail()
        server.stop()
        text = server.log.read_text()
        assert "its file system is read-only" in text
        assert "this is a bug" not in text
        assert "Traceback" not in text
        for words in (["serve"], ["pause", "long"]):
            answer = command(root, *words)
            assert (answer.returncode, "its file system is read-only" in answer.stderr) == (2, True), answer
