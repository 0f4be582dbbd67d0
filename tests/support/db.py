"""The world of several writers on one database file: other processes, and the runner's writer thread.

Take it for locks, transactions and commits: what one process sees while another writes, and in which order
writes are done. ``note`` and ``notes`` write and read rows that mean nothing.
"""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import apsw

from jeeves_runner.access import PRIVATE, make_file, make_folder
from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.db.ballast import Ballast
from jeeves_runner.db.connection import connect
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Writer

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
CLOCK = SystemClock()

HOLD_THE_LOCK = """
import sys, apsw
conn = apsw.Connection(sys.argv[1])
conn.set_busy_timeout(10_000)
conn.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
conn.execute("ROLLBACK")
conn.close()
"""


def database(path: Path, clock: Clock | None = None) -> apsw.Connection:
    """A connection to the database at ``path``. A missing one is copied: to migrate takes longer."""
    if not path.exists():
        make_folder(path.parent, PRIVATE)
        make_file(path)
        path.write_bytes(_empty_database())
    return connect(path, create=True, clock=clock)


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "runner.sqlite"
        connect(path, create=True).close()
        return path.read_bytes()


def child(code: str, *args: object) -> subprocess.Popen[str]:
    """Python code in a process of its own, talking through pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


_DYING = """
import os, signal, sys
from pathlib import Path
from jeeves_runner.clock import SystemClock
from jeeves_runner.db.connection import connect
from jeeves_runner.db.transaction import transaction

conn = connect(Path(sys.argv[1]))
left = int(sys.argv[2])

def die_before(_cursor, sql, _bindings):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return True

conn.exec_trace = die_before
with transaction(conn, SystemClock()) as tx:
    exec(sys.argv[3])
os.kill(os.getpid(), signal.SIGTERM)
"""


def is_killed_before(statement: int, path: Path, work: str) -> bool:
    """Do ``work``, Python with a transaction ``tx``, in a process that is killed before its statement
    of this number. False: it had no such statement, and has done all."""
    with child(_DYING, path, statement, work) as process:
        killed_by = signal.Signals(-process.wait(60))
    assert killed_by in (signal.SIGKILL, signal.SIGTERM)
    return killed_by == signal.SIGKILL


def expect(process: subprocess.Popen[str], line: str) -> None:
    """Wait until the child prints this line next."""
    assert process.stdout is not None
    assert process.stdout.readline() == f"{line}\n"


def tell(process: subprocess.Popen[str], line: str = "go") -> None:
    """Send the child a line, which it waits for."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


@contextmanager
def locked_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the write lock until it is told a line, or the block ends."""
    with child(HOLD_THE_LOCK, path) as process:
        expect(process, "locked")
        try:
            yield process
        finally:
            process.communicate()


def note(tx: Tx, text: str = "") -> None:
    """Write one row."""
    sql = "INSERT INTO audit (at, actor, action, target, detail) VALUES (?, '', '', '', ?)"
    tx.conn.execute(sql, (tx.at, text))


def notes(conn: apsw.Connection) -> list[str]:
    """The texts of all rows written by ``note``, in order."""
    return [text for (text,) in conn.execute("SELECT detail FROM audit ORDER BY id")]


def adding(text: str) -> Callable[[Tx], str]:
    """An operation that writes a note and returns the time of its transaction."""

    def op(tx: Tx) -> str:
        note(tx, text)
        return tx.at

    return op


def with_writer(
    path: Path, scenario: Callable[[Writer], Coroutine[Any, Any, T]], ballast: Ballast | None = None
) -> T:
    """What the scenario returns, given a writer that runs meanwhile."""

    async def main() -> T:
        async with Writer(path, CLOCK, ballast=ballast) as writer:
            return await scenario(writer)

    return asyncio.run(main())


def notes_in(path: Path) -> list[str]:
    """The notes that a new connection sees."""
    with closing(connect(path)) as conn:
        return notes(conn)


class Gate:
    """An operation that keeps the writer busy until opened, so that others pile up behind it."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, tx: Tx) -> None:
        self._entered.set()
        assert self._open.wait(30)

    async def entered(self) -> None:
        assert await asyncio.to_thread(self._entered.wait, 30)

    def open(self) -> None:
        self._open.set()
