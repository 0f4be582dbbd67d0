"""A connection that stops writing once the database's files are not those that it has opened.

A file that is deleted or replaced stays open in the programs that use it, and takes all they write along.
Programs that come later open the new one. With the ``-shm`` file that is worst: it says where in the ``-wal``
file the next commit goes, so that two programs with a file each write over one another's commits, and a
checkpoint by the old one copies the wrong pages into the database.
"""

import os
from pathlib import Path
from typing import Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.turns import Turns
from jeeves_runner.errors import DatabaseError, DatabaseReplaced

SIDE_FILES: Final = ("-wal", "-shm")
"""What SQLite puts behind the database's name, for the files beside it."""

FileIdentity = tuple[int, int]


def file_identity(path: str | Path) -> FileIdentity | None:
    """Device and inode of what stands at a path; None for nothing. OSError if it cannot be seen now."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def was_changed(path: str | Path, found: FileIdentity | None) -> str:
    """What has happened to a file at whose path there is something else now, or nothing."""
    return f"{path} was {'deleted' if found is None else 'replaced'}"


class GuardedConnection(apsw.Connection):
    """Commits and checkpoints raise DatabaseReplaced from the moment when a file was deleted or replaced.

    What the transaction has written is undone then. Nothing that it holds may refer to it: without a circle
    of references, a connection left open is closed as soon as nothing refers to it, and not when garbage is
    collected.
    """

    turns: Turns | None = None
    """Its place among those that write, from ``take_turns`` on."""

    _files: "OpenedFiles | None" = None

    def guard(self) -> None:
        """Take the files as they are now for those that were opened. Called in WAL mode.

        A database that was only now switched to it, as a backup is, has its other files from the first read.
        """
        self.execute("SELECT EXISTS (SELECT 1 FROM sqlite_schema)").fetchall()
        self._files = OpenedFiles(self.filename)
        self.set_commit_hook(self._files.check)

    def take_turns(self, clock: Clock) -> None:
        """Write in turns with the others."""
        self.turns = Turns(self.filename, clock)

    def wal_checkpoint(
        self, dbname: str | None = None, mode: int = apsw.SQLITE_CHECKPOINT_PASSIVE
    ) -> tuple[int, int]:
        """As in SQLite; DatabaseReplaced if a file is another one now, DatabaseError if it cannot be seen."""
        if self._files is not None:
            self._files.check()
        return super().wal_checkpoint(dbname, mode)

    def close(self, force: bool = False) -> None:
        """Close it. The last one copies the WAL into the database, unless a file is another one now or cannot
        be seen."""
        files, self._files = self._files, None
        try:
            if files is not None:
                files.check()
        except DatabaseError:
            self.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        super().close(force)
        if self.turns is not None:
            self.turns.close()


class OpenedFiles:
    """The files of a database as they were when it was opened."""

    def __init__(self, database: str) -> None:
        self._folder = str(Path(database).parent)
        self._folder_changed_at = os.stat(self._folder).st_mtime_ns
        self._files = {
            path: file_identity(path)
            for path in (database, *(f"{database}{suffix}" for suffix in SIDE_FILES))
        }

    def check(self) -> bool:
        """Raises DatabaseReplaced, or DatabaseError if the files cannot be seen now; False, so that a commit
        goes on, if nothing has changed.

        A look at the folder suffices for as long as nothing in it comes or goes. It costs some microseconds,
        and each commit waits for it.
        """
        try:
            changed_at = os.stat(self._folder).st_mtime_ns
        except OSError:
            changed_at = 0
        if changed_at != self._folder_changed_at:
            for path, opened in self._files.items():
                if (found := _seen(path)) != opened:
                    raise DatabaseReplaced(
                        f"{was_changed(path, found)} while this program worked with it; nothing was written",
                        hint="start the program again: it takes up the database that is there then",
                    )
            self._folder_changed_at = changed_at
        return False


def _seen(path: str) -> FileIdentity | None:
    try:
        return file_identity(path)
    except OSError as error:
        raise DatabaseError(
            f"{path} cannot be looked at: {error.strerror}; nothing was written",
            hint="the system's log says what has happened to its disk (dmesg)",
        ) from error
