"""Whether a database is whole."""

from typing import Final

import apsw

from jeeves_runner.clock import Clock

_STEPS: Final = 10_000
"""Steps of SQLite's machine between two looks at the time: about a millisecond."""


def first_damage(conn: apsw.Connection, clock: Clock, seconds: float) -> str | None:
    """What is broken in the database, by SQLite's own look at its pages and indexes; None if nothing is.

    The look ends after so many seconds: of a large database only a part has been looked at then. It is one
    read, which keeps no program from reading and writing.
    """
    until = clock.monotonic() + seconds
    conn.set_progress_handler(lambda: clock.monotonic() > until, _STEPS)
    try:
        found = conn.execute("PRAGMA quick_check(1)").get
    except apsw.InterruptError:
        return None
    except apsw.CorruptError as error:
        return str(error)
    finally:
        conn.set_progress_handler(None)
    return None if found == "ok" else str(found)
