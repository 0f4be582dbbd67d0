"""Whose a run is: which database on which machine began it. A copy of a database holds the same runs.

For work beyond this machine. What tells the processes of this one apart is in ``local/origin.py``.
"""

import json
import os
from functools import cache
from hashlib import blake2b
from typing import Final, NamedTuple, Self

from jeeves_runner.core.values import parse_json
from jeeves_runner.regular_files import NotRegular, read_all

_MACHINE_ID: Final = ("/etc/machine-id", "/var/lib/dbus/machine-id")


class RunOrigin(NamedTuple):
    """The database that a run belongs to. Two that are equal mean the same runs."""

    machine: str | None
    """A text that tells this machine from others; None on one that does not say."""
    database: str
    """The real path of the database's file."""
    file: str | None
    """The number of that file, by which a copy that was put at its path is told apart. That of its device is
    left out: it may change when the machine starts again, and the work goes on."""

    @classmethod
    def here(cls, db_path: str | os.PathLike[str]) -> Self:
        """That of the runs which this machine begins for the database at this path."""
        database = os.path.realpath(db_path)
        return cls(_machine(), database, _file_number(database))

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Read back from what ``as_json`` gave; None for anything else."""
        try:
            facts = parse_json(text)
        except ValueError:
            return None
        if not isinstance(facts, dict) or not isinstance(facts.get("database"), str):
            return None
        machine, file = facts.get("machine"), facts.get("file")
        return cls(
            machine if isinstance(machine, str) else None,
            facts["database"],
            file if isinstance(file, str) else None,
        )

    def as_json(self) -> str:
        """What the row of a run keeps of it."""
        return json.dumps(self._asdict())


def foreign(kept: str | None, here: RunOrigin) -> str | None:
    """Whose a run is, for people, if it is not that of ``here``; None if it is.

    ``kept``: the origin in its row. A run without one is taken for its own: only work that outlives its
    runner has one.
    """
    origin = None if kept is None else RunOrigin.from_json(kept)
    if origin is None or origin == here:
        return None
    if origin.machine != here.machine:
        where = f"{origin.database} on another machine"
    elif origin.database == here.database:
        where = f"another file at {origin.database}"
    else:
        where = origin.database
    return f"it was started from {where}, whose work is left alone"


@cache
def _machine() -> str | None:
    """A digest of the machine's id, which is not to be shown to others."""
    for path in _MACHINE_ID:
        try:
            number = read_all(path, 100, follow=True).strip()
        except (OSError, NotRegular):
            continue
        if len(number) == 32:  # else it says that it has none yet
            return blake2b(number, digest_size=8, person=b"jeeves-runner").hexdigest()
    return None


def _file_number(path: str) -> str | None:
    try:
        return str(os.stat(path).st_ino)
    except OSError:
        return None
