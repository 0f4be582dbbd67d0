"""The logs of runs: whole, followed to their end, and over their cap."""

from pathlib import Path

import pytest
from support.cli import Shell, between_looks
from support.clock import NOON
from support.logs import log_file, log_place

from jeeves_runner.cli.waiting import RESTART
from jeeves_runner.clock import to_text
from jeeves_runner.execute.output.log_file import LogFile


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def end(shell: Shell, run_id: int) -> None:
    """What a server does with a run that has ended."""
    shell.ledger.conn.execute(
        "UPDATE runs SET status = 'ok', finished_at = ?, end_seq = 1 WHERE id = ?", (to_text(NOON), run_id)
    )


def test_logs_print_the_whole_file_as_it_is(shell: Shell, tmp_path: Path) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", stdout="last without an end")
    log_file(tmp_path / "data", run).write_bytes(b"first\n\x1b[32mgreen\x1b[0m\nlast without an end")
    assert shell.text("logs", str(run)) == "first\n\x1b[32mgreen\x1b[0m\nlast without an end"


def test_logs_do_not_read_a_path_in_a_row(shell: Shell, tmp_path: Path) -> None:
    shell.ledger.add_job("a")
    (tmp_path / "precious").write_text("precious")
    run = shell.ledger.add_run("a", log_path=str(tmp_path / "precious"), stdout="the end")
    assert shell.text("logs", str(run)) == "the end\n"


def test_logs_of_a_silent_run_say_so_beside_the_output(shell: Shell) -> None:
    shell.ledger.add_job("a")
    for status, answer in (("ok", "has written nothing"), ("skipped", "never started")):
        run = shell.ledger.add_run("a", status)
        result = shell.run("logs", str(run))
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"run {run} {answer}\n"


def test_logs_follow_a_run_to_its_end(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running")
    log = log_file(tmp_path / "data", run)
    between_looks(
        monkeypatch,
        lambda: log.write_text("one\n"),
        lambda: log.write_text("one\ntwo\n"),
        lambda: end(shell, run),
    )
    with shell.server():
        assert shell.text("logs", "-f", str(run)) == "one\ntwo\n"


def test_logs_do_not_follow_a_run_whose_server_is_gone(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running")
    log_file(tmp_path / "data", run).write_text("one\n")
    with shell.server() as server:
        between_looks(monkeypatch, server.release, lambda: shell.ledger.clock.advance(seconds=RESTART))
        result = shell.run("logs", "-f", str(run))
    assert (result.exit_code, result.stdout) == (2, "one\n")
    assert f"the server has stopped, and no end of run {run} is recorded" in result.stderr


def test_logs_over_their_cap_are_followed_to_the_last_line_over_the_cut(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running")
    log = LogFile(log_place(tmp_path / "data", run), 1024)

    text = "".join(f"line {n}\n" for n in range(200))
    between_looks(
        monkeypatch,
        lambda: log.write(text[:500].encode()),
        lambda: log.write(text[500:].encode()),
        log.close,
        lambda: end(shell, run),
    )
    with shell.server():
        shown = shell.text("logs", "-f", str(run))
    assert shown.startswith(text[:500])
    assert " bytes cut …\n" in shown
    assert shown.endswith("line 198\nline 199\n")
