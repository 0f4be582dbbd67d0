"""The logs of a job that got another id: they go into the folder of the new one, file by file.

What reads or deletes a log looks for it in the folders of earlier ids too, so that nothing depends on when
it is moved, and a move that was interrupted goes on at the next look.
"""

import os
from collections.abc import Collection
from contextlib import suppress

from jeeves_runner.core.values import is_id
from jeeves_runner.execute.data_folder import folder_in_data
from jeeves_runner.execute.output.log_place import LOGS


def runs_with_files(data_dir: str, job_id: str) -> set[int]:
    """The runs that have files in the folder of a job; none if there is no such folder."""
    try:
        with folder_in_data(data_dir, LOGS, job_id) as folder:
            names = os.listdir(folder)  # noqa: PTH208 - by descriptor
    except OSError:
        return set()
    return {number for name in names if (number := _run_of(name)) is not None}


def move_files(data_dir: str, old: str, new: str, run_ids: Collection[int]) -> None:
    """Move all files of these runs, which must have ended, from one folder to another; the old one goes once
    it is empty. What stands at the new place already is newer. Raises OSError."""
    if not (is_id(old) and is_id(new)):
        return
    with folder_in_data(data_dir, LOGS, old) as here, folder_in_data(data_dir, LOGS, new, make=True) as there:
        for name in os.listdir(here):  # noqa: PTH208 - by descriptor
            if _run_of(name) not in run_ids:
                continue
            with suppress(FileNotFoundError):  # it may have been deleted meanwhile
                if _is_there(name, there):
                    os.unlink(name, dir_fd=here)
                else:
                    os.rename(name, name, src_dir_fd=here, dst_dir_fd=there)
    remove_if_empty(data_dir, old)


def remove_if_empty(data_dir: str, job_id: str) -> None:
    """Take away the folder of a job of which all logs were moved; what is still in use is left."""
    if is_id(job_id):
        with suppress(OSError), folder_in_data(data_dir, LOGS) as logs:
            os.rmdir(job_id, dir_fd=logs)


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _run_of(name: str) -> int | None:
    """The run whose file has this name; None for what is no run's."""
    number = name.partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None
