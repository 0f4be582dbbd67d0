"""A part of a run's log over HTTP: the header Range (RFC 9110, section 14)."""

from pathlib import Path

import pytest
from support.api import Answer, ask, get
from support.ledger import Ledger
from support.logs import log_file, log_place

from jeeves_runner.execute.output.log_file import LogFile


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("a")
    return ledger


@pytest.fixture
def run(ledger: Ledger, tmp_path: Path) -> int:
    run = ledger.add_run("a", stdout="the tail")
    log_file(tmp_path / "data", run).write_text("0123456789")
    return run


def part(ledger: Ledger, run: int, asked: str, **headers: str) -> Answer:
    return get(ledger, f"/runs/{run}/logs", Range=asked, **headers)


@pytest.mark.parametrize(
    ("asked", "text", "which"),
    [
        ("bytes=0-3", "0123", "0-3"),
        ("bytes=7-", "789", "7-9"),
        ("bytes=-4", "6789", "6-9"),
        ("bytes=-400", "0123456789", "0-9"),
        ("bytes=8-400", "89", "8-9"),
    ],
)
def test_a_part_comes_with_its_place(ledger: Ledger, run: int, asked: str, text: str, which: str) -> None:
    answer = part(ledger, run, asked)
    assert (answer.status, answer.body) == (206, text)
    assert answer.headers["Content-Range"] == f"bytes {which}/10"
    assert answer.headers["Content-Length"] == str(len(text))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_what_is_behind_the_end_is_refused_with_the_length(ledger: Ledger, run: int) -> None:
    answer = part(ledger, run, "bytes=10-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */10")
    assert answer.body["detail"] == "the log has no such part"


def test_the_last_bytes_of_an_empty_log_are_none(ledger: Ledger, run: int, tmp_path: Path) -> None:
    """So a client that looks at the end of a log need not know whether its run has written anything."""
    log_file(tmp_path / "data", run).write_text("")
    last = part(ledger, run, "bytes=-4")
    assert (last.status, last.body) == (200, "")
    assert part(ledger, run, "bytes=0-").headers["Content-Range"] == "bytes */0"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=3-1", "lines=1-2", "bytes=-", "bytes=x-"])
def test_what_is_no_single_part_gets_all_of_it(ledger: Ledger, run: int, asked: str) -> None:
    answer = part(ledger, run, asked)
    assert (answer.status, answer.body) == (200, "0123456789")
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_client_that_wants_a_part_of_what_it_knows_gets_all_of_it(ledger: Ledger, run: int) -> None:
    """A log has no tag by which it could be told to be the same."""
    answer = part(ledger, run, "bytes=0-3", If_Range='"a tag"')
    assert (answer.status, answer.body) == (200, "0123456789")


def test_a_large_part_comes_whole(ledger: Ledger, run: int, tmp_path: Path) -> None:
    text = "".join(f"{n:07}\n" for n in range(100_000))
    log_file(tmp_path / "data", run).write_text(text)
    assert part(ledger, run, "bytes=8-").body == text[8:]


def test_head_is_told_how_long_a_part_is(ledger: Ledger, run: int) -> None:
    answer = ask(ledger, "HEAD", f"/runs/{run}/logs", Range="bytes=-4")
    assert (answer.status, answer.headers["Content-Range"]) == (206, "bytes 6-9/10")


def test_a_log_in_two_files_comes_whole(ledger: Ledger, tmp_path: Path) -> None:
    """Its last half moves while the run writes: what a place in it is would be another one soon."""
    run = ledger.add_run("a")
    file = LogFile(log_place(tmp_path / "data", run), 1024)
    file.write("".join(f"line {n}\n" for n in range(200)).encode())
    answer = part(ledger, run, "bytes=-4")
    assert answer.status == 200
    assert " bytes cut …\n" in answer.body


def test_the_tails_of_a_log_that_is_gone_come_whole(ledger: Ledger) -> None:
    run = ledger.add_run("a", stdout="the tail")
    answer = part(ledger, run, "bytes=0-1")
    assert (answer.status, answer.body) == (200, "the tail\n")
