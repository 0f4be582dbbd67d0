"""Scripts and commands wait for locks, also to read and to open; the runner's event loop does not."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest
from support.db import CLOCK, child, expect, tell

from jeeves_runner.client import Client
from jeeves_runner.client import database as client_database
from jeeves_runner.db import transaction as transaction_module
from jeeves_runner.db.connection import connect
from jeeves_runner.errors import DatabaseBusy

REPAIR_THE_LOG = """
import fcntl, sys
with open(sys.argv[1] + "-shm", "r+b", buffering=0) as shm:
    fcntl.lockf(shm, fcntl.LOCK_EX, 3, 120)  # SQLite's locks to write, checkpoint and recover
    shm.write(bytes(96))
    print("locked", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def repaired_by_another(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process repairs the write-ahead log, as the first one after a crash does."""
    with child(REPAIR_THE_LOG, path) as process:
        expect(process, "locked")
        try:
            yield process
        finally:
            process.communicate()


def test_a_read_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(path) as jr:
        jr.set_state("mail", "cursor", 1)
        with repaired_by_another(path) as process:
            waits: list[None] = []

            def stand_back() -> None:
                if not waits:
                    tell(process)
                waits.append(None)

            monkeypatch.setattr(transaction_module, "sleep_before_retry", stand_back)
            assert jr.get_state("mail", "cursor") == 1
            assert waits


def test_it_does_not_wait_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_database, "PATIENCE", 0.1)
    with Client(path) as jr:
        jr.set_state("mail", "cursor", 1)
        with repaired_by_another(path), pytest.raises(DatabaseBusy, match="locked by another process"):
            jr.get_state("mail", "cursor")


def test_the_runner_does_not_wait_at_all(path: Path) -> None:
    with (
        closing(connect(path, patient=False, clock=CLOCK)) as conn,
        repaired_by_another(path),
        pytest.raises(apsw.BusyError),
    ):
        conn.execute("SELECT * FROM audit").fetchall()


def test_of_six_who_set_up_a_project_at_once_all_end_well(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_text("run: echo hi\ntimeout: 1m\n")
    applies = [
        subprocess.Popen(
            [sys.executable, "-m", "jeeves_runner", "apply"],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(6)
    ]
    answers = [(*apply.communicate(timeout=110), apply.returncode) for apply in applies]
    assert [err for _, err, code in answers if code or err] == []
    assert sum("1 created" in out for out, _, _ in answers) == 1
