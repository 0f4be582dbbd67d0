"""Whatever people, scripts and other programs wrote: no command lets it steer a terminal or begin a line.

The commands are those of the command table; the texts stand in the columns of the database, in manifests and
their names, in the output of runs and in the words of the command line.
"""

import re
from pathlib import Path

import apsw
import click
import pytest
from click.testing import Result
from docs.test_commands import COMMANDS
from support.cli import Shell
from support.logs import log_file

from jeeves_runner.cli.commands import SECTIONS
from jeeves_runner.cli.context import App

HOSTILE = "\x1b]0;t\x07\x1b[95m\x9b2J\u202e\x7f\u2028\n::error::x\r##[error]y\tend"
COMMAND = " ::error::x"
"""GitHub takes such a line for a command of the program that prints it."""
OWN_COLOUR = re.compile(r"\x1b\[(0|1|2|3[1-6])m")

WORDS = {
    "what": "stale",
    "job_id": "a",
    "job_ids": "a",
    "queue_id": "a",
    "namespace": "a",
    "key": "a",
    "folder": "new",
    "file": "backup.tar",
    "word": "2",
    "item_id": "1",
    "item_ids": "1",
    "revision": "1",
    "backfill_id": "1",
    "payloads": "1",
    "value": "1",
    "token": "none",
    "name": "a",
    "error": "none",
    "shell": "bash",
    "channel": "a",
    "when": "2026-03-01",
    "words": "a",
}
"""By the name of an argument, a word that leads to something."""

SERVED = "serve"
"""It does not end, and prints by the log, which has tests of its own."""

LOOKS = [listed.name for listed in SECTIONS["Looking"] if listed.name not in ("logs", "alerts")]
LOOKS += [
    "alerts list",
    "backfill list",
    "state list",
    "state get",
    "queue list",
    "queue peek",
    "queue item",
    "queue status",
]
TABLES = (
    *("jobs", "queues", "manifest_files", "held", "source", "revisions"),
    *("runs", "runner", "overrides", "state", "state_items", "queue_items"),
    *("incidents", "outbox", "nodes", "edges", "backfills"),
)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A project with such a text wherever one may be anything."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path)
    ledger = shell.ledger
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / f"{HOSTILE}.yaml").write_text('id: b\nrun: "true"\n"x\\e[95m\\n::error::": 1\n')
    (tmp_path / "jobs.d" / "c.yaml").write_text('id: c\ntimeout: 1m\nrun: "\\e[95m"\nname: "\\e[95m\\n::"\n')
    ledger.add_job(
        "a", name=HOSTILE, description=HOSTILE, owner=HOSTILE, tags=(HOSTILE,), reads=("source:a",)
    )
    ledger.declare_queue("a")
    for status in ("ok", "error", "skipped", "running", "scheduled"):
        ledger.add_run("a", status, message=HOSTILE, stdout=HOSTILE, stderr=HOSTILE)
    log_file(tmp_path / "data", 2).write_text(HOSTILE)
    ledger.pause("a", reason=HOSTILE)
    ledger.hold("a", HOSTILE)
    at = "2026-03-01T12:00:00.000Z"
    ledger.add_node("source:a", expires=HOSTILE)
    ledger._insert("state", namespace="a", key="a", value='"\u202e"', updated_at=at)
    ledger._insert("state_items", namespace="a", key="a", item_key=HOSTILE, value='"\x9b"', updated_at=at)
    ledger.add_backfill("a", message=HOSTILE)
    ledger._insert("incidents", cause="failure", job_id="a", opened_at=at, count=1, run_id=2)
    ledger._insert(
        "outbox", channel=HOSTILE, said="opened", job_id="a", created_at=at, error=HOSTILE, tries=1
    )
    waits = {"status": "pending", "created_at": at, "ready_at": at, "max_attempts": 3}
    ledger._insert("queue_items", queue_id="a", payload='{"\u202e": "\x9b"}', error=HOSTILE, **waits)
    return shell


def call(shell: Shell, name: str, *more: str, instead: dict[str, str] | None = None) -> Result:
    """A command with a word for each of its arguments."""
    given = WORDS | (instead or {})
    arguments = [
        given[str(param.name)] for param in COMMANDS[name].params if isinstance(param, click.Argument)
    ]
    return shell.run(*name.split(), *more, "--", *arguments)


def check(result: Result) -> None:
    """It prints what can be printed, in the styles of the program, and begins no line as a text wants it."""
    assert "\x1b[95m" not in result.output
    for line in result.output.split("\n"):
        assert OWN_COLOUR.sub("", line).isprintable(), line
        assert not OWN_COLOUR.sub("", line).lstrip().startswith("::error")


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in (SERVED, "logs")])
def test_no_command_prints_what_steers(
    shell: Shell, name: str, color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(App, "color", color)
    options = [param.opts for param in COMMANDS[name].params if isinstance(param, click.Option)]
    if ["--json"] in options:
        check(call(shell, name, "--json"))
    check(call(shell, name))
    for param in COMMANDS[name].params:
        if isinstance(param, click.Argument):
            check(call(shell, name, instead={str(param.name): HOSTILE}))
        elif isinstance(param, click.Option) and not param.is_flag:
            check(call(shell, name, f"{param.opts[-1]}={HOSTILE}"))


@pytest.mark.parametrize("job", ["a", "b", "c"])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_nor_does_where_values_come_from(shell: Shell, job: str, more: tuple[str, ...]) -> None:
    check(shell.run("job", job, "--explain", *more))


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_nor_does_what_runs_did(shell: Shell, more: tuple[str, ...]) -> None:
    shell.ledger._insert("effects", run_id=2, act="wrote", target=HOSTILE, count=1)
    shell.ledger.conn.execute("UPDATE queue_items SET producer_run = 2")
    check(shell.run("run", "2", "--lineage", *more))


@pytest.mark.service  # every command, with every column: a minute
@pytest.mark.parametrize("table", TABLES)
def test_nor_does_any_from_a_column(shell: Shell, table: str) -> None:
    """Each in its turn, as far as the database takes such a text there."""
    conn = shell.ledger.conn
    conn.execute("PRAGMA foreign_keys=OFF")
    columns = conn.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    names = ", ".join(f'"{name}"' for name, _ in columns)
    conn.execute(f"CREATE TEMP TABLE before AS SELECT {names} FROM {table}")
    for column in (name for name, kind in columns if kind == "TEXT"):
        for text in (HOSTILE, COMMAND, '{"\u202e": "\x9b"}', '["\u202e\x9b"]'):
            try:
                conn.execute(f'UPDATE {table} SET "{column}" = ?', (text,))
            except apsw.Error:
                continue
            for name in LOOKS:
                check(call(shell, name))
            for form in ("mermaid", "dot"):
                check(shell.run("graph", "--format", form))
        conn.execute(f"REPLACE INTO {table} ({names}) SELECT {names} FROM before")


def test_a_manifest_begins_no_line_with_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, where manifests lie in the project root."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path)
    shell.config.write_text("jobs_dir: .\n")
    (tmp_path / f"{COMMAND}.yaml").write_text("foo: 1\n")
    for command in ("validate", "diff", "apply", "apply --keep-going"):
        result = shell.run(*command.split())
        check(result)
        assert r"\x3a:error::x.yaml:1:1: error: " in result.output


def test_validate_gives_github_its_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_text('id: a\nrun: "x"\n"b\\n::error::": 1\ntimeout: 1m\n')
    lines = Shell(tmp_path).run("validate", "--format", "github").stdout.splitlines()
    assert [line for line in lines if line.lstrip().startswith("::")] == lines[:1]
    assert lines[0].startswith("::error file=jobs.d/a.yaml,line=3,col=1::unknown key")
