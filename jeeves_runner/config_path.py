"""Where the config file is, what relative paths in it start from, and whether a path can be one."""

import errno
import os
from pathlib import Path
from stat import S_ISREG
from typing import Final

from jeeves_runner.errors import ConfigError

FILE_NAME: Final = "jeeves-runner.yaml"

DATA_DIR: Final = "data"
"""The data folder of a config that names none."""

DATABASE: Final = "runner.sqlite"
"""The database of a config that names none, in the data folder."""

NUL: Final = "it holds a NUL character"
"""What is wrong with a text that no system call takes."""

_LONGEST_SUFFIX: Final = "-journal"


def config_path(start: Path, explicit: Path | None) -> Path | None:
    """The file that is ``explicit`` or in that folder, else the nearest one at or above ``start``."""
    if explicit is None:
        return nearest_file(start)
    is_folder = os.path.isdir(explicit)  # noqa: PTH112 - is_dir() raises where one may not look
    return explicit / FILE_NAME if is_folder else explicit


def nearest_file(start: Path) -> Path | None:
    """The nearest entry of that name, going up; one that cannot be read is an error and not passed over."""
    here = start.resolve()
    return next(
        (path for folder in (here, *here.parents) if os.path.lexists(path := folder / FILE_NAME)), None
    )


def root_of(folder: Path) -> Path:
    """The project root. Its path must be text: it is written to rows and documents."""
    root = folder.resolve()
    try:
        str(root).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"the name of the project's folder is not UTF-8: {root}", hint="rename the folder"
        ) from None
    return root


def bytes_of(path: Path) -> bytes:
    """What stands in the file; ConfigError if it cannot be read."""
    try:
        # Reading a named pipe would wait for a writer.
        if not S_ISREG(path.stat().st_mode):
            raise OSError(None, "it is not a file")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the config file {path} cannot be read: {error.strerror}",
            hint="name another with --config, or leave it out: every setting has a default",
        ) from None


def path_fault(path: Path) -> str | None:
    """Why no such path can exist, whatever is there now; None when it can."""
    # SQLite puts files of longer names beside the database.
    for name in (str(path), f"{path}{_LONGEST_SUFFIX}"):
        try:
            os.stat(name)
        except ValueError:
            return NUL if "\0" in name else "it holds what is no character"
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                return error.strerror
    return None
