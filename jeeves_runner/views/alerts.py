"""Alerts: what is wrong, and what people are told, were told or could not be told."""

from datetime import datetime
from typing import NotRequired, TypedDict

import apsw

from jeeves_runner.core.model import OverrideKind
from jeeves_runner.core.values import PAGE
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.incident_list import IncidentRow, incident_rows
from jeeves_runner.db.message_list import MessageRow, message_row, message_rows
from jeeves_runner.errors import NotFound
from jeeves_runner.views.jobs import OverrideDocument, override_of_all


class AlertsDocument(TypedDict):
    """What is wrong and what is said of it, newest first."""

    incidents: list[IncidentRow]
    """Those that are open, or all."""
    messages: list[MessageRow]
    """Those that wait and those that were given up of late, or all."""
    muted: OverrideDocument | None
    """The mute of everything; null if there is none."""
    next_before_incident: NotRequired[int]
    """The ``before_incident`` of the next page, if other incidents follow."""
    next_before_message: NotRequired[int]
    """The ``before_message`` of the next page, if other messages follow."""


class MessageDocument(TypedDict):
    """One message."""

    message: MessageRow
    """What has become of it."""


def alerts_view(
    conn: apsw.Connection,
    now: datetime,
    *,
    all_of_them: bool = False,
    before_incident: int | None = None,
    before_message: int | None = None,
    limit: int = PAGE,
) -> AlertsDocument:
    """``{incidents, messages, muted}``: up to ``limit`` of each, newest first.

    ``all_of_them``: incidents that are over and messages that were sent too.
    """
    with snapshot(conn):
        incidents = incident_rows(conn, now, all_of_them=all_of_them, before=before_incident, limit=limit)
        messages = message_rows(conn, now, all_of_them=all_of_them, before=before_message, limit=limit)
        document: AlertsDocument = {
            "incidents": incidents.rows,
            "messages": messages.rows,
            "muted": override_of_all(conn, OverrideKind.MUTE, now),
        }
    if incidents.more:
        document["next_before_incident"] = incidents.rows[-1]["id"]
    if messages.more:
        document["next_before_message"] = messages.rows[-1]["id"]
    return document


def message_view(conn: apsw.Connection, message_id: int) -> MessageDocument:
    """``{message}``; NotFound."""
    row = message_row(conn, message_id)
    if row is None:
        raise NotFound(f"there is no message {message_id}")
    return {"message": row}
