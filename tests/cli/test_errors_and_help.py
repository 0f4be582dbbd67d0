"""What is said of words that are not understood, with ``--json`` too; and the examples in each help."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from support.cli import Shell

from jeeves_runner.cli import other_words
from jeeves_runner.cli.context import App
from jeeves_runner.cli.examples import EXAMPLES
from jeeves_runner.cli.main import main


def invoke(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="jeeves-runner")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", [("--json", "job", "a"), ("job", "a", "--json")])
def test_with_json_an_error_is_the_object_that_http_answers(words: tuple[str, ...], tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    answer = shell.run(*words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert json.loads(answer.stderr) == {
        "type": "urn:jeeves-runner:problem:not_found",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no job a",
        "error": "there is no job a",
        "hint": "`jeeves-runner jobs` lists what there is",
    }


@pytest.mark.parametrize("words", ["--json nope", "runs --limit x --json", "runs --json --bogus"])
def test_with_json_words_that_cannot_be_read_are_told_so_too(words: str) -> None:
    answer = invoke(*words.split())
    assert answer.exit_code == 64
    assert json.loads(answer.stderr)["type"] == "urn:jeeves-runner:problem:usage"


@pytest.mark.parametrize("words", ["--json logs 1", "--json serve"])
def test_a_command_that_takes_no_json_says_so_in_json(words: str) -> None:
    answer = invoke(*words.split())
    assert answer.exit_code == 64
    assert json.loads(answer.stderr)["detail"] == f"'{words.split()[1]}' takes no --json."


def test_what_follows_two_dashes_is_no_option() -> None:
    assert invoke("nope", "--", "--json").stderr.startswith("jeeves-runner: error: No such command")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("list", "`jobs` lists the jobs"),
        ("stop", "`cancel JOB` ends its run"),
        ("rerun", "`trigger JOB` runs a job again"),
        ("enable", "`resume JOB` ends a pause"),
        ("disable", "`pause JOB` until it is resumed"),
        ("plan", "`diff` shows what an apply would change"),
        ("PS", "`status` shows what runs now"),
        ("unpause", "`resume JOB` ends a pause"),
        ("top", "`status --watch` shows what runs"),
        ("ui", "`serve` answers browsers too"),
        ("queue pop", "`queue claim` takes items"),
        ("queue ack", "`queue complete` answers a claim"),
        ("state put", "`state set` stores a value"),
        ("token new", "`token create` makes one"),
        ("config get", "`config show` prints every setting"),
    ],
)
def test_a_command_of_other_programs_is_answered_with_ours(word: str, hint: str) -> None:
    answer = invoke(*word.split())
    assert answer.exit_code == 64
    assert f"No such command '{word.rsplit(maxsplit=1)[-1]}'" in answer.stderr
    assert f"hint: {hint}" in answer.stderr


def test_no_hint_names_what_there_is_not() -> None:
    every = dict(_commands(main, ""))
    hints = {"": other_words.HINTS} | {f"{group} ": words for group, words in other_words.OF_GROUPS.items()}
    for group, words in hints.items():
        assert not [word for word in words if group + word in every]
        for hint in words.values():
            for quoted in re.findall("`([a-z][^`A-Z]*[a-z])", hint):
                name = quoted.split(" -", 1)[0]
                assert name in every or quoted.startswith(("git", "enabled")), quoted


def test_what_may_stand_for_a_word_that_is_missing_is_told_on_one_line() -> None:
    answer = invoke("completion")
    assert answer.exit_code == 64
    told = "Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish"
    assert answer.stderr.splitlines()[0] == f"jeeves-runner: error: {told}"


def test_the_times_of_examples_are_those_that_commands_take(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for line in (line for lines in EXAMPLES.values() for line in lines):
        if line.startswith(("runs ", "audit ", "next ", "why ")):
            assert shell.run(*shlex.split(line)).exit_code != 64, line


def test_every_command_has_examples_that_it_can_read() -> None:
    every = dict(_commands(main, ""))
    assert EXAMPLES.keys() == every.keys()
    for name, lines in EXAMPLES.items():
        for line in lines:
            assert f"{line} ".startswith(f"{name} "), line
            words = shlex.split(line)
            command: click.Command = main
            while isinstance(command, click.Group) and words and not words[0].startswith("-"):
                found = command.get_command(click.Context(command), words.pop(0))
                assert found is not None
                command = found
            command.make_context("it", words, obj=App()).close()
        shown = invoke(*name.split(), "--help").output
        assert f"  jeeves-runner {lines[0]}\n" in shown
        assert "<=x" not in shown


def _commands(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield before + name, command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")


@pytest.mark.parametrize(
    ("manifest", "hint"),
    [
        ("timeout: 5\nrun: x\n", "a.yaml declares it and is not valid: line 1: `timeout` must be a duration"),
        ("jobs:\n  - {id: a, run: x, cron: y}\n", "declares it and is not valid: line 2: unknown key `cron`"),
        ("run: [\n", "jobs.d/a.yaml may declare it and is not valid: line 2: YAML cannot be read here"),
        ("run: x\ntimeout: 1m\n", "jobs.d/a.yaml:1 declares it, and is not applied: `jeeves-runner apply`"),
        ("id: other\nrun: x\n", "`jeeves-runner jobs` lists what there is"),
    ],
)
def test_an_unknown_job_is_told_by_the_manifest_that_has_it(tmp_path: Path, manifest: str, hint: str) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_text(manifest)
    for words in (("job", "a"), ("trigger", "a"), ("why", "a"), ("pause", "a")):
        answer = shell.run(*words)
        assert "there is no job a" in answer.stderr
        assert hint in answer.stderr


def test_an_unknown_queue_is_told_by_the_manifest_that_has_it(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "q.yaml").write_text("queues:\n  - {id: mail, lease: soon}\n")
    for words in (("queue", "status", "mail"), ("queue", "pause", "mail"), ("queue", "peek", "mail")):
        answer = shell.run(*words)
        assert "there is no queue mail" in answer.stderr
        assert (
            "jobs.d/q.yaml declares it and is not valid: line 2: `lease` must be a duration" in answer.stderr
        )


@pytest.mark.parametrize(
    "command",
    [
        "status", "jobs", "runs", "validate", "validate --staged", "diff", "diff --against empty",
        "diff --against HEAD", "diff --staged", "apply", "add-job a --run x", "job a --explain", "serve",
        "token create a",
    ],
)  # fmt: skip
def test_outside_of_a_project_its_config_is_named_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = invoke(*command.split())
    assert answer.exit_code == 2
    assert "there is no jeeves-runner.yaml in" in answer.stderr
    assert "name its config with --config, or make one with `init`" in answer.stderr
    assert "database" not in answer.stderr
    assert list(tmp_path.iterdir()) == []
