"""The places of logs, in folders where scripts may write: neither a log nor its folder may be a link.

A script of the same user can put anything there. What stands at the place of a new log is replaced; what
stands at the place of an old one is refused, and never waited for. All of these raise OSError.
"""

import os
from contextlib import suppress
from pathlib import Path

from jeeves_runner.access import give_access
from jeeves_runner.regular_files import open_to_read, open_to_write, real_folder, replace


def replace_in_place(path: Path) -> int:
    """A descriptor of a new file in a folder that is there, to be read and written; for those for whom the
    folder is."""
    with real_folder(path.parent) as folder:
        file = replace(path.name, folder=folder)
        give_access(file, folder)
        return file


def open_in_place(path: Path, *, to_write: bool = False) -> int:
    """A descriptor of a file that is there, to be read, or to be written without losing its content."""
    with real_folder(path.parent) as folder:
        if to_write:
            return open_to_write(path.name, folder=folder)
        return open_to_read(path.name, folder=folder)


def remove_in_place(path: Path) -> None:
    """Delete what stands there, if anything does."""
    with suppress(FileNotFoundError), real_folder(path.parent) as folder:
        os.unlink(path.name, dir_fd=folder)
