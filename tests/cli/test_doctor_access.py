"""``doctor`` on who is let in."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.cli import Shell

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.durations import End
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.config.write_text("timezone: UTC\nport: 0\n")
    return shell


def findings(shell: Shell) -> list[tuple[str, str]]:
    answer = json.loads(shell.run("doctor", "--json").stdout)
    return [(each["level"], each["message"]) for each in answer["findings"] if each["subject"] == "access"]


def make(shell: Shell, name: str, days: int | None) -> None:
    ledger = shell.ledger
    until = None if days is None else End(ledger.now + timedelta(days=days))
    with ledger.tx() as tx:
        tokens.create(tx, name, TokenRole.READ, until=until, by=Actor("cli"))


def test_without_tokens_the_machine_alone_gets_in(shell: Shell) -> None:
    assert findings(shell) == [("ok", "127.0.0.1 lets in this machine alone")]


def test_tokens_that_have_expired_or_soon_do_are_told(shell: Shell) -> None:
    for name, days in (("gone", -1), ("later", 20), ("lasts", None), ("soon", 13)):
        make(shell, name, days)
    assert findings(shell) == [
        ("warning", "the token gone has expired"),
        ("warning", "the token soon expires in 13d"),
        ("ok", "127.0.0.1 lets in this machine, and 3 tokens"),
    ]


def test_beyond_this_machine_it_takes_a_token_and_tls(shell: Shell) -> None:
    shell.config.write_text("timezone: UTC\nport: 0\nhost: 0.0.0.0\n")
    assert findings(shell) == [
        ("error", "host 0.0.0.0 takes a token, and there is none: the server does not start")
    ]
    make(shell, "ci", None)
    assert [level for level, _ in findings(shell)] == ["warning"]
