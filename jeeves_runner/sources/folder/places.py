"""What stands at a path of the jobs folder, whatever its file system says: a fault means that nothing does.

``Path.is_dir`` and ``Path.exists`` raise where one may not look and where a network file system fails;
``Path.resolve`` raises where links form a circle. These raise nothing. They may hang with their file system:
the event loop calls them by a ``SideThread``.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

Identity = tuple[int, int]
"""Device and inode."""

MANY_LINKS = 40
"""More links on one way are a circle, as for the system."""


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


def way_of(path: str, at: str = "/") -> Iterator[tuple[str, str]]:
    """The places that decide what stands at ``path``, which starts in the real folder ``at``.

    Each is a real folder and a name in it: every link on the way, and the end. Where something is missing,
    that is the end.
    """
    rest, links = path.split("/")[::-1], 0
    while rest:
        name = rest.pop()
        if name == "..":
            at = os.path.dirname(at)  # noqa: PTH120 - a Path costs more than the rest of this
        if name in ("", ".", ".."):
            continue
        place = os.path.join(at, name)  # noqa: PTH118
        try:
            target = os.readlink(place)
        except OSError as error:
            if error.errno != errno.EINVAL or not any(rest):  # not there, or the end
                yield at, name
                return
            at = place
            continue
        yield at, name
        links += 1
        if links > MANY_LINKS:
            return
        if target.startswith("/"):
            at = "/"
        rest.extend(target.split("/")[::-1])


def identity_of(path: Path) -> Identity | None:
    """Which folder stands there, or is reached by links; None where nothing can be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
