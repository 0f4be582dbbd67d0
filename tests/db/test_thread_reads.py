"""Reads in threads: SQLite's errors come in the project's words, and a stop ends a long read."""

import asyncio
import threading
from pathlib import Path

import apsw
import pytest

from jeeves_runner.clock import SystemClock
from jeeves_runner.db.connection import connect
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.errors import DatabaseBusy, DatabaseError

FOR_EVER = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def conn(tmp_path: Path) -> apsw.Connection:
    return connect(tmp_path / "runner.sqlite", create=True, clock=SystemClock())


class LongRead:
    """A read that ends only if it is interrupted, and says that it has begun."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def __call__(self, conn: apsw.Connection) -> None:
        self.begun.set()
        conn.execute(FOR_EVER).fetchall()


@pytest.mark.parametrize(
    ("raised", "kind"),
    [(apsw.BusyError("busy"), DatabaseBusy), (apsw.NoMemError("no room"), DatabaseError)],
)
def test_an_error_of_sqlite_is_one_of_the_database(
    conn: apsw.Connection, raised: apsw.Error, kind: type[DatabaseError]
) -> None:
    def fail(_conn: apsw.Connection) -> None:
        raise raised

    with pytest.raises(kind):
        asyncio.run(ThreadReads(conn).read(fail))


def test_a_read_is_interrupted_when_its_caller_is_cancelled(conn: apsw.Connection) -> None:
    async def scene() -> None:
        reads, look = ThreadReads(conn), LongRead()
        task = asyncio.create_task(reads.read(look))
        await asyncio.to_thread(look.begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(30):
            assert await reads.read(lambda _conn: "the connection is free") == "the connection is free"
        assert await reads.close()

    asyncio.run(scene())


def test_closing_interrupts_what_is_read_and_refuses_what_comes_after(conn: apsw.Connection) -> None:
    async def scene() -> None:
        reads, look = ThreadReads(conn), LongRead()
        task = asyncio.create_task(reads.read(look))
        await asyncio.to_thread(look.begun.wait)
        assert await reads.close(30)
        for read in (task, reads.read(look)):
            with pytest.raises(DatabaseError):
                await read

    asyncio.run(scene())


def test_a_read_that_hangs_is_left_and_its_connection_stays_open(conn: apsw.Connection) -> None:
    begun, answers = threading.Event(), threading.Event()

    def hang(conn: apsw.Connection) -> int:
        begun.set()
        answers.wait()
        number: int = conn.execute("SELECT 1").get
        return number

    async def scene() -> None:
        reads = ThreadReads(conn)
        task = asyncio.create_task(reads.read(hang))
        await asyncio.to_thread(begun.wait)
        assert not await reads.close(0.1)
        answers.set()
        assert await task == 1
        assert await reads.close(30)

    asyncio.run(scene())
