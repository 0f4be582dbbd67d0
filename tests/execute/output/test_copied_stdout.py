"""What a run writes to stdout, in a file of its own where it is to be sent to people."""

import asyncio
import errno
import os
from pathlib import Path

import pytest
from support.logs import log_place

from jeeves_runner.execute.output.log_file import remove_logs
from jeeves_runner.execute.output.log_place import LogPlace, stdout_of
from jeeves_runner.execute.output.log_thread import MAX_WAITING
from jeeves_runner.execute.output.sink import Output

SECRET = "hunter2-secret"


def sink(place: LogPlace, log_max: int = 1 << 20) -> Output:
    output = Output(place, log_max, copies_stdout=True)
    asyncio.run(output.prepared(secrets=(SECRET,), script_hash=None))
    return output


def closed(output: Output) -> Output:
    output.close()
    assert asyncio.run(output.is_log_written(60))
    return output


def copy_of(place: LogPlace) -> str:
    return stdout_of(place).path.read_text()


def test_it_holds_stdout_alone_masked_and_decoded(tmp_path: Path) -> None:
    place = log_place(tmp_path)
    output = sink(place)
    output.write("stdout", b"first \xff hunter2-")
    output.write("stderr", b"err\n")
    output.write("stdout", b"secret\n")
    closed(output)
    assert copy_of(place) == "first \ufffd ***\n"
    assert "err" in place.path.read_text()


def test_more_than_the_size_of_a_log_is_its_head_and_its_tail_with_a_mark(tmp_path: Path) -> None:
    place = log_place(tmp_path)
    output = sink(place, 1024)
    for number in range(900):
        output.write("stdout", f"line {number}\n".encode())
    closed(output)
    head, rest = copy_of(place).split("\n… ")
    cut, tail = rest.split(" bytes cut …\n")
    assert (head.startswith("line 0\n"), tail.endswith("line 899\n"), int(cut) > 7_000) == (True, True, True)
    assert {path.name for path in place.path.parent.iterdir()} == {"1.log", "1.out"}


def test_a_run_whose_output_is_not_sent_has_none(tmp_path: Path) -> None:
    place = log_place(tmp_path)
    output = Output(place, 1 << 20)
    output.write("stdout", b"text\n")
    closed(output)
    assert [path.name for path in place.path.parent.iterdir()] == ["1.log"]


@pytest.mark.parametrize("then", ["", "main\n"])
def test_the_second_part_of_a_run_has_one_of_its_own(tmp_path: Path, then: str) -> None:
    place = log_place(tmp_path)
    output = sink(place)
    output.write("stdout", b"looked\n")
    output.begin_part()
    output.write("stdout", then.encode())
    closed(output)
    assert place.path.read_text() == f"looked\n{then}"
    copy = stdout_of(place).path
    assert (copy.read_text() if copy.exists() else "") == then


def test_on_a_full_disk_there_is_none_rather_than_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = log_place(tmp_path)
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".out") and b"late" in data:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    output = sink(place)
    output.write("stdout", b"early\n")
    output.write("stdout", b"late\n")
    closed(output)
    assert not stdout_of(place).path.exists()
    assert place.path.read_text() == "early\nlate\n"
    assert output.stdout_tail == "early\nlate\n"
    assert "1.out ends early: No space left on device" in caplog.text


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    place, other = log_place(tmp_path), tmp_path / "other"
    other.write_text("kept")
    stdout_of(place).path.symlink_to(other)
    output = sink(place)
    output.write("stdout", b"text\n")
    closed(output)
    assert (other.read_text(), copy_of(place)) == ("kept", "text\n")


def test_it_goes_with_the_log(tmp_path: Path) -> None:
    place = log_place(tmp_path)
    output = sink(place, 256)
    for _ in range(200):
        output.write("stdout", b"text\n")
    assert asyncio.run(output.is_log_written(60))
    assert {path.name for path in place.path.parent.iterdir()} == {
        "1.log",
        "1.log.tail",
        "1.out",
        "1.out.tail",
    }
    remove_logs(place)
    assert list(place.path.parent.iterdir()) == []
    closed(output)


def test_what_comes_all_at_once_is_not_too_much_for_a_disk_that_is_not_slow(tmp_path: Path) -> None:
    """The text of an agent is one piece."""
    place = log_place(tmp_path)
    text = b"0123456\n" * (MAX_WAITING // 8 + 100)
    output = sink(place, 64 << 20)
    output.write("stdout", text)
    closed(output)
    assert place.path.read_bytes() == stdout_of(place).path.read_bytes() == text
