"""Work on the files of runs that may never answer, done beside the event loop and waited for only so long."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from jeeves_runner.errors import StartFailed
from jeeves_runner.side_thread import SideThread

T = TypeVar("T")

PATIENCE: Final = 30.0
"""Seconds to wait for an answer."""
_MOST_THREADS: Final = 32


class FileThreads:
    """One thread for each folder at most, also while it hangs, however many runs come meanwhile.

    Use it from one event loop.
    """

    def __init__(self) -> None:
        self._threads: dict[str, SideThread] = {}

    def of(self, folder: str) -> SideThread:
        """That of a folder."""
        thread = self._threads.get(folder)
        if thread is None:
            if len(self._threads) >= _MOST_THREADS:
                self._threads.clear()
            thread = self._threads[folder] = _thread()
        return thread

    async def call(self, work: Callable[[], T], path: str) -> T:
        """What the work on this file returns or raises, after what was to be done before in its folder.

        StartFailed if it does not end in time, or if there is no thread for it.
        """
        return await _called(self.of(str(Path(path).parent)), work, path)


async def beside_the_loop(work: Callable[[], T], path: str) -> T:
    """The same in a thread of its own: for long work on a file whose folder has just answered."""
    return await _called(_thread(), work, path)


def silent(path: str) -> StartFailed:
    """The error for a file or folder that has not answered."""
    return StartFailed(
        f"the file system of {path} has not answered for {PATIENCE:.0f} s",
        hint="is it on a server that cannot be reached?",
    )


def _thread() -> SideThread:
    return SideThread("file work")


async def _called(thread: SideThread, work: Callable[[], T], path: str) -> T:
    try:
        return await thread.call(work, PATIENCE)
    except TimeoutError:
        raise silent(path) from None
    except OSError as error:
        raise StartFailed(f"{path} cannot be read now: {error.strerror}") from error
