"""The logs of all jobs, ``logs/<job>/<run>.log``, listed in portions."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path


class LogFolders:
    """Goes through all logs, over and over; each call continues where the last one stopped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: Iterator[tuple[int, Path]] = iter(())

    def older_than(self, time: float, limit: int) -> dict[int, list[Path]]:
        """Of the next ``limit`` logs, those last written before ``time``, by the id of their run.

        ``time`` is in seconds since 1970. After the last log the next call starts over.
        """
        files = list(islice(self._files, limit))
        if len(files) < limit:
            self._files = _logs(self._folder)
            files += islice(self._files, limit - len(files))
        found: dict[int, list[Path]] = {}
        for run_id, path in files:
            if _written(path) < time:
                found.setdefault(run_id, []).append(path)
        return found


def _logs(folder: Path) -> Iterator[tuple[int, Path]]:
    for job in _entries(folder):
        for name in () if (folder / job).is_symlink() else _entries(folder / job):
            stem, _, extension = name.rpartition(".")
            if extension == "log" and stem.isascii() and stem.isdigit() and len(stem) < 19:
                yield int(stem), folder / job / name


def _entries(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _written(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return float("inf")  # gone in the meantime
