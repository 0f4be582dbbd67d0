"""Outputs that have arrived, and not all of them: what a channel did not take, as its message notes it."""

from datetime import datetime
from typing import Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.alerts.policy import addresses_of
from jeeves_runner.db.message_list import FRESH


class InPart(NamedTuple):
    """A channel that has not got all of some outputs of late."""

    channel: str
    """An address."""
    outputs: int
    """How many of them."""
    at: str
    """When the last of them was sent, as text."""
    lacks: str
    """What of that one has not arrived, why, and what to do."""


_CHANNELS: Final = (
    "SELECT DISTINCT spec -> '$.output_channel' FROM jobs"
    " WHERE output_channel IS NOT NULL AND deleted_at IS NULL"
)
# Of the newest alone, so that many cost no more.
_IN_PART: Final = """
SELECT count(*), max(finished_at), error FROM (
  SELECT status, finished_at, error FROM outbox INDEXED BY outbox_alone
  WHERE channel = ? AND said = 'output' AND bundle IS NULL AND created_at > ?
  ORDER BY created_at DESC LIMIT 100)
WHERE status = 'sent' AND error IS NOT NULL
"""


def outputs_in_part(conn: apsw.Connection, now: datetime) -> list[InPart]:
    """The channels of live jobs' outputs of which this is true, by address."""
    named = conn.execute(_CHANNELS).fetchall()
    found = []
    for channel in sorted({channel for (text,) in named for channel in addresses_of(text)}):
        count, at, lacks = conn.execute(_IN_PART, (channel, to_text(now - FRESH))).get
        if count:
            found.append(InPart(channel, count, at, lacks))
    return found
