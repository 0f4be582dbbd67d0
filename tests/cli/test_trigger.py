"""Runs that are asked for by command: what is written for the server, and how its end is waited for."""

import json
from pathlib import Path

import pytest
from support.cli import Shell, between_looks, refused, run_row
from support.clock import NOON

from jeeves_runner.cli.commands import trigger
from jeeves_runner.cli.waiting import RESTART
from jeeves_runner.clock import to_text
from jeeves_runner.core.model import Param, ParamType, Reason, RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db.run_ends import RunRecord, end_running, end_waiting


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.ledger.add_job("backup")
    return shell


def start(shell: Shell, run_id: int) -> None:
    """What a server does with a run that waits."""
    shell.ledger.conn.execute(
        "UPDATE runs SET status = 'running', started_at = ? WHERE id = ?", (to_text(NOON), run_id)
    )


def finish(shell: Shell, run_id: int, status: str, stderr: str | None = None, message: str = "told") -> None:
    """What a server does with a run that has ended."""
    with shell.ledger.tx() as tx:
        outcome = Outcome(status=RunStatus(status), message=message)
        end_running(tx, run_id, outcome, RunRecord(duration_ms=1234, stderr=stderr), None)


def after_a_restart(shell: Shell) -> None:
    """The time passes in which another server would be there."""
    shell.ledger.clock.advance(seconds=RESTART)


def test_trigger_without_a_server_writes_nothing(shell: Shell) -> None:
    refused(shell.run("trigger", "backup"), "start it with `jeeves-runner serve`")
    assert shell.ledger.count("runs") == 0


@pytest.mark.parametrize("words", [(), ("--wait",), ("--follow",)])
def test_who_breaks_off_as_soon_as_a_run_is_asked_for_hears_that_it_goes_on(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def broken_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trigger, "_warn_of_secrets", broken_off)
    with shell.server():
        result = shell.run("trigger", "backup", *words)
    assert (result.exit_code, result.stderr) == (
        130,
        "run 1 of backup goes on; `jeeves-runner logs 1 -f` follows it, `jeeves-runner cancel 1` ends it\n",
    )


def test_trigger_writes_a_run_for_the_server_to_take_up(shell: Shell) -> None:
    with shell.server():
        text = shell.text("trigger", "backup", "--param", "DAY=monday", "--param", "EXPR=a=b", "--force")
    assert text == "Run 1 of backup is asked for; `jeeves-runner run 1` shows it.\n"
    assert run_row(shell, 1, "job_id", "status", "trigger", "forced", "epoch") == (
        "backup",
        "scheduled",
        "manual",
        1,
        None,
    )
    assert shell.json("run", "1")["run"]["params"] == {"DAY": "monday", "EXPR": "a=b"}


def test_trigger_answers_with_the_run_as_a_document(shell: Shell) -> None:
    with shell.server():
        document = shell.json("trigger", "backup")
    assert document == shell.json("run", "1")


@pytest.mark.parametrize("param", ["DAY", "=monday"])
@pytest.mark.parametrize(("option", "form"), [("--param", "KEY=VALUE"), ("--param-file", "KEY=PATH")])
def test_a_parameter_needs_a_name_and_a_value(shell: Shell, option: str, form: str, param: str) -> None:
    with shell.server():
        refused(shell.run("trigger", "backup", option, param), f"is not of the form {form}", code=64)
    assert shell.ledger.count("runs") == 0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (("DAY=monday", "DAY=friday"), "--param DAY is given twice"),
        (("a-b=1", "A.B=2"), "the parameters a-b and A.B would both be JR_PARAM_A_B"),
    ],
)
def test_a_parameter_no_script_could_get_is_a_fault_of_usage(
    shell: Shell, params: tuple[str, ...], message: str
) -> None:
    words = [word for param in params for word in ("--param", param)]
    with shell.server():
        refused(shell.run("trigger", "backup", *words), message, code=64)
    assert shell.ledger.count("runs") == 0


def test_trigger_of_an_unknown_job_names_the_nearest(shell: Shell) -> None:
    with shell.server():
        refused(shell.run("trigger", "bakup"), "hint: did you mean backup?")


def test_a_paused_job_is_triggered_by_force_alone(shell: Shell) -> None:
    shell.ledger.pause("backup")
    with shell.server():
        refused(shell.run("trigger", "backup"), "job backup is paused\nhint: resume it, or force the run")
        assert shell.ledger.count("runs") == 0
        shell.text("trigger", "backup", "--force")
    assert shell.ledger.count("runs") == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [("ok", 0), ("error", 1), ("timeout", 1), ("interrupted", 1), ("cancelled", 3), ("skipped", 3)],
)
def test_trigger_waits_and_exits_by_the_outcome(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    between_looks(monkeypatch, lambda: start(shell, 1), lambda: finish(shell, 1, status, stderr="a\nb\n"))
    with shell.server():
        result = shell.run("trigger", "backup", "--wait")
    assert result.exit_code == code
    assert result.stdout == f"Run 1 of backup ended {status} after 1.2s: told.\n"
    assert result.stderr == ("  | a\n  | b\n" if code == 1 else "")


def test_of_a_long_line_that_a_run_wrote_its_end_is_shown(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote = f"{'x' * 60_000}{'y' * 1_000}"
    between_looks(monkeypatch, lambda: start(shell, 1), lambda: finish(shell, 1, "error", stderr=wrote))
    with shell.server():
        result = shell.run("trigger", "backup", "--wait")
    assert result.stderr == f"  | …{'y' * 1_000}\n"
    assert shell.text("run", "1").endswith(f"Error output\n  | …{'y' * 1_000}\n")


@pytest.mark.parametrize(("said", "stop"), [("write x", "."), ("it is out.", ""), ("did you mean x?", "")])
def test_trigger_tells_all_that_is_said_of_the_end(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, said: str, stop: str
) -> None:
    message = f"the prompt cannot be made: {'x' * 200}; {said}"
    between_looks(monkeypatch, lambda: start(shell, 1), lambda: finish(shell, 1, "error", message=message))
    with shell.server():
        result = shell.run("trigger", "backup", "--wait")
    assert result.stdout == f"Run 1 of backup ended error after 1.2s: {message}{stop}\n"


def test_trigger_reports_a_skip_as_not_run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def skip() -> None:
        with shell.ledger.tx() as tx:
            end_waiting(tx, 1, RunStatus.SKIPPED, Reason.OVERLAP)

    between_looks(monkeypatch, skip)
    with shell.server():
        result = shell.run("trigger", "backup", "--wait", "--json")
    assert result.exit_code == 3
    run = json.loads(result.stdout)["result"]
    assert (run["status"], run["reason"]) == ("skipped", "overlap")


def test_what_never_began_was_skipped_and_has_not_ended(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def skip() -> None:
        with shell.ledger.tx() as tx:
            end_waiting(tx, 1, RunStatus.SKIPPED, Reason.OVERLAP)

    between_looks(monkeypatch, skip)
    with shell.server():
        answer = shell.run("trigger", "backup", "--wait").stdout
    assert answer == "Run 1 of backup was skipped: another run of it was active.\n"


def test_trigger_waits_for_the_last_attempt(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_with_a_retry() -> None:
        finish(shell, 1, "error")
        shell.ledger.add_run("backup", "scheduled", trigger="retry", attempt=2, chain_id=1)

    between_looks(
        monkeypatch,
        lambda: start(shell, 1),
        fail_with_a_retry,
        lambda: start(shell, 2),
        lambda: finish(shell, 2, "ok"),
    )
    with shell.server():
        result = shell.run("trigger", "backup", "--wait", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["result"]["id"] == 2


def test_trigger_does_not_wait_for_a_server_that_is_gone(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shell.server() as server:
        between_looks(monkeypatch, server.release, lambda: after_a_restart(shell))
        result = shell.run("trigger", "backup", "--wait")
    refused(result, "the server has stopped; run 1 is still scheduled")
    assert result.stderr.endswith("hint: the next server starts it\n")


def test_trigger_waits_over_a_restart_of_the_server(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with shell.server() as server:
        between_looks(
            monkeypatch,
            server.release,
            lambda: shell.ledger.clock.advance(seconds=RESTART - 0.1),
            server.acquire,
            lambda: start(shell, 1),
            lambda: finish(shell, 1, "ok"),
        )
        assert shell.run("trigger", "backup", "--wait").exit_code == 0


def test_the_next_server_settles_a_run_that_was_running(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shell.server() as server:
        between_looks(monkeypatch, lambda: start(shell, 1), server.release, lambda: after_a_restart(shell))
        result = shell.run("trigger", "backup", "--wait")
    refused(result, "the server has stopped, and no end of run 1 is recorded")
    assert result.stderr.endswith("hint: the next server settles it\n")


# Parameters


@pytest.fixture
def declaring(shell: Shell) -> Shell:
    params = (
        Param(name="day", enum=("monday", "sunday"), default="monday"),
        Param(name="count", type=ParamType.INTEGER),
        Param(name="token", secret=True),
    )
    shell.ledger.add_job("export", params=params)
    return shell


def test_declared_parameters_are_checked_where_a_run_is_asked_for(declaring: Shell) -> None:
    with declaring.server():
        result = declaring.run("trigger", "export", "--param", "dya=x", "--param", "count=many")
        refused(result, "there is no parameter dya; the parameter count must be a whole number", code=64)
        assert "hint: did you mean day?" in result.stderr
        assert declaring.ledger.count("runs") == 0
        declaring.text("trigger", "export", "--param", "count=5")
    assert declaring.json("run", "1")["run"]["params"] == {"day": "monday", "count": "5"}


def test_a_secret_comes_from_a_file_or_from_standard_input(declaring: Shell, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"hunter2 in a file\n")
    with declaring.server():
        declaring.text("trigger", "export", "--param-file", f"token={file}")
        result = declaring.run(
            "trigger", "export", "--param-file", "token=-", input="hunter2 from a pipe\r\n"
        )
    assert (result.exit_code, result.stderr) == (0, "")
    kept = declaring.ledger.conn.execute("SELECT params FROM secret_params ORDER BY chain_id").fetchall()
    assert kept == [('{"token": "hunter2 in a file"}',), ('{"token": "hunter2 from a pipe"}',)]
    for words in (("run", "1"), ("run", "2"), ("runs",), ("job", "export"), ("status",)):
        for more in ((), ("--json",)):
            assert "hunter2" not in declaring.text(*words, *more)
    assert declaring.json("run", "1")["run"]["params"] == {"day": "monday", "token": "***"}


def test_a_secret_on_the_command_line_is_warned_of(declaring: Shell) -> None:
    with declaring.server():
        result = declaring.run("trigger", "export", "--param", "token=hunter2", "--param", "day=sunday")
    assert result.exit_code == 0
    assert "warning: token is secret" in result.stderr
    assert "--param-file token=- reads it from standard input" in result.stderr
    assert "day" not in result.stderr
    assert "hunter2" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--param-file", "day=gone"], "--param-file day: gone cannot be read: No such file or directory"),
        (["--param-file", "day=."], "--param-file day: . cannot be read: Is a directory"),
        (["--param-file", "day=raw"], "--param-file day: raw is not UTF-8"),
        (["--param-file", "day=long"], "--param-file day: long holds more than 64 KiB"),
        (["--param-file", "day=-", "--param-file", "token=-"], "standard input can be the value of one"),
        (["--param", "day=x", "--param-file", "day=-"], "day is given by --param and by --param-file"),
        (["--param-file", "day=a", "--param-file", "day=b"], "--param-file day is given twice"),
    ],
)
def test_a_file_that_is_no_value_is_a_fault_of_usage(
    declaring: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").write_bytes(b"\xff")
    (tmp_path / "long").write_bytes(b"x" * (64 * 1024 + 1))
    with declaring.server():
        refused(declaring.run("trigger", "export", *words), message, code=64)
    assert declaring.ledger.count("runs") == 0


# A tag


@pytest.fixture
def tagged(shell: Shell) -> Shell:
    for name in ("mail", "vacuum"):
        shell.ledger.add_job(name, tags=("db",))
    return shell


def test_of_a_tag_each_job_is_run_and_told(tagged: Shell) -> None:
    with tagged.server():
        assert tagged.text("trigger", "--tag", "db", "--param", "DAY=monday").splitlines() == [
            "Run 1 of mail is asked for; `jeeves-runner run 1` shows it.",
            "Run 2 of vacuum is asked for; `jeeves-runner run 2` shows it.",
        ]
        document = tagged.json("trigger", "--tag", "db", "--force")
    assert document["runs"] == [tagged.json("run", str(number))["run"] for number in (3, 4)]
    assert [(run["job_id"], run["forced"]) for run in document["runs"]] == [("mail", True), ("vacuum", True)]


def test_of_a_tag_none_is_run_if_one_refuses_and_each_says_why(tagged: Shell) -> None:
    needy = (Param(name="day", type=ParamType.STRING, required=True),)
    tagged.ledger.add_job("needy", tags=("db",), params=needy)
    tagged.ledger.pause("vacuum")
    with tagged.server():
        result = tagged.run("trigger", "--tag", "db")
        refused(result, "vacuum: job vacuum is paused")
        refused(result, "needy: ")
        refused(result, "nothing is triggered: 2 of 3 jobs refuse")
        refused(tagged.run("trigger", "--tag", "bd"), "no job has the tag bd")
        for words in ((), ("mail", "--tag", "db")):
            refused(tagged.run("trigger", *words), "name either a job, or --tag", code=64)
    assert tagged.ledger.count("runs") == 0


@pytest.mark.parametrize(
    ("statuses", "code"),
    [(("ok", "ok"), 0), (("ok", "error"), 1), (("cancelled", "ok"), 3), (("timeout", "cancelled"), 1)],
)
def test_runs_of_a_tag_are_waited_for_and_told_one_by_one(
    tagged: Shell, monkeypatch: pytest.MonkeyPatch, statuses: tuple[str, str], code: int
) -> None:
    def work() -> None:
        for number, status in enumerate(statuses, 1):
            start(tagged, number)
            finish(tagged, number, status)

    between_looks(monkeypatch, work)
    with tagged.server():
        result = tagged.run("trigger", "--tag", "db", "--wait")
    assert result.exit_code == code
    assert result.stdout.splitlines() == [
        f"Run {number} of {name} ended {status} after 1.2s: told."
        for number, name, status in ((1, "mail", statuses[0]), (2, "vacuum", statuses[1]))
    ]
