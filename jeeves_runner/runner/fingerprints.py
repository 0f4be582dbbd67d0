"""What can be seen of files from outside, as a hash: names, sizes and times."""

import os
import stat
from collections.abc import Iterator
from glob import has_magic, iglob
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

MOST: Final = 100_000
"""Entries that are looked at in one place; there may be more."""


class Fingerprint(NamedTuple):
    """How a place was found."""

    digest: str
    """32 hex digits; those of a place that is empty, or is not there, are the same."""
    is_whole: bool = True
    """False: there are more than ``MOST`` entries, and of the rest nothing is known."""


def fingerprint(place: str) -> Fingerprint:
    """Of a file, of all that is in a folder, or of all that a pattern of absolute paths meets.

    Links are not followed below a folder. OSError where a folder or file cannot be asked: what is not known
    has not changed.
    """
    found = list(islice(_paths(place), MOST + 1))
    digest = blake2b(digest_size=16)
    for path in sorted(found[:MOST]):
        if (seen := _seen(path)) is not None:
            digest.update(os.fsencode(path) + b"\0" + seen.encode() + b"\0")
    return Fingerprint(digest.hexdigest(), len(found) <= MOST)


def _paths(place: str) -> Iterator[str]:
    if has_magic(place):
        # Path.glob knows no absolute patterns.
        yield from iglob(place, recursive=True, include_hidden=True)  # noqa: PTH207
    elif Path(place).is_dir():
        yield from _within(place)
    else:
        yield place


def _within(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=_raise):
        folders.sort()
        yield from (f"{here}/{name}" for name in (*folders, *sorted(files)))


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):  # it went away meanwhile
        raise error


def _seen(path: str) -> str | None:
    """Size and time of a file; a folder has neither that matters, since what is in it has."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        status = os.lstat(path)  # a link that leads in a circle
    return "" if stat.S_ISDIR(status.st_mode) else f"{status.st_size} {status.st_mtime_ns}"
