"""What is carried out without the command line prints what the command line would."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from support.server import command, database, new_project, serving

from jeeves_runner.client import Client

HARD: Final[Mapping[str, object]] = {"text": "ä ::error:: \x1b[31m", "list": [1, None, {"a": []}]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with state and a queue."""
    root = new_project(tmp_path_factory.mktemp("quick"))
    (root / "jobs.d/mail.yaml").write_text("queues: [{id: mail, dedup: {key: $.to}}]\n")
    assert command(root, "apply").returncode == 0
    with Client(database(root)) as jr:
        jr.set_state("ns", "number", 1)
        jr.set_state("ns", "hard", HARD)
        jr.set_state("ns", "lines", "one\ntwo")
        jr.set_state("ns", "items", 1)
        jr.set_item("ns", "items", "a", 2)
    return root


def quick(root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program, which is told not to load click."""
    program = "import sys; sys.modules['click'] = None; from jeeves_runner.__main__ import main; main()"
    environment: Mapping[str, str] = {"PATH": "/bin", **variables}
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=root, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("key", ["number", "hard", "lines"])
def test_a_value_is_printed_as_by_the_command_line(root: Path, key: str) -> None:
    done = quick(root, "state", "get", "ns", key, PYTHONUTF8="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == command(root, "state", "get", "ns", key).stdout


def test_an_item_is_added_as_by_the_command_line(root: Path) -> None:
    first = quick(root, "queue", "push", "mail", '{"to": "Ada"}')
    assert (first.stdout, first.stderr) == ("Added as item 1.\n", "")
    assert quick(root, "queue", "push", "mail", '{"to": "Ada"}').stdout == "Duplicate: not added.\n"
    assert command(root, "queue", "push", "mail", '{"to": "Ada"}').stdout == "Duplicate: not added.\n"


def test_within_a_run_no_config_is_read(root: Path, tmp_path: Path) -> None:
    done = quick(tmp_path, "state", "get", "ns", "number", JR_DB_PATH=str(database(root)))
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_the_status_is_that_of_the_server(root: Path) -> None:
    with serving(root) as server:
        done = quick(root, "status", "--json")
        assert done.stdout.startswith('{"name": "jeeves-runner"'), done.stderr
        shown = command(root, "status", "--json").stdout
        assert '"status": "running"' in done.stdout
        assert shown.partition('"uptime_ms"')[0] == done.stdout.partition('"uptime_ms"')[0]
        assert server.get("/status")["attention"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("state", "get", "ns", "none"),
        ("state", "get", "ns", "items"),
        ("state", "get", "ns"),
        ("state", "get", "ns", "--json"),
        ("queue", "push", "mail", "no json"),
        ("queue", "push", "mail", "-"),
        ("status",),
        ("status", "--json"),
    ],
)
def test_all_else_is_left_to_the_command_line(root: Path, words: tuple[str, ...]) -> None:
    done = quick(root, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "import of click halted" in done.stderr


def test_what_is_refused_is_told_as_by_the_command_line(root: Path) -> None:
    program = [sys.executable, "-m", "jeeves_runner", "queue", "push", "no queue!", "1"]
    done = subprocess.run(program, cwd=root, capture_output=True, text=True, check=False)
    told = command(root, "queue", "push", "no queue!", "1")
    assert (done.returncode, done.stdout, done.stderr) == (told.returncode, "", told.stderr)
