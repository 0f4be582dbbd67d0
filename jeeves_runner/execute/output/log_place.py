"""The places of logs, ``logs/<job>/<run>.log`` in the data folder, and how files are reached there.

Beside a log, ``<run>.out`` holds what the run wrote to stdout, where that is to be sent to people.

A script of the same user can write any path into a run's row, and put anything into these folders. So a place
is made of what a run is, and never of a path that was written down; and on the way to it no link is followed.
What stands at the place of a new log is replaced; what stands at the place of an old one is refused if it is
no file, and never waited for. All functions raise OSError.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from jeeves_runner.access import give_access
from jeeves_runner.core.values import is_id
from jeeves_runner.execute.data_folder import folder_in_data
from jeeves_runner.regular_files import open_own_to_write, open_to_read, replace

_T = TypeVar("_T")

LOGS: Final = "logs"
"""The name of their folder in the data folder."""


class LogPlace(NamedTuple):
    """Where the log of a run is, whether there is one or not."""

    data_dir: str
    """The absolute path of the data folder."""
    job_id: str
    """The run's job."""
    run_id: int
    """The run's id."""
    ending: str = ".log"
    """What the file's name has behind the run's id."""
    earlier: tuple[str, ...] = ()
    """The ids that the job had before: what was written under them may still be in their folders."""

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.run_id}{self.ending}"

    @property
    def path(self) -> Path:
        """The whole path: to be shown, and not to be opened."""
        return Path(str(self))

    def __str__(self) -> str:
        return f"{self.data_dir}/{LOGS}/{self.job_id}/{self.name}"


def stdout_of(log: LogPlace) -> LogPlace:
    """The place of what a run wrote to stdout alone, beside its log."""
    return log._replace(ending=".out")


def replace_in_place(place: LogPlace) -> int:
    """A descriptor of a new file, to be read and written, for those for whom its folder is. Folders that are
    missing are made."""
    with _folder_of(place, make=True) as folder:
        file = replace(place.name, folder=folder)
        give_access(file, folder)
        return file


def open_in_place(place: LogPlace, *, to_write: bool = False) -> int:
    """A descriptor of a file that is there, to be read, or to be written without losing its content."""

    def opened(folder: int) -> int:
        if to_write:
            return open_own_to_write(place.name, folder=folder)
        return open_to_read(place.name, folder=folder)

    return _where_it_is(place, opened)


def remove_in_place(place: LogPlace) -> None:
    """Delete what stands there, if anything does."""
    for each in _folders(place):
        with suppress(FileNotFoundError), _folder_of(each) as folder:
            os.unlink(each.name, dir_fd=folder)


def written_at(place: LogPlace) -> float:
    """When what stands there was last written, in seconds since 1970."""
    return _where_it_is(
        place, lambda folder: os.stat(place.name, dir_fd=folder, follow_symlinks=False).st_mtime
    )


def _where_it_is(place: LogPlace, use: Callable[[int], _T]) -> _T:
    """What ``use`` makes of the folder that has it. It may be moved to the newest one meanwhile, which is
    therefore looked at first and last."""
    folders = _folders(place)
    for each in (*folders, place)[: -1 if len(folders) == 1 else None]:
        try:
            with _folder_of(each) as folder:
                return use(folder)
        except FileNotFoundError as error:
            missing = error
    raise missing


def _folders(place: LogPlace) -> list[LogPlace]:
    """The same file by each of the ids that its job has had."""
    return [place._replace(job_id=job_id, earlier=()) for job_id in (place.job_id, *place.earlier)]


@contextmanager
def _folder_of(place: LogPlace, *, make: bool = False) -> Iterator[int]:
    """The job's folder. A row may have been given an id that is none, and would lead elsewhere."""
    if not is_id(place.job_id) or place.run_id < 1:
        raise OSError(errno.EINVAL, "no run has such a log", str(place))
    with folder_in_data(place.data_dir, LOGS, place.job_id, make=make) as folder:
        yield folder
