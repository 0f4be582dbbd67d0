"""The audit: who acted, on what, from where, and what was refused."""

from datetime import datetime
from typing import TypedDict

import apsw

from jeeves_runner.core.values import PAGE
from jeeves_runner.db import audit
from jeeves_runner.db.audit import AuditRow


class AuditDocument(TypedDict):
    """What is in the audit, newest first."""

    audit: list[AuditRow]
    """Acts, and requests that were refused."""


def audit_view(
    conn: apsw.Connection,
    *,
    before: int | None = None,
    limit: int = PAGE,
    actor: str | None = None,
    target: str | None = None,
    since: datetime | None = None,
) -> AuditDocument:
    """``{audit}``: up to ``limit``, newest first, those before a number, of an actor, on a target, since a
    time."""
    found = audit.rows(conn, before=before, limit=limit, actor=actor, target=target, since=since)
    return {"audit": found}
