"""The channels that jobs name."""

from typing import Final, NamedTuple

import apsw

from jeeves_runner.core.alerts.policy import addresses_of

_TOLD: Final = (
    "SELECT id, spec -> '$.on_failure', spec -> '$.on_success', spec -> '$.output_channel' FROM jobs"
    " WHERE deleted_at IS NULL ORDER BY id"
)


class ToldChannels(NamedTuple):
    """What live jobs name, by address, each with the ids of these jobs."""

    on_failure: dict[str, list[str]]
    """Where they tell what goes wrong."""
    on_success: dict[str, list[str]]
    """Where they tell what goes well."""
    outputs: dict[str, list[str]]
    """Where they send their output."""


def told_channels(conn: apsw.Connection) -> ToldChannels:
    """The channels that live jobs name."""
    found = ToldChannels({}, {}, {})
    for job_id, *lists in conn.execute(_TOLD):
        for channels, text in zip(found, lists, strict=True):
            for channel in addresses_of(text):
                channels.setdefault(channel, []).append(job_id)
    return found
