"""``why``: what a person reads."""

from pathlib import Path

import pytest
from support.cli import Shell, answering, refused
from support.why import row, since

from jeeves_runner.clock import to_text


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    ledger = shell.ledger
    ledger.add_job("backup", schedule=("0 3 * * *",))
    since(ledger, "backup", ledger.at(days=7))
    row(ledger, "backup", "missed", ledger.at(hours=9), reason="no_catch_up", created_at=to_text(ledger.now))
    return shell


MISSED = (
    "Run 1 was to run because it was due by its schedule at 2026-03-01 03:00Z."
    " It was missed because no server looked at its time, and the job has `catch_up: none`."
    " A server looked at 2026-03-01 12:00Z, 9h after it."
)


@pytest.mark.parametrize("when", ["03:00", "2026-03-01T03:00", "1"])
def test_it_is_one_paragraph(shell: Shell, when: str) -> None:
    assert shell.text("why", "backup", when) == f"{MISSED}\n"


@pytest.mark.parametrize("words", [("backup", "-9h"), ("-9h", "backup"), ("backup", "--", "-9h")])
def test_a_length_of_time_into_the_past_is_a_time(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.text("why", *words) == f"{MISSED}\n"


def test_options_stand_anywhere_beside_it(shell: Shell) -> None:
    for words in (("backup", "-9h", "--json"), ("--json", "backup", "-9h")):
        assert shell.json("why", *words)["answer"] == "missed"
    assert shell.text("why", "backup", "-9h", "-h").startswith("Usage:")


def test_without_a_time_it_tells_what_was_last_and_what_comes(shell: Shell) -> None:
    with shell.server():
        assert shell.text("why", "backup") == (f"{MISSED} It is due next at 2026-03-02 03:00Z, in 15h.\n")
    assert shell.text("why", "backup").endswith("in 15h, and no server runs.\n")


def test_what_a_script_said_cannot_steer_the_terminal(shell: Shell) -> None:
    shell.ledger.add_run("backup", "error", message="\x1b[31mred\nhouse")
    assert "ended error after 1.0s: \\x1b[31mred\\nhouse." in shell.text("why", "backup")


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (("bakcup",), "there is no job bakcup", 2),
        (("backup", "soon"), "the time is neither a time nor a length of time: soon", 64),
        (("backup", "7"), "there is no run 7", 2),
        (("backup", "-soon"), "No such option '-s'.", 64),
    ],
)
def test_what_there_is_not_is_refused(shell: Shell, words: tuple[str, ...], message: str, code: int) -> None:
    refused(shell.run("why", *words), message, code)


SPREAD = "catch_up_spread: 10m\n"
LATE = {"/catching-up": {"jobs": [{"job_id": "backup", "catches_up_at": "2026-03-01T12:08:00.000Z"}]}}


def test_of_a_late_job_the_server_says_when_it_catches_up(shell: Shell) -> None:
    since(shell.ledger, "backup", shell.ledger.at(days=7), decided=shell.ledger.at(hours=20))
    shell.config.write_text(SPREAD)
    with answering(LATE) as socket, shell.server(socket):
        text = shell.text("why", "backup", "1")
        assert text == f"{MISSED}\n"
        text = shell.text("why", "backup")
        assert "It is late, and catches up at about 2026-03-01 12:08Z, in 8m: `catch_up_spread`" in text
        assert "late: catches up in 8m (catch_up_spread)" in " ".join(shell.text("jobs").split())
        assert "late: catches up in 8m (catch_up_spread)" in " ".join(shell.text("job", "backup").split())
        (job,) = shell.json("jobs")["jobs"]
        assert job["catches_up_at"] == "2026-03-01T12:08:00.000Z"
    assert "By `catch_up_spread` that may be 10m after it has started." in shell.text("why", "backup")
    assert "late: " not in shell.text("jobs")


def test_a_server_is_asked_only_where_late_jobs_are_spread_and_need_not_answer(shell: Shell) -> None:
    asked: list[str] = []
    with answering({}, asked) as socket, shell.server(socket):
        shell.run("why", "backup")
        assert asked == []
        shell.config.write_text(SPREAD)
        assert shell.run("why", "backup").exit_code == 0
        assert asked == ["/catching-up"]
