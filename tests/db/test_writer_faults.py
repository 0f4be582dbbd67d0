"""The writer when others are in the way: locks of other processes, kills, a log that grows."""

import asyncio
import logging
import signal
import threading
from contextlib import closing
from pathlib import Path

import pytest
from support.db import (
    CLOCK,
    HOLD_THE_LOCK,
    Gate,
    adding,
    child,
    expect,
    locked_by_another,
    notes,
    notes_in,
    tell,
    with_writer,
)

from jeeves_runner.db import file_upkeep, writer_thread
from jeeves_runner.db import writer as writer_module
from jeeves_runner.db.connection import connect
from jeeves_runner.db.file_upkeep import incremental_vacuum, wal_bytes
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseBusy, DatabaseError, NotADatabase

WRITE_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from jeeves_runner.clock import SystemClock
from jeeves_runner.db.writer import Writer

async def caller(writer, name):
    number = 0
    while True:
        text = f"{name}.{number}"
        await writer.write(lambda tx: tx.conn.execute(
            "INSERT INTO audit (at, actor, action, target, detail) VALUES (?, '', '', '', ?)", (tx.at, text)
        ))
        print(text, flush=True)
        number += 1

async def main():
    async with Writer(Path(sys.argv[1]), SystemClock()) as writer:
        await asyncio.gather(*(caller(writer, name) for name in range(8)))

asyncio.run(main())
"""


class Busy(logging.Handler):
    """Lets a test wait for the moment the writer says that it found the database locked."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._seen = asyncio.Event()
        writer_thread.log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._loop.call_soon_threadsafe(self._seen.set)

    async def seen(self) -> None:
        async with asyncio.timeout(30):
            await self._seen.wait()
        writer_thread.log.removeHandler(self)


class TestDiskThatDoesNotAnswer:
    def test_does_not_keep_a_stopping_writer_for_ever(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jeeves_runner.db.writer._LAST_COMMIT", 0.1)
        answers = threading.Event()

        async def main() -> None:
            writer = Writer(path, CLOCK)
            writer.start()
            writer.post(lambda _tx: answers.wait())
            assert not await writer.stop(0)
            answers.set()
            assert await writer.stop()

        asyncio.run(main())


class TestLockOfAnotherProcess:
    def test_is_waited_for_shown_and_never_blocks_the_loop(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def scenario(writer: Writer) -> None:
            with locked_by_another(path) as holder:
                busy = Busy()
                first = asyncio.create_task(writer.write(adding("first")))
                await busy.seen()
                assert writer.busy_since is not None
                urgent = asyncio.create_task(writer.write(adding("urgent"), priority=Priority.OUTCOME))
                assert not first.done()
                tell(holder)
                await asyncio.gather(first, urgent)
            assert writer.busy_since is None

        caplog.set_level(logging.WARNING)
        with_writer(path, scenario)
        assert notes_in(path) == ["urgent", "first"]
        assert "locked the database" in caplog.text
        assert "can be written again" in caplog.text

    def test_does_not_keep_a_stopping_writer_for_ever(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer_module, "_LAST_COMMIT", 30)

        async def main() -> None:
            writer = Writer(path, CLOCK)
            writer.start()
            with locked_by_another(path):
                busy = Busy()
                task = asyncio.create_task(writer.write(adding("a")))
                await busy.seen()
                assert writer.busy_since is not None
                assert await writer.stop(0.1)
                with pytest.raises(DatabaseBusy):
                    await task

        asyncio.run(main())
        assert notes_in(path) == []

    def test_is_given_up_at_once_where_a_stop_has_no_time_left(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer_module, "_LAST_COMMIT", 30)

        async def main() -> float:
            writer = Writer(path, CLOCK)
            writer.start()
            with locked_by_another(path):
                tasks = [asyncio.create_task(writer.write(adding(str(n)))) for n in range(1000)]
                await asyncio.sleep(0)
                began = CLOCK.monotonic()
                assert await writer.stop(0)
                took = CLOCK.monotonic() - began
                answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(answer) for answer in answers} == {DatabaseBusy}
            return took

        assert asyncio.run(main()) < 10  # what a stop that has time waits
        assert notes_in(path) == []

    def test_that_dies_holding_it_is_no_obstacle(self, path: Path) -> None:
        async def scenario(writer: Writer) -> None:
            with child(HOLD_THE_LOCK, path) as holder:
                expect(holder, "locked")
                busy = Busy()
                task = asyncio.create_task(writer.write(adding("a")))
                await busy.seen()
                assert writer.busy_since is not None
                holder.kill()
                await task

        with_writer(path, scenario)
        assert notes_in(path) == ["a"]


def with_damaged_free_list(path: Path) -> None:
    """The list of free pages begins at a page that is far beyond the end of the file."""
    with closing(connect(path)) as conn:
        conn.execute("CREATE TABLE gone (bytes BLOB)")
        conn.execute("INSERT INTO gone VALUES (zeroblob(100000))")
        conn.execute("DROP TABLE gone")
    with path.open("r+b") as file:
        file.seek(32)
        file.write((1_000_000).to_bytes(4, "big"))


class TestFault:
    def test_of_a_damaged_file_is_told_to_whoever_needs_the_page(self, path: Path) -> None:
        with_damaged_free_list(path)

        async def scenario(writer: Writer) -> None:
            await writer.write(adding("fits on its page"))
            with pytest.raises(NotADatabase, match="is damaged"):
                await writer.write(adding("x" * 100_000))
            await writer.write(adding("fits too"))

        with_writer(path, scenario)
        assert notes_in(path) == ["fits on its page", "fits too"]

    def test_of_the_writer_itself_leaves_nobody_waiting(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fails(_pace: object, *, idle: bool) -> bool:
            raise OSError("no such luck")

        async def main() -> None:
            writer = Writer(path, CLOCK)
            writer.start()
            gate = Gate()
            first = asyncio.create_task(writer.write(gate))
            await gate.entered()
            others = [asyncio.create_task(writer.write(adding(str(n)))) for n in range(300)]
            await asyncio.sleep(0)
            monkeypatch.setattr(file_upkeep.CheckpointPace, "is_due", fails)
            gate.open()
            await first
            answers = await asyncio.gather(*others, return_exceptions=True)
            assert {str(answer) for answer in answers} == {f"the writer of {path} failed: no such luck"}
            with pytest.raises(DatabaseError, match="no such luck"):
                await writer.write(adding("too late"))
            with pytest.raises(DatabaseError, match="no such luck"):
                await writer.watch()
            await writer.stop()

        asyncio.run(main())
        assert notes_in(path) == []
        assert caplog.text.count("the database writer failed") == 1


class TestKill:
    @pytest.mark.parametrize("after", [1, 50, 400])
    def test_keeps_everything_acknowledged(self, path: Path, after: int) -> None:
        with child(WRITE_FOR_EVER, path) as process:
            assert process.stdout is not None
            acknowledged = [process.stdout.readline().strip() for _ in range(after)]
            process.send_signal(signal.SIGKILL)
            # The last line may be cut short by the kill; only whole ones were acknowledged.
            acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
        written = notes_in(path)
        assert len(acknowledged) >= after
        assert set(acknowledged) <= set(written)
        assert len(written) == len(set(written))


class TestStorage:
    def test_checkpoint_copies_the_log_and_makes_a_long_one_short(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def scenario(writer: Writer) -> None:
            with closing(connect(path)) as other:
                await writer.write(adding("x" * 100_000))
                passive = await writer.checkpoint()
                assert passive.complete
                assert passive.wal_pages > 20
                assert wal_bytes(other) > 100_000
                monkeypatch.setattr(file_upkeep, "WAL_LIMIT", 0)
                truncated = await writer.checkpoint()
                assert truncated.complete
                assert wal_bytes(other) == 0

        with_writer(path, scenario)

    def test_checkpoint_says_when_a_reader_is_in_the_way(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_upkeep, "WAL_LIMIT", 0)

        async def scenario(writer: Writer) -> None:
            with closing(connect(path)) as reader:
                reader.execute("BEGIN")
                notes(reader)
                await writer.write(adding("a"))
                assert not (await writer.checkpoint()).complete
                reader.execute("COMMIT")
                assert (await writer.checkpoint()).complete

        with_writer(path, scenario)

    def test_the_log_does_not_grow_without_end_while_the_writer_writes(self, path: Path) -> None:
        async def scenario(writer: Writer) -> int:
            with closing(connect(path)) as other:
                for _ in range(80):
                    await writer.write(adding("x" * 1_000_000), durable=False)
                return wal_bytes(other)

        assert with_writer(path, scenario) < 25_000_000

    def test_incremental_vacuum_gives_pages_back(self, path: Path) -> None:
        async def scenario(writer: Writer) -> tuple[int, int]:
            await writer.write(adding("x" * 400_000))
            await writer.write(lambda tx: tx.conn.execute("DELETE FROM audit"))
            some = await writer.write(lambda tx: incremental_vacuum(tx, 10), priority=Priority.MAINTENANCE)
            rest = await writer.write(lambda tx: incremental_vacuum(tx, 1000), priority=Priority.MAINTENANCE)
            return some, rest

        some, rest = with_writer(path, scenario)
        assert some == 10
        assert 80 < rest < 1000


def test_a_write_that_does_not_end_is_told_of_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "SLOW", 0.0)
    monkeypatch.setattr(writer_module, "TRY_AGAIN", 0.01)
    caplog.set_level(logging.INFO)

    async def until(text: str) -> None:
        async with asyncio.timeout(30):
            while text not in caplog.text:  # noqa: ASYNC110 - a log gives no event
                await asyncio.sleep(0.01)

    async def scenario(writer: Writer) -> None:
        watch = asyncio.create_task(writer.watch())
        slow = Gate()
        writing = asyncio.create_task(writer.write(slow))
        await slow.entered()
        await until("slow or hangs")
        slow.open()
        await writing
        await until("takes writes again")
        watch.cancel()

    with_writer(path, scenario)
    assert caplog.messages == [
        "a write has taken over 0 s: the database's disk is slow or hangs",
        "the database's disk takes writes again",
    ]
