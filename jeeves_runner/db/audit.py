"""The ``audit`` table: acts of people and programs that the rows they changed do not tell."""

import json
from collections.abc import Sequence
from datetime import datetime

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.origin import Actor
from jeeves_runner.db.transaction import Tx

_OUTLIVED = "SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT ?"


def record(tx: Tx, *, actor: Actor, action: str, target: str, detail: str | None = None) -> None:
    """Note an act; ``target`` such as ``job backup`` or ``run 7``."""
    tx.conn.execute(
        "INSERT INTO audit (at, actor, action, target, detail, origin, answer) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (tx.at, actor.name, action, target, detail, actor.origin, actor.answer),
    )


def recorded(conn: apsw.Connection, action: str, targets: Sequence[str]) -> set[str]:
    """Those of the targets that this act has been noted of."""
    rows = conn.execute(
        "SELECT target FROM audit WHERE action = ? AND target IN (SELECT value FROM json_each(?))",
        (action, json.dumps(targets)),
    )
    return {target for (target,) in rows}


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest acts before then, ``limit`` at most. Returns how many."""
    tx.conn.execute(f"DELETE FROM audit WHERE id IN ({_OUTLIVED})", (to_text(before), limit))
    return tx.conn.changes()
