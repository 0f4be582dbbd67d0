"""The lock that git holds while a command changes a working tree, which is half changed until it is gone."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from jeeves_runner.clock import Clock
from jeeves_runner.sources.stamps import FileStamp, stamp_of

PATIENCE = 30.0
"""Seconds to wait for a git command that is changing the folder."""

_STEP = 0.05
_WORTH_SAYING = 1.0


def index_lock(folder: Path) -> Path | None:
    """Where git would lock the working tree that really holds ``folder``; None outside git.

    In a worktree and in a submodule ``.git`` is a file that says where the index is.
    """
    real = folder.resolve()
    for place in (real, *real.parents):
        git = place / ".git"
        try:
            if git.is_dir():
                return git / "index.lock"
            if git.is_file():
                return _linked(git) / "index.lock"
        except PermissionError:
            return None  # the folder cannot be read either, and that is reported
    return None


def _linked(file: Path) -> Path:
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return file
    return file.parent / text.removeprefix("gitdir:").strip()


class GitLock:
    """Waits for a git command that holds the lock.

    A lock that outlasts the wait is a left-over of a command that died: it is not waited for again.
    ``left_over`` is its stamp.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self.left_over: FileStamp = None

    async def wait(self, say: Callable[[Path], None]) -> Path | None:
        """Wait until the lock is gone; its path if it is a left-over. ``say`` is called for a long wait."""
        lock = index_lock(self._folder)
        began = self._clock.monotonic()
        said = False
        while lock is not None and (found := stamp_of(str(lock))) is not None:
            waited = self._clock.monotonic() - began
            if found == self.left_over or waited > PATIENCE:
                self.left_over = found
                return lock
            if waited > _WORTH_SAYING and not said:
                said = True
                say(lock)
            await asyncio.sleep(_STEP)
        self.left_over = None
        return None
