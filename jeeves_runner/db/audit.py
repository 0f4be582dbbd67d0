"""The ``audit`` table: acts of people and programs that the rows they changed do not tell."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypedDict, cast

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.origin import Actor
from jeeves_runner.db.transaction import Tx

_OUTLIVED = "SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT ?"


ALL_JOBS: Final = "all jobs"
"""The target of what is set of all jobs at once."""


def record(tx: Tx, *, actor: Actor, action: str, target: str, detail: str | None = None) -> None:
    """Note an act; ``target`` such as ``job backup`` or ``run 7``."""
    tx.conn.execute(
        "INSERT INTO audit (at, actor, action, target, detail, origin, answer) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (tx.at, actor.name, action, target, detail, actor.origin, actor.answer),
    )


def correct(tx: Tx, *, action: str, target: str, detail: str, answer: int) -> None:
    """Let an act that was noted have been answered otherwise."""
    tx.conn.execute(
        "UPDATE audit SET answer = ? WHERE target = ? AND action = ? AND detail = ?",
        (answer, target, action, detail),
    )


def recorded(conn: apsw.Connection, action: str, targets: Sequence[str]) -> set[str]:
    """Those of the targets that this act has been noted of."""
    rows = conn.execute(
        "SELECT target FROM audit WHERE action = ? AND target IN (SELECT value FROM json_each(?))",
        (action, json.dumps(targets)),
    )
    return {target for (target,) in rows}


class AuditRow(TypedDict):
    """An act, or a request that was refused."""

    id: int
    """Its number, which rises with each."""
    at: str
    """When, in the database's form of times."""
    actor: str
    """Who: ``cli``, ``api``, ``runner``, ``token NAME``, ``run NUMBER``, or ``unknown``."""
    action: str
    """What: ``pause``, ``run``, ``login``."""
    target: str
    """On what: ``job backup``, ``run 7``."""
    detail: str | None
    """What else there is to say of it; null: nothing."""
    origin: str | None
    """From where: an address, or the user of this machine; null: from within the runner."""
    answer: int | None
    """The status that HTTP answered; null: it was no request."""


_SHOWN: Final = tuple(AuditRow.__annotations__)


_NOT_BEFORE: Final = "id >= (SELECT min(+id) FROM audit WHERE at >= ?)"
"""By the index of times; a plain ``min(id)`` would read from the oldest row on."""

_NOT_EARLIER: Final = "+at >= ?"
"""Of these rows some may be earlier: a clock was set back."""


def rows(
    conn: apsw.Connection,
    *,
    before: int | None,
    limit: int,
    actor: str | None = None,
    target: str | None = None,
    since: datetime | None = None,
) -> list[AuditRow]:
    """Up to ``limit``, newest first: those before a number, of an actor, on a target, since a time."""
    begin = since and to_text(since)
    wanted = {
        "id < ?": before,
        "actor = ?": actor,
        "target = ?": target,
        _NOT_BEFORE: begin,
        _NOT_EARLIER: begin,
    }
    conditions = {condition: value for condition, value in wanted.items() if value is not None}
    where = " AND ".join(conditions) or "true"
    found = conn.execute(
        f"SELECT {', '.join(_SHOWN)} FROM audit WHERE {where} ORDER BY id DESC LIMIT ?",
        (*conditions.values(), limit),
    )
    return [cast(AuditRow, dict(zip(_SHOWN, row, strict=True))) for row in found]


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest acts before then, ``limit`` at most. Returns how many."""
    tx.conn.execute(f"DELETE FROM audit WHERE id IN ({_OUTLIVED})", (to_text(before), limit))
    return tx.conn.changes()
