"""Tokens that are known from the request before count no longer than those that are looked for."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from support.api import Api, with_api
from support.clock import HandClock
from support.ledger import Ledger

from jeeves_runner.api.commits import Commits
from jeeves_runner.api.known_tokens import KnownTokens
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.durations import End
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens
from jeeves_runner.db.connection import connect

ME: Final = Actor("cli", "me")


class Known(NamedTuple):
    """A server's tokens, and a database that other processes write."""

    ledger: Ledger
    known: KnownTokens
    commits: Commits
    read: list[str]
    """The statements that read the table."""

    @property
    def clock(self) -> HandClock:
        return self.ledger.clock

    def name_of(self, token: str) -> str | None:
        """Who a request that comes now is let in as."""
        holder = self.known.holder_of(token, self.commits.looks)
        return None if holder is None else holder.name


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Known]:
    ledger, read = Ledger(tmp_path / "runner.sqlite"), list[str]()
    with closing(connect(ledger.path)) as conn:

        def note(_cursor: object, sql: str, _bindings: object) -> bool:
            read.extend([sql] if "FROM tokens" in sql else [])
            return True

        conn.exec_trace = note
        commits = Commits(conn)
        yield Known(ledger, KnownTokens(conn, ledger.clock, commits), commits, read)


def made(ledger: Ledger, name: str = "ci", lasts: timedelta | None = None) -> str:
    until = None if lasts is None else End(ledger.now + lasts, lasts // timedelta(milliseconds=1))
    with ledger.tx() as tx:
        return tokens.create(tx, name, TokenRole.READ, until=until, by=ME)


def test_a_token_is_looked_for_once_while_nothing_is_committed(known: Known) -> None:
    token = made(known.ledger)
    assert [known.name_of(token) for _ in range(5)] == ["ci"] * 5
    assert len(known.read) == 1


def test_a_token_that_is_known_is_revoked_at_once(known: Known) -> None:
    token, other = made(known.ledger), made(known.ledger, "other")
    assert [known.name_of(each) for each in (token, other)] == ["ci", "other"]
    with known.ledger.tx() as tx:
        tokens.revoke(tx, "ci", by=ME)
    assert [known.name_of(each) for each in (token, other)] == [None, "other"]


def test_a_token_that_is_known_expires_to_the_millisecond(known: Known) -> None:
    token = made(known.ledger, lasts=timedelta(seconds=7))
    assert known.name_of(token) == "ci"
    known.clock.advance(seconds=6.999)
    assert known.name_of(token) == "ci"
    known.clock.advance(seconds=0.001)
    assert known.name_of(token) is None


def test_a_token_is_looked_for_anew_where_the_clock_was_set_back(known: Known) -> None:
    token = made(known.ledger, lasts=timedelta(seconds=7))
    known.clock.advance(seconds=5)
    assert known.name_of(token) == "ci"
    known.clock.set(hours=-1)
    assert known.name_of(token) == "ci"
    assert len(known.read) == 2


def test_that_a_token_is_used_is_noted_in_each_minute(known: Known) -> None:
    token = made(known.ledger)
    seen = []
    for _ in range(3):
        holder = known.known.holder_of(token, known.commits.looks)
        assert holder is not None
        seen.append(holder.is_noted)
        if not holder.is_noted:
            with known.ledger.tx() as tx:
                tokens.note_use(tx, holder.token_id)
        known.clock.advance(seconds=30)
    assert seen == [False, True, False]


def test_an_end_that_was_changed_by_hand_is_not_kept(known: Known) -> None:
    token = made(known.ledger, lasts=timedelta(days=1))
    known.ledger.conn.execute("UPDATE tokens SET expires_at = '2026-13'")
    assert [known.name_of(token) for _ in range(2)] == ["ci", "ci"]
    assert len(known.read) == 2


def test_few_tokens_are_kept(known: Known) -> None:
    shown = [made(known.ledger, f"t{n}") for n in range(70)]
    for token in shown:
        known.name_of(token)
    before = len(known.read)
    assert known.name_of(shown[-1]) == "t69"
    assert len(known.read) == before
    assert known.name_of(shown[0]) == "t0"
    assert len(known.read) == before + 1


def test_over_http_a_token_in_use_is_revoked_by_another_process_at_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    token = made(ledger)

    async def scenario(api: Api) -> list[int]:
        bearing = {"Authorization": f"Bearer {token}"}
        before = [(await api.get("/status", **bearing)).status for _ in range(5)]
        with ledger.tx() as tx:
            tokens.revoke(tx, "ci", by=ME)
        return [*before, (await api.get("/status", **bearing)).status]

    assert with_api(ledger, scenario) == [200] * 5 + [401]
