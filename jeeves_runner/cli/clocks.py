"""On which clocks a command shows times, and reads those that are given without an offset.

Where one job is meant, they are that job's; else those of the person who looks, by ``TZ`` or the machine; and
with ``--utc`` those of UTC in both cases.
"""

import os
import time
from datetime import UTC, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Final

_MACHINE: Final = Path("/etc/localtime")
_UTC: Final = ("UTC", "Etc/UTC")


def viewers_zone() -> tzinfo:
    """The zone of the person who looks. Where it has no rules that can be read, its standard offset."""
    name = os.environ.get("TZ")
    if name == "" or name in _UTC:
        return UTC
    from zoneinfo import ZoneInfo  # takes long, and many need none

    place = _MACHINE if name is None else Path(name.removeprefix(":"))
    try:
        if not place.is_absolute():
            return ZoneInfo(str(place))
        with place.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, KeyError):  # of a name that is no zone, a KeyError
        return timezone(timedelta(seconds=-time.timezone))


def zone_of_job(name: str) -> tzinfo:
    """The zone of a job; UTC for a name that is none, which a row may have that was changed by hand."""
    if name in _UTC:
        return UTC
    from zoneinfo import ZoneInfo  # as above

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
