"""The files that are made for inline texts: in the data folder, for one run each."""

import os
import re
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Final

from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.data_folder import folder_in_data
from jeeves_runner.regular_files import create

_FOLDER: Final = "tmp"
_NAME: Final = re.compile(r"run-[0-9]+-[a-z0-9_]{8}")


def folder_of_temporaries(data_dir: str) -> Path:
    """Where they are."""
    return Path(data_dir, _FOLDER)


def write_temporary(text: str, run_id: int, data_dir: str) -> str:
    """Make a file of this text, for this user alone; its path. StartFailed if that is not possible."""
    try:
        with folder_in_data(data_dir, _FOLDER, make=True) as folder:
            name = f"run-{run_id}-{os.urandom(4).hex()}"
            with os.fdopen(create(name, folder=folder), "wb") as file:
                file.write(text.encode())
    except OSError as error:
        place = folder_of_temporaries(data_dir)
        raise StartFailed(f"the inline script cannot be written to {place}: {error.strerror}") from error
    return f"{data_dir}/{_FOLDER}/{name}"


def remove_temporary(path: str) -> None:
    """Delete a file that ``write_temporary`` has made. Raises OSError."""
    data_dir, folder, name = path.rsplit("/", 2)
    with folder_in_data(data_dir, folder) as opened:
        os.unlink(name, dir_fd=opened)


def clear_temporaries(data_dir: str) -> None:
    """Delete those that a dead runner left; other files of the folder stay."""
    with suppress(OSError), folder_in_data(data_dir, _FOLDER) as folder:
        for name in filter(_NAME.fullmatch, os.listdir(folder)):  # noqa: PTH208 - by descriptor
            with suppress(OSError):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                    os.unlink(name, dir_fd=folder)
