"""The writer: what is acknowledged is there, one failure is one caller's, and nothing blocks the loop."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import apsw
import pytest
from support.db import CLOCK, Gate, adding, note, notes_in, with_writer

from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError


async def together(writer: Writer, *writes: Coroutine[Any, Any, Any]) -> list[Any]:
    """What these writes return or raise when they share one batch."""
    gate = Gate()
    first = asyncio.create_task(writer.write(gate))
    await gate.entered()
    tasks = [asyncio.create_task(write) for write in writes]
    await asyncio.sleep(0)  # each task has handed its operation over
    gate.open()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


def failing(text: str, error: Exception) -> Callable[[Tx], None]:
    def op(tx: Tx) -> None:
        note(tx, text)
        raise error

    return op


class TestWrite:
    def test_answers_after_the_commit(self, path: Path) -> None:
        async def scenario(writer: Writer) -> None:
            await writer.write(adding("a"))
            assert notes_in(path) == ["a"]

        with_writer(path, scenario)

    def test_raises_what_the_operation_raised_with_nothing_written(self, path: Path) -> None:
        async def scenario(writer: Writer) -> None:
            with pytest.raises(LookupError, match="gone"):
                await writer.write(failing("a", LookupError("gone")))
            await writer.write(adding("b"))

        with_writer(path, scenario)
        assert notes_in(path) == ["b"]

    def test_even_a_stop_iteration_reaches_its_caller(self, path: Path) -> None:
        async def scenario(writer: Writer) -> None:
            with pytest.raises(RuntimeError, match="StopIteration"):
                await writer.write(lambda tx: next(iter(())))

        with_writer(path, scenario)

    @pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
    def test_chooses_durability(self, path: Path, durable: bool, synchronous: int) -> None:
        async def scenario(writer: Writer) -> Any:
            await writer.write(adding("other"), durable=not durable)
            return await writer.write(lambda tx: tx.conn.pragma("synchronous"), durable=durable)

        assert with_writer(path, scenario) == synchronous

    def test_before_start_or_after_stop_is_a_bug(self, path: Path) -> None:
        async def main() -> None:
            writer = Writer(path, CLOCK)
            with pytest.raises(RuntimeError, match="not been started"):
                await writer.write(adding("a"))
            writer.start()
            await writer.stop()
            await writer.stop()
            with pytest.raises(RuntimeError, match="stopped"):
                await writer.write(adding("a"))

        asyncio.run(main())

    def test_stop_finishes_what_was_accepted(self, path: Path) -> None:
        async def main() -> None:
            writer = Writer(path, CLOCK)
            writer.start()
            tasks = [asyncio.create_task(writer.write(adding(str(n)))) for n in range(1000)]
            await asyncio.sleep(0)
            await writer.stop()
            await asyncio.gather(*tasks)

        asyncio.run(main())
        assert notes_in(path) == [str(n) for n in range(1000)]


class TestSubmit:
    def test_hands_over_before_it_returns(self, path: Path) -> None:
        async def scenario(writer: Writer) -> None:
            gate = Gate()
            first = asyncio.create_task(writer.write(gate))
            await gate.entered()
            later = asyncio.create_task(writer.write(adding("begun first")))
            sooner = writer.submit(adding("handed over first"))
            await asyncio.sleep(0)  # the task has handed its operation over
            gate.open()
            await asyncio.gather(first, sooner, later)

        with_writer(path, scenario)
        assert notes_in(path) == ["handed over first", "begun first"]

    def test_tells_by_the_future_that_the_writer_has_been_stopped(self, path: Path) -> None:
        async def main() -> None:
            writer = Writer(path, CLOCK)
            writer.start()
            await writer.stop()
            answer = writer.submit(adding("a"))
            with pytest.raises(RuntimeError, match="stopped"):
                await answer

        asyncio.run(main())


class TestBatch:
    def test_shares_one_transaction_and_one_time(self, path: Path) -> None:
        async def scenario(writer: Writer) -> list[Any]:
            def version(tx: Tx) -> Any:
                before = tx.conn.total_changes()
                note(tx)
                return before, tx.at

            return await together(writer, *(writer.write(version) for _ in range(20)))

        answers = with_writer(path, scenario)
        assert len({at for _, at in answers}) == 1
        first = answers[0][0]
        assert [before - first for before, _ in answers] == list(range(20))

    def test_one_failure_fails_one_caller(self, path: Path) -> None:
        async def scenario(writer: Writer) -> list[Any]:
            return await together(
                writer,
                writer.write(adding("a")),
                writer.write(failing("b", LookupError("gone"))),
                writer.write(lambda tx: tx.conn.execute("INSERT INTO audit (id) VALUES (NULL)")),
                writer.write(adding("c")),
            )

        first, second, third, fourth = with_writer(path, scenario)
        assert isinstance(second, LookupError)
        assert isinstance(third, apsw.ConstraintError)
        assert first == fourth
        assert notes_in(path) == ["a", "c"]

    def test_goes_by_priority_then_age(self, path: Path) -> None:
        async def scenario(writer: Writer) -> None:
            await together(
                writer,
                writer.write(adding("maintenance"), priority=Priority.MAINTENANCE),
                writer.write(adding("other 1")),
                writer.write(adding("start"), priority=Priority.START),
                writer.write(adding("outcome 1"), priority=Priority.OUTCOME),
                writer.write(adding("other 2")),
                writer.write(adding("outcome 2"), priority=Priority.OUTCOME),
            )

        with_writer(path, scenario)
        assert notes_in(path) == ["outcome 1", "outcome 2", "start", "other 1", "other 2", "maintenance"]

    def test_is_durable_if_one_of_its_writes_is(self, path: Path) -> None:
        async def scenario(writer: Writer) -> list[Any]:
            def level(tx: Tx) -> Any:
                return tx.conn.pragma("synchronous")

            return await together(
                writer,
                writer.write(level, durable=False),
                writer.write(level),
                writer.write(level, durable=False),
            )

        assert with_writer(path, scenario) == [2, 2, 2]

    def test_is_bounded(self, path: Path) -> None:
        async def scenario(writer: Writer) -> list[Any]:
            def others(tx: Tx) -> int:
                note(tx)
                return len(notes_in(path))  # what other connections see by now

            return await together(writer, *(writer.write(others) for _ in range(600)))

        assert len(set(with_writer(path, scenario))) > 1

    def test_a_full_disk_fails_its_operation_and_the_writer_lives_on(self, path: Path) -> None:
        async def scenario(writer: Writer) -> list[Any]:
            def limit(tx: Tx) -> None:
                tx.conn.pragma("max_page_count", tx.conn.pragma("page_count") + 20)

            await writer.write(limit)
            answers = await together(
                writer, writer.write(adding("x" * 1_000_000)), writer.write(adding("small"))
            )
            await writer.write(lambda tx: tx.conn.pragma("max_page_count", 1_000_000))
            await writer.write(adding("later"))
            return answers

        answers = with_writer(path, scenario)
        assert isinstance(answers[0], DatabaseError)
        assert "disk is full" in answers[0].message
        assert notes_in(path) == [*(["small"] if isinstance(answers[1], str) else []), "later"]

    def test_that_sqlite_ends_fails_all_its_callers(self, path: Path) -> None:
        async def scenario(writer: Writer) -> list[Any]:
            def ended(tx: Tx) -> None:
                tx.conn.execute("INSERT OR ROLLBACK INTO audit (id) VALUES (1)")

            answers = await together(
                writer, writer.write(adding("a")), writer.write(ended), writer.write(adding("b"))
            )
            await writer.write(adding("later"))
            return answers

        answers = with_writer(path, scenario)
        assert [type(answer) for answer in answers] == [apsw.ConstraintError] * 3
        assert notes_in(path) == ["later"]


class TestCancellation:
    def test_of_the_caller_does_not_stop_the_write(self, path: Path) -> None:
        async def scenario(writer: Writer) -> None:
            gate = Gate()
            blocker = asyncio.create_task(writer.write(gate))
            await gate.entered()
            task = asyncio.create_task(writer.write(adding("outcome")))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.open()
            await blocker

        with_writer(path, scenario)
        assert notes_in(path) == ["outcome"]

    def test_does_not_hide_a_failure(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        async def scenario(writer: Writer) -> None:
            gate = Gate()
            blocker = asyncio.create_task(writer.write(gate))
            await gate.entered()
            task = asyncio.create_task(writer.write(failing("a", LookupError("this is not seen"))))
            await asyncio.sleep(0)
            task.cancel()
            gate.open()
            await blocker

        with_writer(path, scenario)
        assert "this is not seen" in caplog.text


class TestPost:
    def test_writes_from_any_thread(self, path: Path) -> None:
        async def scenario(writer: Writer) -> None:
            await asyncio.to_thread(writer.post, adding("a"))

        with_writer(path, scenario)
        assert notes_in(path) == ["a"]

    def test_logs_a_failure(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        async def scenario(writer: Writer) -> None:
            writer.post(failing("a", LookupError("gone")))
            await writer.write(adding("b"))

        with_writer(path, scenario)
        assert "gone" in caplog.text
        assert notes_in(path) == ["b"]
