"""What stands at a path of the jobs folder, whatever its file system says: a fault means that nothing does.

``Path.is_dir`` and ``Path.exists`` raise where one may not look and where a network file system fails;
``Path.resolve`` raises where links form a circle. These raise nothing. They may hang with their file system:
the event loop calls them by a ``SideThread``.
"""

import os
from pathlib import Path

Identity = tuple[int, int]
"""Device and inode."""


def is_folder(path: Path) -> bool:
    """Whether a folder stands there, or is reached by links."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Whether a regular file stands there, or is reached by links."""
    return os.path.isfile(path)  # noqa: PTH113


def is_there(path: Path) -> bool:
    """Whether anything stands there, or is reached by links."""
    return os.path.exists(path)  # noqa: PTH110


def real_path(path: Path) -> Path:
    """The path without links, as far as they lead anywhere."""
    return Path(os.path.realpath(path))


def identity_of(path: Path) -> Identity | None:
    """Which folder stands there, or is reached by links; None where nothing can be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
