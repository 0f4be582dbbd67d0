"""Each command that acts is in the audit: who, what, on what, and from where."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from support.cli import Shell
from support.queues import push

from jeeves_runner.access import user_name
from jeeves_runner.cli.commands import alerts
from jeeves_runner.cli.main import main as cli

ACTS: Final = {
    "apply --allow-delete queue:mail": ("apply", "revision 2"),
    "trigger backup": ("run", "job backup"),
    "cancel 2": ("cancel", "run 2"),
    "backfill run backup --from 2026-02-20 --to 2026-02-25 --no-wait": ("backfill", "backfill 2"),
    "backfill cancel 1": ("cancel", "backfill 1"),
    "pause backup": ("pause", "job backup"),
    "pause --all": ("pause", "all jobs"),
    "resume backup": ("resume", "job backup"),
    "skip backup": ("skip", "job backup"),
    "unskip backup": ("unskip", "job backup"),
    "mute backup --for 1h": ("mute", "job backup"),
    "unmute backup": ("unmute", "job backup"),
    "token create ci": ("create token", "token ci"),
    "token revoke old": ("revoke token", "token old"),
    "alerts test webhook:ops": ("test", "channel webhook:ops"),
    "queue pause mail": ("pause", "queue mail"),
    "queue resume mail": ("resume", "queue mail"),
    "queue purge mail --pending --yes": ("purge", "queue mail"),
    "queue retry 2": ("retry", "queue mail"),
    "queue delete 2": ("delete", "queue mail"),
}
"""Commands that act, and what the audit says of each."""

DATA: Final = {
    *("state set", "state delete", "queue push", "queue claim", "queue complete", "queue fail", "queue work"),
}
"""Those that write data of scripts: as over HTTP, the audit leaves them out."""

OTHER: Final = {
    *("init", "add-job"),  # they write files
    "serve",  # its runner says for itself what it does
    "completion",  # it prints a text of its own
    "restore",  # no server may run meanwhile: it is in the audit of what is restored
}

LOOKS: Final = {
    *("validate", "diff", "config show", "config validate", "status", "alerts list", "doctor", "jobs", "job"),
    *("runs", "run", "logs", "history", "audit", "graph", "next", "simulate", "why"),
    *("backfill list", "token list", "state get", "state list"),
    "backup",
    *("queue list", "queue status", "queue peek", "queue item"),
}


def commands() -> Iterator[str]:
    """All there are, without their groups."""
    yield from _below(cli, "")


def _below(group: click.Group, before: str) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        words = f"{before} {name}".strip()
        if isinstance(command, click.Group):
            yield from _below(command, words)
        else:
            yield words


def test_of_each_command_it_is_known_whether_it_is_in_the_audit() -> None:
    found = set(commands())
    acting = {words for words in found if any(f"{each} ".startswith(f"{words} ") for each in ACTS)}
    assert found - acting == DATA | OTHER | LOOKS
    assert not acting & (DATA | OTHER | LOOKS)


@pytest.fixture
def filled(tmp_path: Path) -> Shell:
    """A project with one of each thing, in the middle of everything."""
    shell = Shell(tmp_path)
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "other.yaml").write_text("id: other\nrun: 'true'\n")
    shell.config.write_text("timezone: UTC\nnotifications: {webhooks: {ops: {url: 'http://127.0.0.1:1'}}}\n")
    ledger = shell.ledger
    ledger.add_job("backup", schedule=("0 3 * * *",))
    ledger.add_run("backup")
    ledger.add_run("backup", "scheduled")
    ledger.add_backfill("backup", status="active")
    ledger.declare_queue("mail")
    push(ledger, {"to": "Ada"}, {"to": "Bob"})
    ledger.conn.execute(
        "UPDATE queue_items SET status = 'failed', completed_at = '2026-03-01T12:00:00.000Z' WHERE id = 2"
    )
    for words in BEFORE:
        assert shell.run(*words.split()).exit_code == 0, words
    with ledger.tx() as tx:
        tx.conn.execute("DELETE FROM audit")
    return shell


BEFORE: Final = ("token create old", "skip backup 2026-03-05T03:00")


@pytest.mark.parametrize(("words", "told"), ACTS.items(), ids=str)
def test_a_command_that_acts_is_in_the_audit(
    filled: Shell, words: str, told: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_PATIENCE", 0.0)
    with filled.server():
        result = filled.run(*words.split())
    rows = filled.ledger.conn.execute("SELECT actor, action, target, origin, answer FROM audit").fetchall()
    assert rows == [("cli", *told, user_name(os.getuid()), None)], result.output
