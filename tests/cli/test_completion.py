"""What Tab offers, asked as a shell does."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from support.cli import Shell
from support.docs import ROOT

from jeeves_runner.cli.commands import LISTED
from jeeves_runner.cli.context import App
from jeeves_runner.cli.main import main
from jeeves_runner.client import Client


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def offered(shell: Shell, line: str, *, by_option: bool = False) -> list[str]:
    """What may stand at the end of a line."""
    words = line.split(" ")
    given = ["--config", str(shell.config)] if by_option else []
    app = App(config_path=None if by_option else shell.config, clock=shell.ledger.clock)
    asked = ShellComplete(main, {"obj": app}, "jeeves-runner", "_JEEVES_RUNNER_COMPLETE")
    return [item.value for item in asked.get_completions([*given, *words[:-1]], words[-1])]


@pytest.mark.parametrize(
    "command", ["job", "trigger", "pause", "resume", "mute", "runs", "next", "runs --limit 3"]
)
def test_a_job_is_offered_by_its_id(shell: Shell, command: str) -> None:
    for job in ("backup", "back-office", "report", "gone"):
        shell.ledger.add_job(job)
    shell.ledger.delete_job("gone")
    assert offered(shell, f"{command} ") == ["back-office", "backup", "report"]
    assert offered(shell, f"{command} back") == ["back-office", "backup"]
    assert offered(shell, f"{command} x") == []


def test_a_run_is_offered_newest_first_and_to_cancel_while_it_is_active(shell: Shell) -> None:
    shell.ledger.add_job("a")
    ended = shell.ledger.add_run("a")
    waiting = shell.ledger.add_run("a", "scheduled")
    running = shell.ledger.add_run("a", "running")
    for command in ("run", "logs", "logs -f"):
        assert offered(shell, f"{command} ") == ["a", str(running), str(waiting), str(ended)]
    assert offered(shell, "cancel ") == [str(running), str(waiting), "a"]


def test_queues_and_namespaces_are_offered(shell: Shell) -> None:
    with Client(shell.ledger.path, clock=shell.ledger.clock) as client:
        client.enqueue("mail", 1)
        client.set_state("notes", "cursor", 1)
    for command in ("status", "peek", "push", "claim"):
        assert offered(shell, f"queue {command} m") == ["mail"]
    for command in ("get", "set", "delete"):
        assert offered(shell, f"state {command} ") == ["notes"]


def test_channels_of_jobs_and_of_the_config_are_offered(shell: Shell) -> None:
    webhook = "{ops: {url: 'http://127.0.0.1:9'}}"
    shell.config.write_text(
        f"notifications: {{slack: {{}}, default_on_failure: C0000001, webhooks: {webhook}}}\n"
    )
    shell.ledger.add_job("a", on_failure=("email:a@example.org",))
    assert offered(shell, "alerts test ") == ["C0000001", "email:a@example.org", "webhook:ops"]
    assert offered(shell, "alerts test web") == ["webhook:ops"]
    assert offered(shell, "alerts ") == ["list", "test"]


def test_a_word_a_shell_would_take_apart_is_not_offered(shell: Shell) -> None:
    with Client(shell.ledger.path, clock=shell.ledger.clock) as client:
        for namespace in ("plain", "two words", "$(reboot)", "line\nbreak"):
            client.set_state(namespace, "key", 1)
    assert offered(shell, "state get ") == ["plain"]


def test_a_note_cannot_steer_the_terminal(shell: Shell) -> None:
    shell.ledger.conn.execute("PRAGMA foreign_keys=OFF")
    shell.ledger.add_run("\x1b[2J\n")
    asked = ShellComplete(main, {"obj": App(config_path=shell.config)}, "jeeves-runner", "_")
    assert [item.help for item in asked.get_completions(["run"], "")] == [r"\x1b[2J\n, ok"]


def test_the_config_named_on_the_line_counts(shell: Shell) -> None:
    shell.ledger.add_job("backup")
    assert offered(shell, "job ", by_option=True) == ["backup"]


@pytest.mark.parametrize(
    "config", ["db_path: none.sqlite\n", "port: high\n", "db_path: jeeves-runner.yaml\n"]
)
def test_without_a_database_nothing_is_offered_and_nothing_said(
    shell: Shell, config: str, capfd: pytest.CaptureFixture[str]
) -> None:
    shell.config.write_text(config)
    for command in ("job", "run", "queue peek", "state get"):
        assert offered(shell, f"{command} ") == []
    assert capfd.readouterr() == ("", "")


def test_commands_are_offered_with_their_line_and_none_is_loaded_for_it(shell: Shell) -> None:
    """Importing all commands takes half a second."""
    program = (
        "import atexit, sys, jeeves_runner.cli.main as cli\n"
        "loaded = lambda: [name for name in sys.modules if name.startswith('jeeves_runner.cli.commands.')]\n"
        "atexit.register(lambda: print('loaded:', loaded()))\n"
        "cli.main(prog_name='jeeves-runner')"
    )
    answer = tabbed(shell, "zsh", "jeeves-runner ", program)
    offers, _, loaded = answer.partition("loaded: ")
    assert offers.splitlines()[:3] == ["plain", "init", LISTED["init"].summary]
    assert offers.count("plain\n") == len(LISTED)
    assert loaded == "[]\n"


def test_tab_loads_little_to_know_the_words_of_a_command() -> None:
    heavy = (
        *("aiohttp", "asyncio", "croniter", "rich", "urllib.request", "jsonschema_rs"),
        *(f"jeeves_runner.{room}" for room in ("client", "reconcile", "runs", "service", "views")),
    )
    names = {listed.place.split(":")[0] for listed in LISTED.values()} - {"config", "status"}
    program = (
        f"import sys, {', '.join(f'jeeves_runner.cli.commands.{name}' for name in sorted(names))}\n"
        f"print(*sorted(set(sys.modules) & set({heavy})))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []


def test_a_mistyped_command_on_the_line_is_no_error_yet(shell: Shell) -> None:
    assert offered(shell, "nothing sta") == ["status", "state"]


def test_a_shell_gets_them_through_the_program(shell: Shell) -> None:
    shell.ledger.add_job("backup")
    assert tabbed(shell, "bash", "jeeves-runner job b") == "plain,backup\n"


def tabbed(
    shell: Shell,
    kind: str,
    line: str,
    program: str = "from jeeves_runner.cli.main import main; main(prog_name='jeeves-runner')",
) -> str:
    """What a shell of this kind reads when Tab is pressed at the end of a line."""
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shell.folder,
        env={
            **os.environ,
            "_JEEVES_RUNNER_COMPLETE": f"{kind}_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.stderr == ""
    return answer.stdout


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_a_shell_gets_what_it_reads_by_a_command(kind: str) -> None:
    printed = CliRunner().invoke(main, ["completion", kind])
    assert printed.exit_code == 0
    assert printed.output.replace("split --max 1", "split") == tabbed_source(kind)


def test_a_note_with_a_comma_is_whole_in_fish() -> None:
    printed = CliRunner().invoke(main, ["completion", "fish"]).output
    assert [line for line in printed.splitlines() if "split" in line] == [
        '        set -l metadata (string split --max 1 "," $completion);'
    ]


def test_bash_completes_by_what_the_command_prints(shell: Shell) -> None:
    """The functions of bash, in a bash: what Tab would find for half a word."""
    program = shell.folder / "jeeves-runner"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m jeeves_runner "$@"\n')
    program.chmod(0o755)
    script = """
    eval "$(jeeves-runner completion bash)"
    COMP_WORDS=(jeeves-runner complet) COMP_CWORD=1
    $(complete -p jeeves-runner | sed 's/.*-F \\([^ ]*\\).*/\\1/') jeeves-runner
    echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{shell.folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("completion\n", "")


def test_another_shell_is_refused_with_those_there_are() -> None:
    refused = CliRunner().invoke(main, ["completion", "csh"])
    assert refused.exit_code == 64
    assert "'bash', 'zsh', 'fish'" in refused.stderr


def tabbed_source(kind: str) -> str:
    """What click prints for a shell that asks by the variable."""
    return (
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from jeeves_runner.cli.main import main; main(prog_name='jeeves-runner')",
            ],
            env={**os.environ, "_JEEVES_RUNNER_COMPLETE": f"{kind}_source"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.rstrip("\n")
        + "\n"
    )
