"""The ``outbox`` table: what is to be said, a row for each channel, and what has become of it.

A row is written with what it tells of. Rows of one channel that have the same ``bundle`` are one message.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, get_args

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.bundles import ALONE, Kind, bundle_of
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none
from jeeves_runner.db.waits import Wait

TRIES: Final = Wait("outbox", "not_before", "delay_ms", "status = 'pending' AND not_before IS NOT NULL")
"""What waits for the end of its minute, or for its next try."""

KINDS: Final[Mapping[Said, Kind]] = {
    Said.OPENED: "news",
    Said.EVENT: "news",
    Said.REMINDER: "reply",
    Said.RECOVERED: "reply",
}
"""What is bundled with what, but for successes. Outputs and tests go alone, always."""

_MILLISECOND: Final = timedelta(milliseconds=1)


class Saying(NamedTuple):
    """Something to be said."""

    said: Said
    """What of it."""
    cause: Cause | None = None
    """What it is about; None for outputs and tests."""
    incident_id: int | None = None
    """The incident; None for what does not last."""
    job_id: str | None = None
    """The job; None for what has none."""
    run_id: int | None = None
    """The run it tells of."""
    facts: Mapping[str, Any] = {}
    """JSON values that the message needs, and that no row will have later."""
    bundle: str | None = None
    """What it is said together with; None: that follows from how much is said in its minute."""
    wait: timedelta | None = None
    """How long it waits for others of its bundle."""


def put(tx: Tx, saying: Saying, channels: Iterable[str]) -> list[int]:
    """Have it said on each of these channels; the ids of the rows."""
    return [_put(tx, saying, channel) for channel in dict.fromkeys(channels)]


def _put(tx: Tx, saying: Saying, channel: str) -> int:
    bundle = saying.bundle
    not_before = None if saying.wait is None else tx.now + saying.wait
    kind = "success" if saying.cause is Cause.SUCCESS else KINDS.get(saying.said)
    if bundle is None and kind is not None:
        found = bundle_of(_alone(tx, channel, kind), tx.now, kind)
        if found is not None:
            bundle, not_before = found
    tx.conn.execute(
        "INSERT INTO outbox (channel, said, cause, incident_id, job_id, run_id, facts, created_at, bundle,"
        " not_before, delay_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            channel,
            saying.said,
            saying.cause,
            saying.incident_id,
            saying.job_id,
            saying.run_id,
            json.dumps(saying.facts),
            tx.at,
            bundle,
            not_before and to_text(not_before),
            not_before and round((not_before - tx.now) / _MILLISECOND),
        ),
    )
    return tx.conn.last_insert_rowid()


def _alone(tx: Tx, channel: str, kind: Kind) -> int:
    """How many of this kind have gone alone on the channel in this minute; counted up to ALONE."""
    minute = tx.at[: len("2026-11-24T03:03")]  # the texts of its times stand between MINUTE: and MINUTE;
    count: int = tx.conn.execute(_ALONE[kind], (channel, f"{minute}:", f"{minute};")).get
    return count


def _count_alone(kind: Kind) -> str:
    is_success = kind == "success"
    words = [Said.EVENT] if is_success else [word for word, its_kind in KINDS.items() if its_kind == kind]
    said = ", ".join(f"'{word}'" for word in words)
    which = f"said IN ({said}) AND cause IS {'' if is_success else 'NOT '}'{Cause.SUCCESS}'"
    # A limit that is bound has SQLite plan the statement anew at each call.
    return (
        "SELECT count(*) FROM (SELECT 1 FROM outbox"
        f" WHERE channel = ? AND {which} AND bundle IS NULL AND created_at > ? AND created_at < ?"
        f" LIMIT {ALONE})"
    )


_ALONE: Final = {kind: _count_alone(kind) for kind in get_args(Kind)}


# Delivery

LEFT_TO_ANOTHER: Final = "left to the database that this is a copy of"
"""Why messages were given up that were not this database's to send: nothing is wrong with their channel."""


ENDED_BY_RESTORE: Final = "ended when the backup was restored"
"""The same, where people have asked for it."""


class Owned(NamedTuple):
    """The outbox of this database."""

    database_id: str
    """What tells its messages from those of all other databases."""
    left_alone: int
    """How many messages were not this database's to send, and are given up."""


def own(tx: Tx, place: str) -> Owned:
    """Take the outbox over for the database at ``place``.

    In a copy, or at another place, the messages that wait are those of the other one, which sends them.
    """
    database_id, known = tx.conn.execute("SELECT database_id, place FROM outbox_owner").get
    if known == place:
        return Owned(database_id, 0)
    tx.conn.execute("UPDATE outbox_owner SET place = ?", (place,))
    if known is None:
        return Owned(database_id, 0)
    left = _end_all(tx, LEFT_TO_ANOTHER)
    new: str = tx.conn.execute(
        "UPDATE outbox_owner SET database_id = lower(hex(randomblob(6))) RETURNING database_id"
    ).get
    return Owned(new, left)


def own_restored(tx: Tx, place: str, *, ends: bool) -> None:
    """Take over the outbox of a backup that has become the database at ``place``: what waits is its own.

    ``ends``: it is not sent.
    """
    if ends:
        _end_all(tx, ENDED_BY_RESTORE)
    tx.conn.execute("UPDATE outbox_owner SET place = ?", (place,))


def _end_all(tx: Tx, why: str) -> int:
    tx.conn.execute(
        "UPDATE outbox SET status = 'failed', sending_at = NULL, not_before = NULL, delay_ms = NULL,"
        " finished_at = ?, error = ? WHERE status = 'pending'",
        (tx.at, why),
    )
    return tx.conn.changes()


class Pending(NamedTuple):
    """A row that has not been said."""

    id: int
    """Rises with time."""
    channel: str
    """Where it is said: an address."""
    said: Said
    """What of it."""
    cause: Cause | None
    """What it is about."""
    incident_id: int | None
    """The incident."""
    job_id: str | None
    """The job."""
    run_id: int | None
    """The run it tells of, which may be deleted by now."""
    facts: Mapping[str, Any]
    """What was noted for the message: of an incident its ``opened_at`` (text) and ``times``; its ``subject``,
    if it has one; of a run, what ``core.alerts.ends.facts_of`` says; and what was reported besides."""
    created_at: datetime
    """When it happened; aware, UTC."""
    bundle: str | None
    """What it is said together with."""
    tries: int
    """How often it has been tried."""
    sending_at: datetime | None
    """When a try was begun whose answer is not known: it may have arrived."""


_COLUMNS: Final = ", ".join(Pending._fields)
# A text that is no time does not count: what has one waits no longer.
_A_TIME: Final = (
    f"not_before GLOB '{'-'.join(('[0-9]' * 4, '[0-9]' * 2, '[0-9]' * 2))}T"
    f"{':'.join(['[0-9]' * 2] * 3)}.{'[0-9]' * 3}Z'"
)

# In order: nothing is said of an incident before what came earlier has been said there, or given up. What is
# one message with it is not waited for.
_IN_ORDER: Final = """
(incident_id IS NULL OR NOT EXISTS (
  SELECT 1 FROM outbox AS earlier
  WHERE earlier.incident_id = outbox.incident_id AND earlier.channel = outbox.channel
    AND earlier.status = 'pending' AND earlier.id < outbox.id
    AND (earlier.bundle = outbox.bundle AND earlier.sending_at IS outbox.sending_at) IS NOT TRUE))
"""
_NEXT: Final = f"""
SELECT {_COLUMNS} FROM outbox
WHERE channel = :channel AND status = 'pending'
  AND (not_before IS NULL OR not_before <= :at OR NOT {_A_TIME}) AND {_IN_ORDER}
ORDER BY id LIMIT 1
"""
# What may have been sent together is tried together, and with nothing else: it is looked for as one message.
_BUNDLE: Final = f"""
SELECT {_COLUMNS} FROM outbox
WHERE channel = :channel AND bundle = :bundle AND status = 'pending' AND sending_at IS :sending_at
  AND {_IN_ORDER}
ORDER BY id
"""


def next_message(conn: apsw.Connection, channel: str, now: datetime) -> list[Pending]:
    """The rows of the next message of a channel, in their order; none if there is nothing to send now."""
    row = conn.execute(_NEXT, {"channel": channel, "at": to_text(now)}).fetchone()
    if row is None:
        return []
    first = _pending(row, now)
    if first.bundle is None:
        return [first]
    sending_at = row[Pending._fields.index("sending_at")]
    rows = conn.execute(_BUNDLE, {"channel": channel, "bundle": first.bundle, "sending_at": sending_at})
    return [_pending(each, now) for each in rows]


def pending_channels(conn: apsw.Connection) -> list[str]:
    """The channels on which something is to be said, now or later."""
    return [channel for (channel,) in conn.execute(_CHANNELS) if channel is not None]


# From one to the next by the index: there may be many rows.
_CHANNELS: Final = """
WITH RECURSIVE found (channel) AS (
  SELECT min(channel) FROM outbox WHERE status = 'pending'
  UNION ALL
  SELECT (SELECT min(channel) FROM outbox WHERE status = 'pending' AND channel > found.channel)
  FROM found WHERE channel IS NOT NULL)
SELECT channel FROM found
"""


def next_time(conn: apsw.Connection, now: datetime) -> datetime | None:
    """When the next of the rows that wait now may be tried; None if none waits for a time."""
    at: str | None = conn.execute(
        f"SELECT min(not_before) FROM outbox WHERE {TRIES.lasts} AND not_before > ? AND {_A_TIME}",
        (to_text(now),),
    ).get
    return None if at is None else time_or_none(at, "a message", "not_before")


def begin_try(tx: Tx, ids: Sequence[int]) -> None:
    """Record, before it is sent, that these rows are: the message may arrive though its answer is lost."""
    tx.conn.execute(
        f"UPDATE outbox SET sending_at = coalesce(sending_at, ?) WHERE {_THESE}", (tx.at, json.dumps(ids))
    )


def record_sent(tx: Tx, ids: Sequence[int], ref: str | None, lacks: str | None = None) -> None:
    """Record that they were sent; ``ref`` names the message at its channel. ``lacks``: what of it was not."""
    tx.conn.execute(
        "UPDATE outbox SET status = 'sent', tries = tries + 1, sending_at = NULL, not_before = NULL,"
        f" delay_ms = NULL, error = ?, finished_at = ?, ref = ? WHERE {_THESE}",
        (lacks, tx.at, ref, json.dumps(ids)),
    )


def put_off(tx: Tx, ids: Sequence[int], delay: timedelta, error: str, *, may_have_arrived: bool) -> None:
    """Record that a try has failed, and that the next one comes after ``delay``."""
    tx.conn.execute(
        "UPDATE outbox SET tries = tries + 1, not_before = ?, delay_ms = ?, error = ?,"
        f" sending_at = iif(?, sending_at, NULL) WHERE {_THESE}",
        (to_text(tx.now + delay), round(delay / _MILLISECOND), error, may_have_arrived, json.dumps(ids)),
    )


def give_up(tx: Tx, ids: Sequence[int], error: str, *, tried: bool = True) -> None:
    """Record that they will not be sent, and why; ``tried``: a try has just failed."""
    tx.conn.execute(
        "UPDATE outbox SET status = 'failed', tries = tries + ?, sending_at = NULL, not_before = NULL,"
        f" delay_ms = NULL, error = ?, finished_at = ? WHERE {_THESE}",
        (int(tried), error, tx.at, json.dumps(ids)),
    )


_THESE: Final = "id IN (SELECT value FROM json_each(?)) AND status = 'pending'"


def thread_of(conn: apsw.Connection, incident_id: int, channel: str) -> str | None:
    """What names the first message about an incident at a channel: the later ones go below it."""
    ref: str | None = conn.execute(
        "SELECT ref FROM outbox WHERE incident_id = ? AND channel = ? AND status = 'sent'"
        " ORDER BY id LIMIT 1",
        (incident_id, channel),
    ).get
    return ref


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` rows that were sent, or given up, before then. The first about an open
    incident on each channel stays: replies go below it. Returns how many."""
    tx.conn.execute(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE finished_at < :before"
        " AND NOT (status = 'sent'"
        " AND EXISTS (SELECT 1 FROM incidents WHERE id = incident_id AND closed_at IS NULL)"
        " AND NOT EXISTS (SELECT 1 FROM outbox AS first WHERE first.incident_id = outbox.incident_id"
        " AND first.channel = outbox.channel AND first.status = 'sent' AND first.id < outbox.id))"
        " ORDER BY finished_at LIMIT :limit)",
        {"before": to_text(before), "limit": limit},
    )
    return tx.conn.changes()


def _pending(row: Sequence[Any], now: datetime) -> Pending:
    """What a row says. A time in it that is none is one that is known: of ``now``, or of its writing."""
    values = dict(zip(Pending._fields, row, strict=True))
    where = f"message {values['id']}"
    values["said"] = Said(values["said"])
    values["cause"] = _cause(values["cause"])
    values["facts"] = json.loads(values["facts"])
    values["created_at"] = time_or_none(values["created_at"], where, "created_at") or now
    if (begun := values["sending_at"]) is not None:
        values["sending_at"] = time_or_none(begun, where, "sending_at") or values["created_at"]
    return Pending(**values)


def _cause(text: str | None) -> Cause | None:
    """None also for a word that is no cause, which only a person can have written."""
    return Cause(text) if text in list(Cause) else None
