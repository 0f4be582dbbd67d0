"""The files of the database while a runner works: none may be deleted, and the log of writes stays short.

A thread of their own looks at them, because their disk may hang.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.db.file_upkeep import WAL_AT_REST, wal_path
from jeeves_runner.db.guarded import FileIdentity, was_changed
from jeeves_runner.db.runner import files_of, too_open_files
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import DatabaseError, Fenced, JeevesError
from jeeves_runner.side_thread import SILENT, SideThread
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_INTERVAL: Final = 1.0
"""Seconds between two looks at the files."""

_Files = Mapping[Path, FileIdentity | None]

REST: Final = 5.0
"""Seconds without a commit after which the file is made short: it is not about to be needed again."""


async def file_is_lost(db_path: Path, thread: SideThread) -> Fenced:
    """Wait until one of the database's files, its lock included, is deleted or replaced; what is to be said
    then. Another runner could start, and other programs write what this one never sees.

    ``thread`` looks at them. What cannot be seen is not taken for lost.
    """
    trouble = Trouble(log, over="the files of the database can be looked at again")
    opened: _Files | None = None
    while True:
        try:
            found = await thread.call(partial(files_of, db_path))
        except (OSError, DatabaseError) as error:
            trouble.met(f"the files of {db_path} cannot be looked at: {_why(error)}")
        else:
            trouble.over()
            opened = opened or found
            if found != opened:
                return _fenced(db_path, opened, found)
        await asyncio.sleep(_INTERVAL)


def _fenced(db_path: Path, opened: _Files, found: _Files) -> Fenced:
    gone = next((file for file, identity in opened.items() if found.get(file, identity) != identity), None)
    what = f"{db_path} was led elsewhere" if gone is None else was_changed(gone, found[gone])
    return Fenced(
        f"{what} while this runner worked with it; it has ended its runs",
        hint="start it again: it takes up the database that is there then",
    )


def _why(error: Exception) -> str:
    """What is wrong, in words; a call that has come to no end raises TimeoutError, which has none."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    return text or SILENT


def warn_of_access(db_path: Path, data_dir: Path, mode: int) -> None:
    """Say in the log which files and folders more people may use than ``mode`` says."""
    found = too_open_files(db_path, data_dir, mode)
    if found:
        log.warning(
            "more people than the config's data_mode says may use %s; change that with chmod",
            ", ".join(map(str, found)),
        )


class WalUpkeep:
    """Keeps the log short when it is other programs that write.

    The writer of the runner counts its own commits. Those of scripts and commands it does not see, and they
    never checkpoint while a runner lives. So this looks at the file, and has the writer checkpoint when much
    has come.
    """

    def __init__(self, *, writer: Writer, clock: Clock, db_path: Path, thread: SideThread) -> None:
        """``thread`` looks at the file."""
        self._thread = thread
        self._trouble = Trouble(log, over="the write-ahead log is kept short again")
        self._writer = writer
        self._clock = clock
        self._wal = wal_path(db_path)
        self._seen: tuple[int, int] | None = None
        self._unchanged_since = clock.monotonic()
        self._is_short = False
        self._erased = 0

    async def run(self) -> None:
        """Look until cancelled. A failure is told once, and the next look tries again."""
        while True:
            try:
                await self.look()
            except (JeevesError, OSError) as error:
                self._trouble.met(f"the write-ahead log cannot be kept short: {_why(error)}", logging.ERROR)
            else:
                self._trouble.over()
            await asyncio.sleep(_INTERVAL)

    async def look(self) -> None:
        """One look: checkpoint if others have written much, and shorten the file once it is at rest, if it
        has grown or may hold secret parameters that have been deleted.

        Raises DatabaseError, and OSError for a disk that fails or does not answer.
        """
        found = await self._thread.call(self._wal.stat)
        seen = (found.st_mtime_ns, found.st_size)
        now = self._clock.monotonic()
        if seen != self._seen:
            self._seen, self._unchanged_since, self._is_short = seen, now, False
            await self._writer.checkpoint_if_grown()
        elif not self._is_short and now - self._unchanged_since >= REST:
            self._unchanged_since = now
            erased = await self._writer.secrets_erased()
            self._is_short = found.st_size <= WAL_AT_REST and erased == self._erased
            if not self._is_short and await self._writer.shorten_wal():
                self._is_short, self._erased = True, erased
