"""What is wrong, and what people are told of it: incidents, messages, and what is muted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import apsw
from aiohttp import web

from jeeves_runner.api.requests.alerts import AlertsQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.model import OverrideKind
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db.message_list import Trouble, troubles
from jeeves_runner.db.overrides import Shown, in_force
from jeeves_runner.views.alerts import AlertsDocument, alerts_view

_SHEET: Final = Sheet(template="alerts.html", title="Alerts", here="/alerts", live=("alert", "run", "other"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Alerts:
    """What is shown."""

    query: AlertsQuery
    """What was asked for."""
    found: AlertsDocument
    """What is wrong, and what is said of it."""
    troubles: list[Trouble]
    """Channels that do not take what is said."""
    mutes: Mapping[str, Shown]
    """The mutes of single jobs."""


async def alerts(call: Call[Nothing, AlertsQuery, Nothing]) -> web.Response:
    query = call.query

    def read(conn: apsw.Connection, now: datetime) -> Alerts:
        return Alerts(
            query=query,
            found=alerts_view(
                conn,
                now,
                all_of_them=query.all,
                before_incident=query.before_incident,
                before_message=query.before_message,
                limit=query.limit,
            ),
            troubles=list(troubles(conn, now)),
            mutes=in_force(conn, OverrideKind.MUTE, now).of_jobs,
        )

    return await show(call, _SHEET, read)
