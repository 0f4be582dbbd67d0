"""What people have set of all jobs at once, as the pages say it on which they can."""

from datetime import datetime
from typing import NamedTuple

import apsw

from jeeves_runner.core.model import OverrideKind
from jeeves_runner.views.jobs import OverrideDocument, override_of_all


class OfAll(NamedTuple):
    """The pause and the mute that hold for all jobs."""

    paused: OverrideDocument | None
    """The pause; None if there is none."""
    muted: OverrideDocument | None
    """The mute; None if there is none."""


def of_all(conn: apsw.Connection, now: datetime) -> OfAll:
    """Both, as they are now."""
    return OfAll(
        override_of_all(conn, OverrideKind.PAUSE, now), override_of_all(conn, OverrideKind.MUTE, now)
    )
