"""Who acted, on what and from where, and what was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.requests.access import AuditQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.instants import past_instant
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.dashboard.since import since_choices
from jeeves_runner.db.audit import AuditRow
from jeeves_runner.views.audit import audit_view

_SHEET: Final = Sheet(
    template="audit.html",
    title="Audit",
    here="/audit",
    live=frozenset({"run", "sync", "queue", "alert", "other"}),
)

_PLACES: Final[Mapping[str, str]] = MappingProxyType(
    {"job": "/jobs/", "run": "/runs/", "queue": "/queues/", "revision": "/revisions/"}
)


class Act(NamedTuple):
    """A row of the audit."""

    row: AuditRow
    """What is recorded."""
    by: str
    """All that its actor did."""
    on: str
    """All that was done to its target."""
    place: str | None
    """The page of its target; None: it has none."""

    @property
    def is_refused(self) -> bool:
        """Whether it was a request that was not carried out."""
        return (self.row["answer"] or 0) >= 400


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditPage:
    """What is shown."""

    acts: Sequence[Act]
    """Newest first."""
    query: AuditQuery
    """What is asked for."""
    times: Mapping[str, str]
    """From when on one can ask, in words."""
    is_first: bool
    """Whether the list begins with the newest."""
    newest: str
    """Where it does."""
    older: str | None
    """Where it goes on; None: it ends here."""


async def audit(call: Call[Nothing, AuditQuery, Nothing]) -> web.Response:
    asked, zone = call.query, call.services.config.timezone
    # A form sends fields that were left empty as well.
    query = asked._replace(actor=asked.actor or None, target=asked.target or None, since=asked.since or None)
    if query.since is not None:
        past_instant(query.since, call.services.clock.now(), zone, "since")  # what is wrong with it is told
    return await show(call, _SHEET, lambda conn, now: _read(conn, now, query, zone))


def _read(conn: apsw.Connection, now: datetime, query: AuditQuery, zone: str) -> AuditPage:
    found = audit_view(
        conn,
        actor=query.actor,
        target=query.target,
        since=None if query.since is None else past_instant(query.since, now, zone, "since"),
        limit=query.limit + 1,
        before=query.before,
    )["audit"]
    has_more = len(found) > query.limit
    found = found[: query.limit]
    return AuditPage(
        acts=[_act(row) for row in found],
        query=query,
        times=since_choices(query.since),
        is_first=query.before is None,
        newest=_path(query._replace(before=None)),
        older=_path(query._replace(before=found[-1]["id"])) if has_more else None,
    )


def _act(row: AuditRow) -> Act:
    kind, _, name = row["target"].partition(" ")
    place = _PLACES.get(kind)
    return Act(
        row,
        by=_path(AuditQuery(actor=row["actor"])),
        on=_path(AuditQuery(target=row["target"])),
        place=None if place is None or not name else place + quote(name, safe=""),
    )


def _path(query: AuditQuery) -> str:
    plain = AuditQuery()._asdict()
    said = {name: value for name, value in query._asdict().items() if value != plain[name]}
    return f"/audit?{urlencode(said)}" if said else "/audit"
