"""The ``tokens`` table: who may ask the server for what. ``sessions``: the browsers that people have let in.

A token is shown once and kept nowhere. One exists until it is revoked: that it has expired does not open
again what its existence has closed.
"""

from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.api_tokens import (
    PREFIX,
    RANDOM_BYTES,
    RunToken,
    TokenRole,
    check_token_name,
    digest,
)
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import audit
from jeeves_runner.db.carried_runs import JOB_OF_RUN
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.waits import Wait, end_by_now
from jeeves_runner.errors import Conflict, NotFound, Unauthorized

SESSION: Final = timedelta(hours=12)
"""How long a browser stays let in at most. No session outlasts its token."""

TOKENS: Final = Wait("tokens", "expires_at", "expires_ms", "revoked_at IS NULL AND expires_at IS NOT NULL")
SESSIONS: Final = Wait("sessions", "expires_at", "lasts_ms", "true")

_MINUTE: Final = len("2026-01-01T00:00")
"""Characters of a time that tell its minute."""


class Holder(NamedTuple):
    """Who has shown a token that counts."""

    token_id: int
    """The token's number."""
    name: str
    """Its name."""
    role: TokenRole
    """What it allows."""
    is_noted: bool
    """Whether its use within this minute is on record already."""
    expires_at: str | None
    """When it ceases to count, in the database's form; None: never."""


class Session(NamedTuple):
    """A browser that was just let in."""

    secret: str
    """What it is to show. Keep it out of texts."""
    expires_at: str
    """When it is let in no more, in the database's form."""
    lasts_ms: int
    """Milliseconds until then."""


class TokenRow(NamedTuple):
    """A token as people see it; times in the database's form."""

    name: str
    """Its name."""
    role: str
    """What it allows."""
    created_by: str
    """Who made it."""
    created_at: str
    """When it was made."""
    expires_at: str | None
    """When it ceases to count; None: never."""
    last_used_at: str | None
    """When it was last used, to the minute; None: never."""
    expired: bool
    """Whether it has ceased to count."""


def create(tx: Tx, name: str, role: TokenRole, *, until: End | None, by: Actor) -> str:
    """Make a token, which only the caller gets to see. InvalidValue for a name that cannot be one, Conflict
    for one that another token has."""
    check_token_name(name)
    if tx.conn.execute("SELECT 1 FROM tokens WHERE name = ? AND revoked_at IS NULL", (name,)).get:
        raise Conflict(
            f"there is a token {name} already",
            hint="give this one another name, or `jeeves-runner token revoke` that one first",
        )
    token = PREFIX + token_urlsafe(RANDOM_BYTES)
    tx.conn.execute(
        "INSERT INTO tokens (name, role, digest, created_by, created_at, expires_at, expires_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            name,
            role,
            digest(token),
            by.name,
            tx.at,
            until and to_text(until.instant),
            until and until.length_ms,
        ),
    )
    audit.record(tx, actor=by, action="create token", target=f"token {name}", detail=str(role))
    return token


def revoke(tx: Tx, name: str, *, by: Actor) -> None:
    """Let a token, and the browsers that were let in with it, count for nothing from now on. NotFound."""
    number: int | None = tx.conn.execute(
        "UPDATE tokens SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL RETURNING id", (tx.at, name)
    ).get
    if number is None:
        raise unknown_token(tx, name)
    tx.conn.execute("DELETE FROM sessions WHERE token_id = ?", (number,))
    audit.record(tx, actor=by, action="revoke token", target=f"token {name}")


def revoke_all(tx: Tx, *, by: Actor) -> None:
    """Let no token, and no browser that was let in, count from now on."""
    for row in tokens(tx.conn, tx.now):
        revoke(tx, row.name, by=by)


def unknown_token(tx: Tx, name: str) -> NotFound:
    """The error for a name that no token has."""
    names = ", ".join(row.name for row in tokens(tx.conn, tx.now))
    return NotFound(f"there is no token {name}", hint=f"there is {names}" if names else "there is none yet")


_TOKENS: Final = f"""
SELECT name, role, created_by, created_at, {end_by_now(TOKENS)}, last_used_at,
  coalesce({end_by_now(TOKENS)} <= :at, 0)
FROM tokens WHERE revoked_at IS NULL ORDER BY name
"""


def tokens(conn: apsw.Connection, now: datetime) -> list[TokenRow]:
    """All that were not revoked, by name."""
    rows = conn.execute(_TOKENS, {"at": to_text(now)})
    return [TokenRow._make((*values, bool(expired))) for *values, expired in rows]


def any_token(conn: apsw.Connection, role: TokenRole | None = None) -> bool:
    """Whether a token exists: one of this role, or of any."""
    of_role = "" if role is None else " AND role = :role"
    found = conn.execute(f"SELECT 1 FROM tokens WHERE revoked_at IS NULL{of_role} LIMIT 1", {"role": role})
    return found.get is not None


_HOLDER: Final = f"""
SELECT id, name, role, last_used_at, expires_at FROM tokens
WHERE digest = :digest AND revoked_at IS NULL AND coalesce({end_by_now(TOKENS)} > :at, 1)
"""


def holder_of_token(conn: apsw.Connection, now: datetime, token: str) -> Holder | None:
    """Who holds this token; None if it counts for nothing."""
    return _holder(conn, _HOLDER, now, token)


_IN_SESSION: Final = f"""
SELECT id, name, role, last_used_at, expires_at FROM tokens
WHERE id = (SELECT token_id FROM sessions WHERE digest = :digest AND {end_by_now(SESSIONS)} > :at)
  AND revoked_at IS NULL AND coalesce({end_by_now(TOKENS)} > :at, 1)
"""


def holder_of_session(conn: apsw.Connection, now: datetime, secret: str) -> Holder | None:
    """Whose token has let in the browser that shows this; None if it is not let in any more."""
    return _holder(conn, _IN_SESSION, now, secret)


def _holder(conn: apsw.Connection, statement: str, now: datetime, secret: str) -> Holder | None:
    at = to_text(now)
    row = conn.execute(statement, {"digest": digest(secret), "at": at}).fetchone()
    if row is None:
        return None
    number, name, role, last_used_at, expires_at = row
    is_noted = last_used_at is not None and last_used_at[:_MINUTE] >= at[:_MINUTE]
    return Holder(number, name, TokenRole(role), is_noted, expires_at)


def still_holds(conn: apsw.Connection, now: datetime, token_id: int) -> bool:
    """Whether the token of this number still counts."""
    return conn.execute(_STILL, {"token": token_id, "at": to_text(now)}).get is not None


_STILL: Final = f"""
SELECT 1 FROM tokens WHERE id = :token AND revoked_at IS NULL AND coalesce({end_by_now(TOKENS)} > :at, 1)
"""


def note_use(tx: Tx, token_id: int) -> None:
    """Record that a token is used, once a minute."""
    tx.conn.execute(
        "UPDATE tokens SET last_used_at = ? WHERE id = ?", (tx.at[:_MINUTE] + ":00.000Z", token_id)
    )


_LEFT: Final = f"""
SELECT {end_by_now(TOKENS)} FROM tokens WHERE id = :token AND revoked_at IS NULL
"""


def begin_session(tx: Tx, token_id: int, *, by: Actor, instead_of: str | None = None) -> Session:
    """Let a browser in, ``instead_of`` what it has shown so far, until its token ceases to count at the
    latest. Unauthorized where it does so by now.

    Sessions that are over are removed.
    """
    token = tx.conn.execute(_LEFT, {"token": token_id, "at": tx.at}).fetchone()
    if token is None:
        raise Unauthorized("the token was just revoked")
    length = min(SESSION, SESSION if token[0] is None else from_text(token[0]) - tx.now)
    if length <= timedelta():
        raise Unauthorized("the token has just expired")
    session = Session(
        token_urlsafe(RANDOM_BYTES), to_text(tx.now + length), length // timedelta(milliseconds=1)
    )
    if instead_of is not None:
        tx.conn.execute("DELETE FROM sessions WHERE digest = ?", (digest(instead_of),))
    tx.conn.execute("DELETE FROM sessions WHERE expires_at <= ?", (tx.at,))
    tx.conn.execute(
        "INSERT INTO sessions (digest, token_id, created_at, expires_at, lasts_ms) VALUES (?, ?, ?, ?, ?)",
        (digest(session.secret), token_id, tx.at, session.expires_at, session.lasts_ms),
    )
    note_use(tx, token_id)
    audit.record(tx, actor=by, action="login", target=by.name)
    return session


def end_session(tx: Tx, secret: str, *, by: Actor) -> None:
    """Let a browser in no more."""
    tx.conn.execute("DELETE FROM sessions WHERE digest = ?", (digest(secret),))
    audit.record(tx, actor=by, action="logout", target=by.name)


def check_runs(tx: Tx, run_id: int) -> None:
    """Unauthorized where a run that was let in has ended meanwhile: what it claims now stays claimed."""
    if tx.conn.execute("SELECT status FROM runs WHERE id = ?", (run_id,)).get != RunStatus.RUNNING:
        raise Unauthorized(f"run {run_id} has ended, and its token with it")


class TokenRun(NamedTuple):
    """A run that shows its token."""

    run_id: int
    """Its number."""
    job_id: str
    """Its job."""


def run_of_token(conn: apsw.Connection, token: RunToken) -> TokenRun | None:
    """The run whose token this is; None unless it runs."""
    row = conn.execute(
        f"SELECT id, {JOB_OF_RUN} FROM runs WHERE id = ? AND status = ? AND token_digest = ?",
        (token.run_id, RunStatus.RUNNING, digest(token.secret)),
    ).fetchone()
    return None if row is None else TokenRun(*row)


def still_runs(conn: apsw.Connection, run_id: int) -> bool:
    """Whether the token of this run still counts."""
    found = conn.execute("SELECT 1 FROM runs WHERE id = ? AND status = ?", (run_id, RunStatus.RUNNING))
    return found.get is not None
