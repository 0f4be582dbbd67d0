"""The command line's frame: options, lazy commands, and errors as one line with an exit code."""

import errno
import importlib
import json
import pkgutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from jeeves_runner import __version__, errors
from jeeves_runner.cli import commands, exits
from jeeves_runner.cli.commands import LISTED, Listed
from jeeves_runner.cli.context import App, json_option, pass_app
from jeeves_runner.cli.main import CommandLine, main

GROUPS = [name for name in LISTED if isinstance(main.get_command(click.Context(main), name), click.Group)]


def invoke(*words: str, group: click.Group = main) -> Result:
    return CliRunner().invoke(group, words, prog_name="jeeves-runner")


def group_of(*commands: click.Command) -> CommandLine:
    """The real frame around commands of a test."""

    class Given(CommandLine):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return [command.name or "" for command in commands]

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            return next((command for command in commands if command.name == cmd_name), None)

    return Given(name="jeeves-runner", callback=main.callback, params=main.params)


def failing(error: Exception) -> click.Group:
    @click.command("act")
    def act() -> None:
        raise error

    return group_of(act)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_version_stands_in_one_place() -> None:
    assert invoke("--version").output == f"jeeves-runner {__version__}\n"


def test_help_lists_every_command_with_its_line() -> None:
    answer = invoke("--help")
    assert answer.exit_code == 0
    assert [name for name in LISTED if f"{name} " not in answer.output] == []
    assert [listed.summary for listed in LISTED.values() if listed.summary not in answer.output] == []


@pytest.mark.parametrize("listed", LISTED.values(), ids=lambda listed: listed.name)
def test_every_command_listed_exists_under_its_name(listed: Listed) -> None:
    command = main.get_command(click.Context(main), listed.name)
    assert command is not None
    assert command.name == listed.name
    answer = invoke(listed.name, "--help")
    assert answer.exit_code == 0
    assert answer.output.startswith(f"Usage: jeeves-runner {listed.name}")


def test_every_command_there_is_is_listed() -> None:
    found = {
        f"{module.name}:{name}"
        for module in pkgutil.iter_modules(commands.__path__)
        for name, value in vars(importlib.import_module(f"{commands.__name__}.{module.name}")).items()
        if isinstance(value, click.Command) and not _is_below_a_group(value, module.name)
    }
    assert {listed.place for listed in LISTED.values()} == found


def _is_below_a_group(command: click.Command, module: str) -> bool:
    others = vars(importlib.import_module(f"{commands.__name__}.{module}")).values()
    return any(isinstance(group, click.Group) and command in group.commands.values() for group in others)


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["stats"], "No such command 'stats'. Did you mean 'status'?", "see 'jeeves-runner --help'"),
        (["zzz"], "No such command 'zzz'.", "see 'jeeves-runner --help'"),
        (["--nope"], "--nope", "see 'jeeves-runner --help'"),
        (["act", "--nope"], "--nope", "see 'jeeves-runner act --help'"),
        (["act", "one"], "'one'", "see 'jeeves-runner act --help'"),
        (["act", "1", "2"], "extra argument", "see 'jeeves-runner act --help'"),
    ],
)
def test_a_slip_of_the_keyboard_is_one_line_and_a_hint(words: list[str], message: str, hint: str) -> None:
    @click.command("act")
    @click.argument("number", type=int)
    def act(number: int) -> None: ...

    @click.command("status")
    def status() -> None: ...

    answer = invoke(*words, group=group_of(act, status))
    assert answer.exit_code == 64
    first, second = answer.stderr.splitlines()
    assert first.startswith("jeeves-runner: error: ")
    assert message in first
    assert second == f"hint: {hint}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stat"], "No such command 'stat'. Did you mean 'state' or 'status'?"),
        (["state", "foo"], "No such command 'foo'."),
        (["state", "lst"], "No such command 'lst'. Did you mean 'list'?"),
        (["queue", "pek"], "No such command 'pek'. Did you mean 'peek'?"),
        (["config", "validat"], "No such command 'validat'. Did you mean 'validate'?"),
        (
            ["cancel", "A b"],
            "Invalid value for 'RUN|JOB': 'A b' is neither the number of a run nor the id of a job.",
        ),
        (
            ["run", "0"],
            "Invalid value for 'RUN|JOB': '0' is neither the number of a run nor the id of a job.",
        ),
        (["queue", "retry", "x"], "Invalid value for '[ITEM]...': 'x' is not the number of an item."),
        (["next", "--count", "0"], "Invalid value for '--count': '0' is not a number from 1 to 100000."),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(words: list[str], message: str) -> None:
    answer = invoke(*words)
    assert answer.exit_code == 64
    assert answer.stderr.splitlines()[0] == f"jeeves-runner: error: {message}"


@pytest.mark.parametrize("name", GROUPS)
def test_no_line_of_a_groups_help_is_cut(name: str) -> None:
    answer = CliRunner().invoke(main, [name, "--help"], terminal_width=80)
    listed = answer.output.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_without_a_command_there_is_help_and_a_usage_error() -> None:
    answer = invoke()
    assert answer.exit_code == 64
    assert "Usage: jeeves-runner" in answer.stderr


def every_error() -> list[type[errors.JeevesError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [kind for kind in found if issubclass(kind, errors.JeevesError)]


@pytest.mark.parametrize("kind", every_error())
def test_an_error_ends_with_the_code_of_its_kind(kind: type[errors.JeevesError]) -> None:
    expected = {"refused": 4, "source_mismatch": 4, "usage": 64, "invalid_value": 64}.get(kind.code, 2)
    answer = invoke("act", group=failing(kind("it is broken", hint="fix it")))
    assert answer.exit_code == expected
    assert answer.stderr == "jeeves-runner: error: it is broken\nhint: fix it\n"


def test_every_code_with_an_exit_code_of_its_own_exists() -> None:
    assert set(exits.EXIT_CODES) <= {kind.code for kind in every_error()}


def test_an_interrupt_ends_as_shells_expect() -> None:
    @click.command("act")
    def act() -> None:
        raise KeyboardInterrupt

    assert invoke("act", group=group_of(act)).exit_code == 130


def test_a_command_may_answer_its_exit_code() -> None:
    @click.command("act")
    def act() -> int:
        return 3

    assert invoke("act", group=group_of(act)).exit_code == 3


def test_a_bug_is_one_line_and_its_traceback_is_in_the_log(tmp_path: Path) -> None:
    answer = invoke("act", group=failing(ZeroDivisionError("oh")))
    log = tmp_path / "data" / "logs" / "jeeves-runner.log"
    assert answer.exit_code == 70
    assert answer.stderr.splitlines()[0] == "jeeves-runner: error: unexpected ZeroDivisionError: oh"
    assert str(log) in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "ZeroDivisionError: oh" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "has no room for this now: Too many open files"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "has no room for this now: Cannot allocate memory"),
        (MemoryError(), "there is not enough memory"),
        (RuntimeError("can't start new thread"), "there can be no more threads"),
    ],
    ids=repr,
)
def test_a_shortage_is_no_bug(tmp_path: Path, error: Exception, said: str) -> None:
    answer = invoke("act", group=failing(error))
    assert answer.exit_code == 2
    assert said in answer.stderr
    assert "bug" not in answer.stderr
    assert not (tmp_path / "data").exists()


def test_without_a_usable_log_a_traceback_goes_to_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("a file where a folder should be", encoding="utf-8")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer = invoke("act", group=failing(ZeroDivisionError("oh")))
    assert answer.exit_code == 70
    assert "Traceback" not in answer.stderr
    (log,) = tmp_path.glob("jeeves-runner-*.log")
    assert answer.stderr.splitlines()[-1] == f"hint: this is a bug; the traceback is in {log}"
    assert "ZeroDivisionError: oh" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("plant", ["link", "another name", "link of the folder"])
def test_a_traceback_is_not_written_into_what_a_script_has_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: str
) -> None:
    log = tmp_path / "data" / "logs" / "jeeves-runner.log"
    precious = tmp_path / "other" / log.name
    precious.parent.mkdir()
    precious.write_text("precious")
    log.parent.mkdir(parents=True)
    match plant:
        case "link":
            log.symlink_to(precious)
        case "another name":
            log.hardlink_to(precious)
        case _:
            log.parent.rmdir()
            log.parent.symlink_to(precious.parent)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert invoke("act", group=failing(ZeroDivisionError("oh"))).exit_code == 70
    assert precious.read_text() == "precious"
    (elsewhere,) = tmp_path.glob("jeeves-runner-*.log")
    assert "ZeroDivisionError: oh" in elsewhere.read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["--json", "act"], ["act", "--json"], ["--json", "act", "--json"]])
def test_json_may_stand_before_or_after_the_command(words: list[str]) -> None:
    @click.command("act")
    @json_option
    @pass_app
    def act(app: App) -> None:
        app.print_json({"json": app.json})

    assert json.loads(invoke(*words, group=group_of(act)).output) == {"json": True}


def test_colour_needs_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert App().color
    monkeypatch.setenv("NO_COLOR", "1")
    assert not App().color
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not App().color
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert not App().color


def test_a_missing_config_file_is_named(tmp_path: Path) -> None:
    answer = invoke("-c", "nowhere.yaml", "validate")
    assert answer.exit_code == 2
    assert "nowhere.yaml" in answer.stderr


def test_an_interrupt_while_the_program_loads_is_quiet() -> None:
    interrupted = """
import sys
from jeeves_runner import __main__

class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "jeeves_runner.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
__main__.main()
"""
    done = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_program_is_the_guarded_entry() -> None:
    (script,) = entry_points(group="console_scripts", name="jeeves-runner")
    assert script.value == "jeeves_runner.__main__:main"
