"""Whether git is at work on a folder: while a command changes the working tree, half of it is old.

Git holds a lock during one command. A checkout by several of them, as in a rebase, leaves gaps without a
lock; there HEAD moves. So a look waits until neither has been seen for a moment.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from jeeves_runner.clock import Clock
from jeeves_runner.regular_files import read_all
from jeeves_runner.side_thread import SideThread
from jeeves_runner.sources.folder.places import is_file, is_folder, real_path
from jeeves_runner.sources.stamps import FileStamp, stamp_of

PATIENCE = 30.0
"""Seconds to wait for git to come to rest."""

REST = 1.0
"""Seconds without a lock and without a move of HEAD after which git is at rest."""

_STEP = 0.05
_SHORT = 4096  # bytes: more than any path has
_WORTH_SAYING = 1.0


class GitWork:
    """Waits while git works in ``folder``, or where linked manifests or those of a clone within it are.

    ``recheck``: the places to which the last wait's answer is due, with what stood there; a change there may
    give another answer. It is empty when git was at rest.
    """

    def __init__(self, folder: Path, clock: Clock, thread: SideThread) -> None:
        """``thread`` looks at the files."""
        self._folders: tuple[Path, ...] = (folder,)
        self._clock = clock
        self._thread = thread
        # Where HEAD stood at the end of the last wait; None before the first.
        self._head: Mapping[str, FileStamp] | None = None
        # Locks that outlasted a wait: left by commands that died, they are not waited for again.
        self._left_over: Mapping[str, FileStamp] = {}
        self.recheck: Mapping[str, FileStamp] = {}

    def retarget(self, folders: Iterable[str]) -> None:
        """Look at the repositories of these folders from now on."""
        self._folders = tuple(map(Path, folders))

    async def wait(self, say: Callable[[str], None]) -> str | None:
        """Wait until git is at rest; if it does not come to rest, what deletes have to wait for.

        ``say`` is called with the reason of a long wait, once. OSError if the file system does not answer.
        """
        began = busy = self._clock.monotonic()
        was_busy = said = False
        while True:
            locks, head = await self._thread.call(lambda: _look(self._folders))
            has_moved = self._head is not None and _has_moved(self._head, head)
            self._head = head
            now = self._clock.monotonic()
            waited = now - began
            if waited > PATIENCE:
                self._left_over = locks
            self._left_over = {
                lock: stamp for lock, stamp in self._left_over.items() if locks.get(lock) == stamp
            }
            fresh = next((lock for lock in locks if lock not in self._left_over), None)
            if fresh is not None or has_moved:
                was_busy, busy = True, now
            if not was_busy or now - busy >= REST or (locks and waited > PATIENCE):
                self.recheck = locks
                return _of_left_over(next(iter(locks), None))
            if waited > PATIENCE:
                self.recheck = head
                return "deletes wait for git: HEAD goes on moving"
            if waited > _WORTH_SAYING and not said:
                said = True
                say(f"waiting for git: {'HEAD has moved' if fresh is None else f'{fresh} exists'}")
            await asyncio.sleep(_STEP)


def _of_left_over(lock: str | None) -> str | None:
    if lock is None:
        return None
    return f"deletes wait for git: {lock} exists; if no git command is at work, remove it"


def _has_moved(before: Mapping[str, FileStamp], now: Mapping[str, FileStamp]) -> bool:
    """Whether HEAD has moved in a repository that was looked at before as well.

    The names of the files differ where HEAD is at another branch; then that of HEAD itself has changed.
    """
    return any(now[place] != stamp for place, stamp in before.items() if place in now)


def _look(folders: Iterable[Path]) -> tuple[Mapping[str, FileStamp], Mapping[str, FileStamp]]:
    """The locks that git holds, and where HEAD stands."""
    locks: dict[str, FileStamp] = {}
    head: dict[str, FileStamp] = {}
    for git in dict.fromkeys(map(git_folder, folders)):
        if git is not None:
            lock = str(git / "index.lock")
            stamp = stamp_of(lock)
            if stamp is not None:
                locks[lock] = stamp
            head |= head_of(git)
    return locks, head


def git_folder(folder: Path) -> Path | None:
    """Where git keeps what belongs to the working tree that really holds ``folder``; None outside git.

    In a worktree and in a submodule ``.git`` is a file that says where that is.
    """
    real = real_path(folder)
    for place in (real, *real.parents):
        git = place / ".git"
        if is_folder(git):
            return git
        if is_file(git):
            return git.parent / _line(git).removeprefix("gitdir:").strip()
    return None


def head_of(git: Path) -> dict[str, FileStamp]:
    """The files that say which commit a working tree stands at, with their stamps.

    They are written anew whenever HEAD moves. A worktree shares its branches with the others.
    """
    head = git / "HEAD"
    places = [head]
    branch = _line(head)
    if branch.startswith("ref:"):
        shared = git / (_line(git / "commondir") or ".")
        places += [shared / branch.removeprefix("ref:").strip(), shared / "packed-refs"]
    return {str(place): stamp_of(str(place)) for place in places}


def _line(file: Path) -> str:
    """The text of a short file of git's; empty if it cannot be read."""
    try:
        return read_all(file, _SHORT, follow=True).decode("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
