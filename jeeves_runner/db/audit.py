"""The ``audit`` table: acts of people and programs that the rows they changed do not tell."""

from jeeves_runner.db.transaction import Tx


def record(tx: Tx, *, actor: str, action: str, target: str, detail: str | None = None) -> None:
    """Note an act: ``actor`` such as ``cli``, ``target`` such as ``job backup`` or ``run 7``."""
    tx.conn.execute(
        "INSERT INTO audit (at, actor, action, target, detail) VALUES (?, ?, ?, ?, ?)",
        (tx.at, actor, action, target, detail),
    )
