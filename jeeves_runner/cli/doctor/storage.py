"""Where the runner keeps what it knows: the database, the data folder, and the disks under both."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Final

import apsw

from jeeves_runner.cli.formats import size
from jeeves_runner.clock import Clock, to_text
from jeeves_runner.config import Config
from jeeves_runner.core.diagnosis import Diagnosis
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.wrong_clock import judge_start
from jeeves_runner.db.clock_events import seen_time
from jeeves_runner.db.connection import connect
from jeeves_runner.db.integrity import first_damage
from jeeves_runner.db.runner import too_open_files
from jeeves_runner.runs.disk import MIN_INODES

_CHECK_SECONDS: Final = 5.0
"""How long the look for damage in the database takes at most."""


def examine_database(config: Config, clock: Clock) -> Iterator[Diagnosis]:
    """Whether it can be used and is whole; DatabaseError if it cannot be opened."""
    path = config.db_path
    if not path.exists():
        yield _about_folder(path.parent, f"{path} is not there yet; the first `apply` or `serve` makes it")
        return
    with closing(connect(path)) as conn:
        damage = first_damage(conn, clock, _CHECK_SECONDS)
        if damage is not None:
            hint = "stop the server, keep a copy of all its files, and put a backup in its place"
            yield Diagnosis("database", "error", f"{path} is damaged: {damage}", hint)
        else:
            yield Diagnosis("database", "ok", f"{path} can be used, {size(path.stat().st_size)}")
        yield from _examine_time(conn, clock.now())
    removed = "go-rwx" if config.data_mode == "0700" else "o-rwx"
    for file in too_open_files(path, config.data_dir, config.folder_mode):
        message = f"{file} lets more people in than data_mode {config.data_mode}"
        yield Diagnosis("database", "warning", message, f"`chmod {removed} {quote(str(file.path))}`")


def _about_folder(folder: Path, message: str) -> Diagnosis:
    """``message`` if a file can be made in this folder, which may itself be missing."""
    place = next(place for place in (folder, *folder.parents) if place.exists())
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Diagnosis("database", "ok", message)
    elsewhere = "let data_dir and db_path name another place"
    if not place.is_dir():
        message = f"nothing can be made in {place}, which is no folder"
        return Diagnosis("database", "error", message, elsewhere)
    hint = f"give this user write permission, or {elsewhere}"
    return Diagnosis("database", "error", f"nothing can be made in {place}, for {folder}", hint)


def _examine_time(conn: apsw.Connection, now: datetime) -> Iterator[Diagnosis]:
    seen = seen_time(conn).seen_at
    start = judge_start(seen, now)
    if start.behind and seen is not None:
        behind = in_units(round(start.behind.total_seconds()) * 1000, tenths=False)
        message = f"it is {to_text(now)} here, {behind} before what a server has last seen, {to_text(seen)}"
        hint = "set the clock right before a server starts; one that starts now waits 2m for that"
        yield Diagnosis("clock", "error" if start.is_far_behind else "warning", message, hint)


def examine_disks(config: Config) -> Iterator[Diagnosis]:
    """Whether there is room for more runs where data and database are."""
    done = set()
    for folder in (config.data_dir, config.db_path.parent):
        place = next(place for place in (folder, *folder.parents) if place.exists())
        if (device := place.stat().st_dev) not in done:
            done.add(device)
            yield _examine_disk(place, config.min_free)


def _examine_disk(place: Path, min_free: int) -> Diagnosis:
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    room = f"{size(free)} free where {place} is"
    message = f"{room}; below min_free, {size(min_free)}, no run starts"
    hint = "make room, or lower min_free"
    # Some file systems have no fixed number of files, and say so by none at all.
    if found.f_files and found.f_favail < 2 * MIN_INODES:
        few = f"room for only {found.f_favail} more files where {place} is; below {MIN_INODES} no run starts"
        return Diagnosis("disk", "error" if found.f_favail < MIN_INODES else "warning", few, hint)
    if free < min_free:
        return Diagnosis("disk", "error", message, hint)
    if free < 2 * min_free:
        return Diagnosis("disk", "warning", message, hint)
    return Diagnosis("disk", "ok", room)
