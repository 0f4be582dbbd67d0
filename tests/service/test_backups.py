"""Backups under load, killed halfway and on a full disk; and restores that a crash cuts short."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest
from support.disk import fill, small_disk
from support.killed_at import Step, killed
from support.server import EVERY_SECOND, command, database, new_project, save, serving, until

from jeeves_runner.client import Client
from jeeves_runner.db import backups

BACKUP = (
    Step("jeeves_runner.db.copies:copy_database", "before"),
    Step("jeeves_runner.db.backups:copy_database", "after"),
    Step("jeeves_runner.db.backups:damage_of", "after"),
    Step("jeeves_runner.db.partial_file:Partial.keep", "before"),
    Step("jeeves_runner.db.partial_file:sync_folder", "before"),
    Step("jeeves_runner.db.partial_file:_remove", "before"),
)
"""Moments of a backup."""

RESTORE = (
    Step("jeeves_runner.db.restoring:copy_database", "after"),
    Step("jeeves_runner.db.restoring:_settle", "after"),
    Step("jeeves_runner.db.restoring:make_one_file", "after"),
    Step("jeeves_runner.db.restoring:_fold", "after"),
    Step("jeeves_runner.db.restoring:_forget_earlier_attempts", "after"),
    Step("jeeves_runner.db.restoring:sync_folder", "before"),
    Step("jeeves_runner.db.partial_file:Partial.keep", "before"),
    Step("jeeves_runner.db.partial_file:sync_folder", "before"),
    Step("jeeves_runner.db.partial_file:Partial.keep", "after"),
)
"""Moments of a restore."""

PAIRS: str = """
import itertools, sys
from jeeves_runner.client import Client

with Client(sys.argv[1]) as jr:
    for number in itertools.count():
        with jr.transaction() as both:
            both.set_state("pairs", "one", number)
            both.set_state("pairs", "other", number)
        print(number, flush=True)
"""
"""Writes without an end, two values at a time that are always equal."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose database says of itself that it is the old one."""
    new_project(tmp_path, "port: 0\nmin_free: 1B\n")
    save(tmp_path, "tick.yaml", EVERY_SECOND)
    assert command(tmp_path, "apply").returncode == 0
    say(tmp_path, "old")
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def say(root: Path, word: str) -> None:
    with Client(database(root)) as jr:
        jr.set_state("which", "word", word)


def said(root: Path) -> object:
    """What the database at its place says of itself; it is whole."""
    with closing(apsw.Connection(str(database(root)))) as conn:
        assert conn.execute("PRAGMA integrity_check").get == "ok"
        return conn.execute("SELECT value FROM state WHERE namespace = 'which'").get


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Another program that writes as fast as it can."""
    program = [sys.executable, "-c", PAIRS, str(database(root))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            yield
        finally:
            process.kill()


def test_backups_under_load_are_each_of_one_moment(root: Path) -> None:
    seen = []
    with serving(root), writing(root):
        for number in range(6):
            file = root / f"{number}.sqlite"
            assert command(root, "backup", str(file)).returncode == 0
            with closing(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)) as conn:
                assert conn.execute("PRAGMA integrity_check").get == "ok"
                values = conn.execute("SELECT value FROM state WHERE namespace = 'pairs'").fetchall()
            assert values[0] == values[1]
            seen.append(int(str(values[0][0])))
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("step", BACKUP, ids=str)
def test_a_backup_that_is_killed_leaves_nothing_or_all_of_it(root: Path, step: Step) -> None:
    killed(root, step, "backup", "b.sqlite")
    if (root / "b.sqlite").exists():
        with closing(apsw.Connection(str(root / "b.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)) as conn:
            assert conn.execute("PRAGMA integrity_check").get == "ok"
    assert command(root, "backup", "b.sqlite", "--replace").returncode == 0
    assert not [name for name in names(root) if "partial" in name]


@pytest.mark.parametrize("replace", [False, True])
def test_a_full_disk_leaves_no_backup_and_the_old_one(
    root: Path, tmp_path: Path, replace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        if replace:
            assert command(root, "backup", str(disk / "b.sqlite")).returncode == 0
        before = (disk / "b.sqlite").read_bytes() if replace else None
        fill(disk)
        words = ("backup", str(disk / "b.sqlite"), *(["--replace"] if replace else []))
        refused = command(root, *words)
        assert refused.returncode == 2
        assert f"there is no room in {disk}: the copy takes 0.5 MiB, and 0.0 MiB are free" in refused.stderr
        monkeypatch.setattr(backups, "check_room", lambda *_: None)  # it was filled since
        refused = command(root, *words)
        assert refused.returncode == 2
        assert f"the disk is full: {disk}/b.sqlite could not be written" in refused.stderr
        assert ((disk / "b.sqlite").read_bytes() if replace else None) == before
        assert names(disk) == {"filler", *(["b.sqlite"] if replace else [])}


@pytest.mark.parametrize("step", RESTORE, ids=str)
def test_a_restore_that_is_killed_leaves_the_old_database_or_the_restored_one(root: Path, step: Step) -> None:
    assert command(root, "backup", "b.sqlite").returncode == 0
    say(root, "new")
    killed(root, step, "restore", "b.sqlite", "--replace")
    assert said(root) in ('"new"', '"old"')
    with serving(root) as server:  # it starts on either
        until(lambda: server.get("/runs?status=ok&limit=1")["runs"])
    assert command(root, "restore", "b.sqlite", "--replace").returncode == 0
    assert said(root) == '"old"'
    assert not [name for name in names(root / "data") if "partial" in name]


def test_a_server_goes_on_with_what_was_restored(root: Path) -> None:
    assert command(root, "backup", "b.sqlite").returncode == 0
    with serving(root) as server:
        until(lambda: server.get("/runs?status=ok&limit=1")["runs"])
        refused = command(root, "restore", "b.sqlite", "--replace")
        assert (refused.returncode, "already works on" in refused.stderr) == (2, True)
        last = server.get("/runs?limit=1")["runs"][0]["id"]
    assert command(root, "restore", "b.sqlite", "--replace").returncode == 0
    with serving(root) as server:
        (run,) = until(lambda: server.get("/runs?limit=1")["runs"])
        assert run["id"] > last
