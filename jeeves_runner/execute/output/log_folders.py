"""The logs of all jobs, ``logs/<job>/<run>.log``, listed in portions."""

import os
from collections.abc import Iterator
from itertools import islice

from jeeves_runner.core.values import is_id
from jeeves_runner.execute.data_folder import folder_in_data
from jeeves_runner.execute.output.log_place import LOGS, LogPlace, written_at


class LogFolders:
    """Goes through all logs, over and over; each call continues where the last one stopped."""

    def __init__(self, data_dir: str) -> None:
        self._data_dir = data_dir
        self._places: Iterator[LogPlace] = iter(())

    def older_than(self, time: float, limit: int) -> dict[int, list[LogPlace]]:
        """Of the next ``limit`` logs, those last written before ``time``, by the id of their run.

        ``time`` is in seconds since 1970. After the last log the next call starts over.
        """
        places = list(islice(self._places, limit))
        if len(places) < limit:
            self._places = _logs(self._data_dir)
            places += islice(self._places, limit - len(places))
        found: dict[int, list[LogPlace]] = {}
        for place in places:
            if _is_older(place, time):
                found.setdefault(place.run_id, []).append(place)
        return found


def last_run_of_logs(data_dir: str) -> int:
    """The highest number of a run that there is a log of; 0 if there is none."""
    return max((place.run_id for place in _logs(data_dir)), default=0)


def _logs(data_dir: str) -> Iterator[LogPlace]:
    """What is named as the runner names folders and logs; all else is another's."""
    for job_id in filter(is_id, _entries(data_dir, LOGS)):
        for name in _entries(data_dir, LOGS, job_id):
            number = name.removesuffix(".log")
            if number.isascii() and number.isdigit() and len(number) < 19:
                place = LogPlace(data_dir, job_id, int(number))
                if place.name == name:
                    yield place


def _entries(data_dir: str, *names: str) -> list[str]:
    try:
        with folder_in_data(data_dir, *names) as folder:
            return os.listdir(folder)  # noqa: PTH208 - by descriptor
    except OSError:
        return []


def _is_older(place: LogPlace, time: float) -> bool:
    try:
        return written_at(place) < time
    except OSError:
        return False  # gone in the meantime
