"""Who did what: acts of people and programs that the rows themselves do not tell."""

from jeeves_runner.db.transaction import Tx


def record(tx: Tx, *, actor: str, action: str, target: str, detail: str | None = None) -> None:
    """Note an act: ``actor`` such as ``cli``, ``target`` such as ``job backup`` or ``run 7``."""
    tx.conn.execute(
        "INSERT INTO audit (at, actor, action, target, detail) VALUES (?, ?, ?, ?, ?)",
        (tx.at, actor, action, target, detail),
    )
