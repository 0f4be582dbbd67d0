"""One runner per data folder: two would write, and remove, each other's logs and temporaries.

The runs of each database are numbered from 1, so two databases that share a folder name the same files.
The lock is on the folder itself and dies with its process. The runner's lock of the database does not
help: each of two databases has its own.
"""

import asyncio
import fcntl
import logging
import os
from pathlib import Path
from typing import Final

from jeeves_runner.access import make_folder
from jeeves_runner.clock import Clock
from jeeves_runner.config import Config
from jeeves_runner.errors import ConfigError, RunnerActive
from jeeves_runner.regular_files import folder_of_the_system, real_folder

log = logging.getLogger(__name__)

_PATIENCE: Final = 1.0
"""Seconds to wait for a lock: a process that is ending gives its locks back one after the other."""

_INTERVAL: Final = 0.05
"""Seconds between two attempts."""


async def lock_data_folder(folder: Path, clock: Clock) -> int:
    """Lock the folder for this process; the descriptor that holds the lock until it is closed.

    Raises RunnerActive if another runner has it, OSError if the folder cannot be opened. Where the file
    system knows no locks, a warning is logged and the folder is used without.
    """
    began = clock.monotonic()
    while (descriptor := await asyncio.to_thread(_locked, folder)) is None:
        if clock.monotonic() - began >= _PATIENCE:
            raise RunnerActive(
                f"another runner already works in {folder}, with another database",
                hint="two would overwrite each other's logs: give this one a data_dir and a port of its own",
            )
        await asyncio.sleep(_INTERVAL)
    return descriptor


def _locked(folder: Path) -> int | None:
    """A descriptor that has the lock, as far as the file system knows locks; None if another has it."""
    with real_folder(folder.resolve()) as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        except OSError as error:
            log.warning("%s cannot be locked (%s): no second runner may use it", folder, error.strerror)
        return os.dup(opened)  # both have the one lock, which goes with the last of them


def make_data_folder(config: Config) -> None:
    """Make the folder of a server's data. ConfigError for one of those that belong to the system."""
    if (system := folder_of_the_system(config.data_dir)) is not None:
        raise ConfigError(
            f"the data folder {config.data_dir} belongs to the system, which keeps nothing in {system}",
            hint="let data_dir name a place on a disk",
        )
    make_folder(config.data_dir, config.folder_mode)
