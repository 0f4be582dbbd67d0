"""Logs of runs, at their places in a data folder."""

from pathlib import Path

from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.log_ring import ring_of


def log_place(data: Path, run_id: int = 1, job_id: str = "a") -> LogPlace:
    """Where the log of a run is, in a folder that is there for it."""
    place = LogPlace(str(data), job_id, run_id)
    place.path.parent.mkdir(parents=True, exist_ok=True)
    return place


def log_file(data: Path, run_id: int = 1, job_id: str = "a") -> Path:
    """The same as a path."""
    return log_place(data, run_id, job_id).path


def ring_file(place: LogPlace) -> Path:
    """The file of a log's ring."""
    return ring_of(place).path
