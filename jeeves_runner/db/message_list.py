"""Messages as people look at them: what waits, what has arrived, and the channels on which that fails."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, TypedDict, cast

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.words import Said
from jeeves_runner.db.outbox import ENDED_BY_RESTORE, LEFT_TO_ANOTHER
from jeeves_runner.db.pages import ROOM, Page, page
from jeeves_runner.db.renames import present_ids

FRESH: Final = timedelta(days=1)
"""For so long a message that was given up counts as something wrong."""

MessageStatus = Literal["pending", "sent", "failed"]


class MessageRow(TypedDict):
    """Something that is said on a channel."""

    id: int
    """Its number."""
    channel: str
    """Where: a Slack channel's id, ``webhook:NAME`` or ``email:ADDRESS``."""
    said: Annotated[str, Said]
    """What of it."""
    cause: str | None
    """What it is about; null for outputs and tests."""
    job_id: str | None
    """The job, by the id that it has now; null: of none."""
    subject: str
    """What it is about besides, or without a job; empty: nothing."""
    run_id: int | None
    """The run it tells of; null: of none."""
    incident_id: int | None
    """The incident; null: of none."""
    created_at: str
    """When it happened."""
    status: Annotated[str, MessageStatus]
    """``pending``: it waits. ``failed``: it was given up."""
    tries: int
    """How often it was tried."""
    not_before: str | None
    """From when on it is tried; null: at once, or no more."""
    error: str | None
    """Why the last try failed, or what of it has not arrived, with what to do; null: nothing is wrong."""
    finished_at: str | None
    """When it was sent or given up; null while it waits."""


class Trouble(NamedTuple):
    """A channel on which people are not told what they should be. Times are text."""

    channel: str
    """An address."""
    waiting: int
    """Messages that wait for another try."""
    since: str | None
    """When the oldest of them happened."""
    next_try: str | None
    """When one of them is tried next, at the latest; None: at once."""
    failed: int
    """Messages that were given up of late, and none was sent since."""
    failed_at: str | None
    """When the last of them was."""
    error: str
    """Why, with what to do."""


class MessageCounts(NamedTuple):
    """How much is to be said, or was not."""

    waiting: int
    """Messages that wait."""
    failed: int
    """Messages that were given up in the last day, on channels on which none was sent since."""


_MESSAGE: Final = (
    "id, channel, said, cause, job_id, coalesce(facts ->> '$.subject', '') AS subject, run_id, incident_id,"
    " created_at, status, tries, not_before, error, finished_at"
)
_ALL_MESSAGES: Final = f"SELECT {_MESSAGE} FROM outbox WHERE {{before}} ORDER BY id DESC LIMIT :limit"
_RECENT: Final = "status = 'failed' AND finished_at > :since AND error NOT IN (:left, :ended)"
_UNSENT: Final = f"""
SELECT * FROM (SELECT {_MESSAGE} FROM outbox INDEXED BY outbox_pending WHERE status = 'pending' AND {{before}}
  ORDER BY id DESC LIMIT :limit)
UNION ALL
SELECT * FROM (SELECT {_MESSAGE} FROM outbox INDEXED BY outbox_failed WHERE {_RECENT} AND {{before}}
  AND channel IN (SELECT value FROM json_each(:channels)) ORDER BY id DESC LIMIT :limit)
ORDER BY id DESC LIMIT :limit
"""


def message_rows(
    conn: apsw.Connection, now: datetime, *, all_of_them: bool = False, before: int | None = None, limit: int
) -> Page[MessageRow]:
    """Up to ``limit`` messages, newest first: those that wait, and those that were given up of late on a
    channel that has taken none since; or all, those that were sent too."""
    bindings = {"before": before, "limit": limit + 1, **_since(now)}
    if not all_of_them:
        bindings["channels"] = json.dumps([each.channel for each in _failing(conn, now)])
    query = (_ALL_MESSAGES if all_of_them else _UNSENT).format(
        before="true" if before is None else "id < :before"
    )
    with closing(conn.execute(query, bindings)) as rows:
        found = page(rows, lambda row: len(row[5]) + len(row[12] or ""), limit=limit, room=ROOM)
    present = present_ids(conn)
    return Page([_message(row, present) for row in found.rows], found.more)


def message_row(conn: apsw.Connection, message_id: int) -> MessageRow | None:
    """One message; None if it has been deleted."""
    row = conn.execute(f"SELECT {_MESSAGE} FROM outbox WHERE id = ?", (message_id,)).fetchone()
    return None if row is None else _message(row, present_ids(conn))


def _message(row: Sequence[Any], present: Callable[[str, str], str]) -> MessageRow:
    message = cast(MessageRow, dict(zip(MessageRow.__annotations__, row, strict=True)))
    if message["job_id"] is not None and message["finished_at"] is not None:
        message["job_id"] = present(message["job_id"], message["finished_at"])
    return message


_FAILING: Final = f"""
SELECT channel, count(*), max(finished_at), created_at, error FROM outbox INDEXED BY outbox_failed
WHERE {_RECENT} GROUP BY channel
"""
# Of a bundle the rows are not looked at: before one, messages went alone.
_SENT_SINCE: Final = (
    "SELECT 1 FROM outbox INDEXED BY outbox_alone WHERE channel = ? AND said IN"
    f" ({', '.join(repr(str(said)) for said in Said)}) AND created_at > ? AND bundle IS NULL"
    " AND status = 'sent' AND finished_at > ? LIMIT 1"
)
_WAITING: Final = """
SELECT count(*), created_at, error, min(id) FROM outbox
WHERE status = 'pending' AND channel = ? AND tries > 0
"""
# A channel that has failed rests, whatever has come due meanwhile; not longer than what was put off last.
_NEXT_TRY: Final = """
SELECT not_before, max(unixepoch(not_before, 'subsec') * 1000 - delay_ms) FROM outbox
WHERE status = 'pending' AND channel = ? AND tries > 0 AND not_before IS NOT NULL
"""


def _since(now: datetime) -> dict[str, Any]:
    return {"since": to_text(now - FRESH), "left": LEFT_TO_ANOTHER, "ended": ENDED_BY_RESTORE}


class _Failing(NamedTuple):
    """A channel that has taken nothing since a message to it was given up."""

    channel: str
    messages: int
    at: str
    error: str


def _failing(conn: apsw.Connection, now: datetime) -> list[_Failing]:
    found: list[tuple[Any, ...]] = conn.execute(_FAILING, _since(now)).fetchall()
    return [
        _Failing(channel, count, at, error)
        for channel, count, at, created_at, error in found
        if conn.execute(_SENT_SINCE, (channel, created_at, at)).fetchone() is None
    ]


def troubles(conn: apsw.Connection, now: datetime) -> list[Trouble]:
    """The channels on which something fails, by address."""
    failing = {each.channel: each for each in _failing(conn, now)}
    tried = conn.execute("SELECT DISTINCT channel FROM outbox WHERE status = 'pending' AND tries > 0")
    found = []
    for channel in sorted({*failing, *(str(name) for (name,) in tried.fetchall())}):
        count, since, error, _ = conn.execute(_WAITING, (channel,)).get
        next_try, _ = conn.execute(_NEXT_TRY, (channel,)).get
        bad = failing.get(channel)
        found.append(
            Trouble(
                channel=channel,
                waiting=count,
                since=since,
                next_try=next_try if next_try is not None and next_try > to_text(now) else None,
                failed=0 if bad is None else bad.messages,
                failed_at=None if bad is None else bad.at,
                error=(error or "unknown") if bad is None else bad.error,
            )
        )
    return found


def message_counts(conn: apsw.Connection, now: datetime) -> MessageCounts:
    """The counts of now."""
    waiting: int = conn.execute("SELECT count(*) FROM outbox WHERE status = 'pending'").get
    return MessageCounts(waiting, sum(each.messages for each in _failing(conn, now)))
