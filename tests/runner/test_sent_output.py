"""What is read of a run's stdout for those who get it."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.logs import log_place
from support.outbox import OPS, Post, eventually

from jeeves_runner.core.alerts.whole_text import WholeText
from jeeves_runner.core.alerts.words import Said
from jeeves_runner.db import outbox
from jeeves_runner.db.outbox import Saying
from jeeves_runner.execute.output.log_file import LogFile
from jeeves_runner.execute.output.log_place import stdout_of
from jeeves_runner.execute.output.log_reader import LogReader
from jeeves_runner.runner import delivery as delivery_module
from jeeves_runner.runner import sent_output

LINES = "".join(f"\x1b[32mline\x1b[0m {number} ü\n" for number in range(20_000))
SHOWN = "".join(f"line {number} ü\n" for number in range(20_000))


def read(folder: Path, run_id: int = 1) -> WholeText | None:
    return asyncio.run(sent_output.whole_stdout(str(folder), "a", run_id))


def written(folder: Path, text: str = LINES, *, whole: bool = True) -> None:
    file = LogFile(stdout_of(log_place(folder)), 400_000)
    file.write(text.encode())
    if whole:
        file.close()


def test_it_is_all_that_the_file_has_without_what_steers_a_terminal(tmp_path: Path) -> None:
    written(tmp_path, LINES[:300_000])
    text = read(tmp_path)
    assert text is not None
    assert SHOWN.startswith(b"".join(text.read()).decode()[:-10])
    assert (text.beginning[:9], text.size > 100_000) == ("line 0 ü\n", True)


@pytest.mark.parametrize("whole", [True, False])
def test_of_a_file_that_was_cut_both_ends_are_there(tmp_path: Path, whole: bool) -> None:
    """Also where the runner was killed before it could join them."""
    written(tmp_path, whole=whole)
    text = read(tmp_path)
    assert text is not None
    shown = b"".join(text.read()).decode()
    assert (shown.startswith("line 0 ü\n"), shown.endswith("line 19999 ü\n")) == (True, True)
    assert "bytes cut …" in shown


def test_without_a_file_there_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read(tmp_path) is None
    assert caplog.messages == []


def test_what_stands_in_its_place_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "secret").write_text("secret")
    stdout_of(log_place(tmp_path)).path.symlink_to(tmp_path / "secret")
    assert read(tmp_path) is None
    assert "of run 1 only the end is sent" in caplog.text


def test_a_disk_that_hangs_keeps_it_no_longer_than_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    goes_on = threading.Event()

    def hanging(_reader: LogReader) -> Iterator[bytes]:
        assert goes_on.wait(60)
        yield b""

    monkeypatch.setattr(LogReader, "read", hanging)
    monkeypatch.setattr(sent_output, "_PATIENCE", 0.05)
    assert read(tmp_path) is None
    assert "its disk does not answer" in caplog.text
    goes_on.set()


def test_it_is_in_the_message_of_its_run_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "_BREATH", 0.001)
    post = Post(tmp_path)
    runs = [post.ledger.add_run("a", stdout="the end\n") for _ in range(2)]
    written(tmp_path / "data")
    with post.ledger.tx() as tx:
        for run_id in runs:
            outbox.put(tx, Saying(Said.OUTPUT, job_id="a", run_id=run_id), (OPS,))

    async def play() -> None:
        async with post.delivery() as delivery:
            await eventually(lambda: post.statuses() == ["sent"] * 2, delivery)

    asyncio.run(play())
    first, second = (each.message for each in post.office.arrived)
    assert first.attachment is not None
    assert (first.attachment.name, first.attachment.text.beginning[:9]) == ("a-1.txt", "line 0 ü\n")
    assert (second.attachment, second.output) == (None, "the end")
