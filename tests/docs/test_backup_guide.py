"""The guide to backups, done as a reader would."""

import re
from pathlib import Path
from typing import Final

import pytest
from support.cli import words
from support.docs import DOCS, blocks
from support.ledger import Ledger
from support.server import command, database, new_project

GUIDE: Final = DOCS / "how-to/back-up-and-restore.md"


def shown(*info: str) -> str:
    """The block of the guide that begins with these words."""
    (text,) = (block.text for block in blocks(GUIDE) if block.info == info)
    return text


def do(root: Path, name: str) -> str:
    """What the commands of a block print."""
    return "".join(_run(root, line) for line in shown("sh", name).splitlines())


def _run(root: Path, line: str) -> str:
    program, *rest = line.split()
    assert program == "jeeves-runner"
    done = command(root, *rest)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a job that has run."""
    new_project(tmp_path)
    (tmp_path / "backups").mkdir()
    ledger = Ledger(database(tmp_path))
    ledger.add_job("nightly")
    ledger.add_run("nightly", "ok")
    ledger.conn.close()
    return tmp_path


def at_any_time(text: str) -> str:
    """Without how long ago it was, and how large."""
    return words(re.sub(r"ended .*? ago|[0-9.]+ MiB", "…", text))


def test_a_backup_says_what_the_guide_shows(root: Path) -> None:
    assert at_any_time(do(root, "backup")) == at_any_time(shown("text", "backup"))


def test_what_was_backed_up_is_restored(root: Path) -> None:
    do(root, "backup")
    assert "holds 1 job and 1 run" in do(root, "restore")
    assert list((root / "data").glob("runner.sqlite.before-restore-*.bak"))


def test_the_job_makes_backups(root: Path) -> None:
    manifest = shown("yaml", "jobs.d/back-up.yaml")
    assert "  jeeves-runner backup " in manifest
    (root / "jobs.d/back-up.yaml").write_text(manifest)
    assert command(root, "validate").returncode == 0
