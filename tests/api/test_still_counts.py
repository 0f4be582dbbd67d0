"""Whether a caller who was let in still would be, as long answers ask it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.ledger import Ledger

from jeeves_runner.api.callers import Caller, CallerKind
from jeeves_runner.api.commits import Commits
from jeeves_runner.api.guard import Guard
from jeeves_runner.config import load_config
from jeeves_runner.core.api_tokens import TokenRole, digest
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import tokens
from jeeves_runner.db.run_ends import RunRecord, end_running

ME = Actor("cli", "me")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("greet", schedule=())
    yield made
    made.conn.close()


def guard(ledger: Ledger) -> Guard:
    config, commits = load_config(ledger.path.parent, None), Commits(ledger.conn)
    return Guard(ledger.conn, ledger.clock, config, commits)


def with_token(ledger: Ledger) -> Caller:
    """A caller with a token of one hour."""
    until = End(ledger.now + timedelta(hours=1))
    with ledger.tx() as tx:
        made = tokens.create(tx, "ci", TokenRole.READ, until=until, by=ME)
    holder = tokens.holder_of_token(ledger.conn, ledger.now, made)
    assert holder is not None
    return Caller(kind=CallerKind.TOKEN, origin="10.0.0.7", role=holder.role, holder=holder)


def revoke(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        tokens.revoke(tx, "ci", by=ME)


def an_hour_passes(ledger: Ledger) -> None:
    ledger.clock.advance(hours=1)


@pytest.mark.parametrize("ends", [revoke, an_hour_passes])
def test_a_token_counts_until_it_is_revoked_or_expires(
    ledger: Ledger, ends: Callable[[Ledger], None]
) -> None:
    caller = with_token(ledger)
    assert guard(ledger).still_counts(caller)
    ends(ledger)
    assert not guard(ledger).still_counts(caller)


@pytest.mark.parametrize("ends", [revoke, an_hour_passes, None])
def test_a_browser_counts_until_it_is_let_out_or_its_token_ends(
    ledger: Ledger, ends: Callable[[Ledger], None] | None
) -> None:
    caller = with_token(ledger)
    assert caller.holder is not None
    with ledger.tx() as tx:
        session = tokens.begin_session(tx, caller.holder.token_id, by=ME).secret
    browser = Caller(
        kind=CallerKind.BROWSER, origin="10.0.0.7", role=caller.role, holder=caller.holder, session=session
    )
    assert guard(ledger).still_counts(browser)
    if ends is not None:
        ends(ledger)
    else:
        with ledger.tx() as tx:
            tokens.end_session(tx, session, by=ME)
    assert not guard(ledger).still_counts(browser)


def test_a_run_counts_while_it_runs(ledger: Ledger) -> None:
    run_id = ledger.add_run("greet", "running", mark="m", token_digest=digest("s" * 43))
    run = tokens.TokenRun(run_id, "greet")
    caller = Caller(kind=CallerKind.RUN, origin="127.0.0.1", run=run)
    assert guard(ledger).still_counts(caller)
    with ledger.tx() as tx:
        end_running(tx, run_id, Outcome(RunStatus.OK), RunRecord(), None)
    assert not guard(ledger).still_counts(caller)


def test_programs_of_this_machine_count_whatever_tokens_there_are(ledger: Ledger) -> None:
    caller = Caller(kind=CallerKind.MACHINE, origin="127.0.0.1, me", role=TokenRole.READ)
    with_token(ledger)
    assert guard(ledger).still_counts(caller)
