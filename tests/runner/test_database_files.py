"""The write-ahead log stays short also when only other programs write, and no file of the database may go."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from errno import EIO, ENOMEM
from pathlib import Path

import pytest
from support.clock import HandClock
from support.db import notes
from support.ledger import Ledger

from jeeves_runner.client import Client
from jeeves_runner.db import secret_params
from jeeves_runner.db.connection import connect
from jeeves_runner.db.file_upkeep import WAL_AT_REST, WAL_LENGTH, wal_bytes
from jeeves_runner.db.guarded import FileIdentity
from jeeves_runner.db.runner import files_of
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner import database_files
from jeeves_runner.runner.database_files import REST, WalUpkeep, file_is_lost
from jeeves_runner.side_thread import SideThread


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "runner.sqlite"
    connect(path, create=True).close()
    return path


def with_upkeep(path: Path, scenario: Callable[[WalUpkeep, HandClock], Awaitable[None]]) -> int:
    """The length of the log after the scenario, in which a runner's writer lives."""

    async def main() -> int:
        clock = HandClock()
        with closing(connect(path)) as conn:
            async with Writer(path, clock) as writer:
                thread = SideThread("database files")
                await scenario(WalUpkeep(writer=writer, clock=clock, db_path=path, thread=thread), clock)
                return wal_bytes(conn)

    return asyncio.run(main())


def script(path: Path, megabytes: int) -> None:
    with Client(path) as jr:
        for _ in range(megabytes):
            jr.enqueue("large", "x" * 1_000_000)


def test_what_scripts_write_is_copied_into_the_database(path: Path) -> None:
    async def scenario(upkeep: WalUpkeep, _clock: HandClock) -> None:
        for _ in range(20):
            script(path, 4)
            await upkeep.look()

    assert with_upkeep(path, scenario) < 25_000_000


def test_once_nobody_writes_the_file_is_short_again(path: Path) -> None:
    async def scenario(upkeep: WalUpkeep, clock: HandClock) -> None:
        script(path, 40)
        await upkeep.look()
        clock.advance(seconds=REST)
        await upkeep.look()

    assert WAL_LENGTH <= with_upkeep(path, scenario) <= WAL_AT_REST


def test_while_somebody_reads_it_is_tried_again(path: Path) -> None:
    async def scenario(upkeep: WalUpkeep, clock: HandClock) -> None:
        with closing(connect(path)) as reader:
            script(path, 20)
            reader.execute("BEGIN")
            notes(reader)
            script(path, 20)
            await upkeep.look()
            clock.advance(seconds=REST)
            await upkeep.look()
            assert wal_bytes(reader) > WAL_AT_REST
        await upkeep.look()
        clock.advance(seconds=REST)
        await upkeep.look()

    assert with_upkeep(path, scenario) <= WAL_AT_REST


def test_at_rest_nothing_is_done(path: Path) -> None:
    async def scenario(upkeep: WalUpkeep, clock: HandClock) -> None:
        script(path, 1)
        await upkeep.look()
        before = path.with_name("runner.sqlite-wal").stat()
        for _ in range(3):
            clock.advance(seconds=REST)
            await upkeep.look()
        assert path.with_name("runner.sqlite-wal").stat().st_mtime_ns == before.st_mtime_ns

    with_upkeep(path, scenario)


def test_what_was_secret_and_deleted_does_not_stay_in_the_log(path: Path) -> None:
    ledger = Ledger(path)
    ledger.add_job("a")
    run_id = ledger.add_run("a", "scheduled")
    log = path.with_name("runner.sqlite-wal")

    async def rest(upkeep: WalUpkeep, clock: HandClock) -> bool:
        """Whether the file is made short once nothing is written."""
        await upkeep.look()
        before = log.stat().st_mtime_ns
        clock.advance(seconds=REST)
        await upkeep.look()
        return log.stat().st_mtime_ns != before

    async def scenario(upkeep: WalUpkeep, clock: HandClock) -> None:
        with ledger.tx() as tx:
            secret_params.keep(tx, run_id, {"token": "hunter2-in-a-parameter"})
        assert not await rest(upkeep, clock)
        with ledger.tx() as tx:
            secret_params.erase(tx, run_id)
        assert await rest(upkeep, clock)
        assert not await rest(upkeep, clock)

    with_upkeep(path, scenario)


def test_files_that_cannot_be_seen_for_a_while_are_not_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [None, EIO, EIO, ENOMEM, None]

    def look(db_path: Path) -> Mapping[Path, FileIdentity | None]:
        if not faults:
            path.unlink()
        elif (fault := faults.pop(0)) is not None:
            raise OSError(fault, os.strerror(fault))
        return files_of(db_path)

    monkeypatch.setattr(database_files, "_INTERVAL", 0)
    monkeypatch.setattr(database_files, "files_of", look)
    caplog.set_level("INFO")
    fenced = asyncio.run(file_is_lost(path, SideThread("database files")))
    assert fenced.message.startswith(f"{path} was deleted while this runner worked with it")
    assert caplog.messages == [
        f"the files of {path} cannot be looked at: Input/output error",
        f"the files of {path} cannot be looked at: Cannot allocate memory",
        "the files of the database can be looked at again",
    ]


def test_a_log_of_writes_that_cannot_be_seen_is_told_of_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = 0

    async def look(_upkeep: WalUpkeep) -> None:
        nonlocal looks
        looks += 1
        if looks < 4:
            raise OSError(EIO, os.strerror(EIO))
        if looks == 5:
            raise asyncio.CancelledError

    async def scenario(upkeep: WalUpkeep, _clock: HandClock) -> None:
        with pytest.raises(asyncio.CancelledError):
            await upkeep.run()

    monkeypatch.setattr(database_files, "_INTERVAL", 0)
    monkeypatch.setattr(WalUpkeep, "look", look)
    caplog.set_level("INFO")
    with_upkeep(path, scenario)
    assert caplog.messages == [
        "the write-ahead log cannot be kept short: Input/output error",
        "the write-ahead log is kept short again",
    ]
