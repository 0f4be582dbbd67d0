"""Tokens as rows: their names, their ends, and what is kept of them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from support.ledger import Ledger

from jeeves_runner.core.api_tokens import TokenRole, digest
from jeeves_runner.core.durations import End
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens
from jeeves_runner.errors import Conflict, InvalidValue, NotFound

ME: Final = Actor("cli", "me")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    yield made
    made.conn.close()


def token(ledger: Ledger, role: TokenRole, name: str = "ci", *, until: End | None = None) -> str:
    with ledger.tx() as tx:
        return tokens.create(tx, name, role, until=until, by=ME)


def test_the_end_of_a_token_lies_no_further_than_its_length_whatever_the_clock_was(ledger: Ledger) -> None:
    """As long as no server has put it right."""
    ledger.clock.time += timedelta(days=100)
    made = token(ledger, TokenRole.READ, until=End(ledger.now + timedelta(days=1), 86_400_000))
    ledger.clock.time -= timedelta(days=100)
    (row,) = tokens.tokens(ledger.conn, ledger.now)
    assert row.expires_at is not None
    assert row.expires_at[:10] == str((ledger.now + timedelta(days=1)).date())
    assert tokens.holder_of_token(ledger.conn, ledger.now, made) is not None


def test_nothing_kept_can_be_shown_for_a_token(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.OPERATE)
    dump = "".join(map(str, ledger.conn.execute("SELECT * FROM tokens").fetchall()))
    assert made not in dump
    assert made[3:] not in dump
    assert digest(made) in dump


def test_names_are_names_and_only_one_token_has_each(ledger: Ledger) -> None:
    token(ledger, TokenRole.READ, "ci")
    with pytest.raises(Conflict, match="there is a token ci already"):
        token(ledger, TokenRole.READ, "ci")
    for name in ("", "a b", "-x", "é", "x" * 65, "a\n"):
        with pytest.raises(InvalidValue, match="cannot be the name of a token"):
            token(ledger, TokenRole.READ, name)
    with ledger.tx() as tx, pytest.raises(NotFound, match="there is no token x"):
        tokens.revoke(tx, "x", by=ME)
    with ledger.tx() as tx:
        tokens.revoke(tx, "ci", by=ME)
    token(ledger, TokenRole.READ, "ci")
