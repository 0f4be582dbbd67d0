"""A file of the database is deleted or replaced under those who use it: they write nothing more."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from errno import EIO
from pathlib import Path

import apsw
import pytest
from support.db import CLOCK, adding, child, expect, note, notes, notes_in, tell, with_writer

from jeeves_runner.client import Client
from jeeves_runner.db import file_upkeep
from jeeves_runner.db.connection import connect, transaction
from jeeves_runner.db.runner import files_of
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import DatabaseError, DatabaseReplaced

ADD_NOTES = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.db import CLOCK, note
from jeeves_runner.db.connection import connect, transaction
conn = connect(Path(sys.argv[1]))
for number in range(20):
    with transaction(conn, CLOCK) as tx:
        note(tx, f"other {number}")
print("written", flush=True)
sys.stdin.readline()
conn.close()
"""

each_file = pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])


@pytest.fixture
def conn(path: Path) -> Iterator[apsw.Connection]:
    with closing(connect(path)) as conn:
        write(conn, "first")
        yield conn


def write(conn: apsw.Connection, text: str) -> None:
    with transaction(conn, CLOCK) as tx:
        note(tx, text)


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}{suffix}")


def replace(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copyfile(path, copy)
    copy.replace(path)


@each_file
def test_a_write_is_refused_once_a_file_is_deleted(path: Path, conn: apsw.Connection, suffix: str) -> None:
    file = beside(path, suffix)
    file.unlink()
    for _ in range(2):
        with pytest.raises(DatabaseReplaced, match=f"{file} was deleted .* nothing was written"):
            write(conn, "second")
    assert notes(conn) == ["first"]


@each_file
def test_a_write_is_refused_once_a_file_is_replaced(path: Path, conn: apsw.Connection, suffix: str) -> None:
    replace(beside(path, suffix))
    with pytest.raises(DatabaseReplaced, match="was replaced while"):
        write(conn, "second")
    assert notes(conn) == ["first"]


def test_a_statement_outside_of_a_transaction_is_refused_too(path: Path, conn: apsw.Connection) -> None:
    beside(path, "-shm").unlink()
    with pytest.raises(DatabaseReplaced):
        conn.execute("DELETE FROM audit")
    assert notes(conn) == ["first"]


def test_a_connection_that_nobody_closes_is_closed_with_its_last_reference(path: Path) -> None:
    conn = connect(path)
    write(conn, "first")
    del conn
    assert not beside(path, "-wal").exists()


def test_other_files_may_come_and_go(path: Path, conn: apsw.Connection) -> None:
    for number in range(3):
        beside(path, f".{number}").touch()
        write(conn, "more")
    file_upkeep.checkpoint(conn, file_upkeep.CheckpointMode.TRUNCATE)
    write(conn, "last")
    assert notes_in(path) == ["first", "more", "more", "more", "last"]


def test_what_another_program_writes_after_the_index_was_deleted_stays(
    path: Path, conn: apsw.Connection
) -> None:
    """Both go on in one log, each with an index of its own: the older one must not touch it any more."""
    beside(path, "-shm").unlink()
    with child(ADD_NOTES, path) as other:
        expect(other, "written")
        with pytest.raises(DatabaseReplaced):
            write(conn, "lost")
        with pytest.raises(DatabaseReplaced):
            file_upkeep.checkpoint(conn)
        conn.close()
        tell(other)
    assert notes_in(path) == ["first", *(f"other {number}" for number in range(20))]
    with closing(connect(path)) as later:
        assert later.pragma("integrity_check") == "ok"


def test_what_another_program_has_written_stays_when_the_older_one_closes_last(
    path: Path, conn: apsw.Connection
) -> None:
    """The last one that closes copies the log into the database and deletes it: by its index."""
    beside(path, "-shm").unlink()
    with child(ADD_NOTES, path) as other:
        expect(other, "written")
        tell(other)
    conn.close()
    assert notes_in(path) == ["first", *(f"other {number}" for number in range(20))]


def test_the_writer_tells_its_callers(path: Path) -> None:
    async def scenario(writer: Writer) -> None:
        await writer.write(adding("first"))
        beside(path, "-shm").unlink()
        with pytest.raises(DatabaseReplaced):
            await writer.write(adding("second"))

    with_writer(path, scenario)
    assert notes_in(path) == ["first"]


def test_a_script_is_told(path: Path) -> None:
    with Client(path) as jr:
        jr.set_state("mail", "cursor", 1)
        beside(path, "-shm").unlink()
        with pytest.raises(DatabaseReplaced):
            jr.set_state("mail", "cursor", 2)
    with Client(path) as jr:
        assert jr.get_state("mail", "cursor") == 1


def test_the_runner_watches_all_files(path: Path, conn: apsw.Connection) -> None:
    names = [file.name for file in files_of(path)]
    assert names == [f"runner.sqlite{suffix}" for suffix in ("", "-wal", "-shm", ".lock")]
    assert [file.name for file, found in files_of(path).items() if found is None] == ["runner.sqlite.lock"]


def test_files_that_cannot_be_seen_for_a_while_keep_writes_out_and_no_longer(
    path: Path, conn: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_path: object) -> os.stat_result:
        raise OSError(EIO, os.strerror(EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", fails)
        with pytest.raises(DatabaseError, match=f"{path} cannot be looked at: Input/output error") as error:
            write(conn, "second")
        assert not isinstance(error.value, DatabaseReplaced)
    write(conn, "third")
    assert notes(conn) == ["first", "third"]
