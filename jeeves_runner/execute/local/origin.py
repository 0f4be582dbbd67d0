"""Where a run was started: by the runner of which database, and where its process numbers mean something.

The origin of a run is noted with its process. A later runner compares it with its own: a copy of a database
holds the same runs, marks and process numbers as the original, and only the origin tells that their processes
are the original's.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from jeeves_runner.execute.local.processes import ON_LINUX, boot_id, start_ticks


class Origin(NamedTuple):
    """The database of a runner and the place in which it runs. Two that are equal mean the same processes."""

    database: str
    """The real path of the database's file."""
    database_file: str | None
    """Device and inode of that file, by which a copy that was put at its path is told apart; None if nothing
    was there."""
    boot_id: str
    """As ``processes.boot_id`` gives it."""
    pid_namespace: str | None
    """As ``pid_namespace`` gives it."""

    @classmethod
    def here(cls, db_path: str | os.PathLike[str]) -> "Origin":
        """That of what this process starts for the database at this path."""
        database = os.path.realpath(db_path)
        return cls(database, file_identity(database), boot_id(), pid_namespace())

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Origin | None":
        """Read back from what ``_asdict`` gave; None if there is nothing of it."""
        database, boot = facts.get("database"), facts.get("boot_id")
        if not isinstance(database, str) or not isinstance(boot, str):
            return None
        return cls(database, facts.get("database_file"), boot, facts.get("pid_namespace"))

    def is_of_same_database(self, other: "Origin") -> bool:
        """Whether both name one file by one path: neither is a copy of the other, nor was it moved."""
        return (self.database, self.database_file) == (other.database, other.database_file)

    def shares_pids_with(self, other: "Origin") -> bool:
        """Whether a process number means the same process at both."""
        return (self.boot_id, self.pid_namespace) == (other.boot_id, other.pid_namespace)


def file_identity(path: str) -> str | None:
    """Device and inode of what is at a path; None if nothing can be seen there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return f"{found.st_dev}:{found.st_ino}"


@cache
def pid_namespace() -> str | None:
    """A text that tells this process's PID namespace from all others of this boot.

    The kernel gives the number of a namespace that is gone to a new one, so the start of its first process
    belongs to it. None on a system that does not tell.
    """
    if not ON_LINUX:
        return None
    try:
        return f"{os.readlink('/proc/self/ns/pid')} {start_ticks(1)}"
    except OSError:
        return None
