"""The machine: its clock, and the limits that it sets to the server."""

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from jeeves_runner.config import Config
from jeeves_runner.core.diagnosis import Diagnosis

_UNSYNCHRONISED: Final = 5
"""What adjtimex(2) answers while no time service has set the clock: TIME_ERROR."""

_OWN_FILES: Final = 64
"""Descriptors that a server has open without runs and clients."""

_FILES_PER_RUN: Final = 8
"""Descriptors that a run needs in the server and its starter: pipes, its log, its process."""

_OWN_TASKS: Final = 64
"""Processes and threads of a server without runs."""

_TASKS_PER_RUN: Final = 4
"""Processes that a small script needs: a shell and what it calls."""

_CGROUPS: Final = Path("/sys/fs/cgroup")

_ENOUGH_FOLDERS: Final = 100_000
"""A folder of manifests with more folders is not counted to its end."""


def examine_clock() -> Iterator[Diagnosis]:
    """Whether a time service keeps the clock right, where the kernel tells."""
    if not sys.platform.startswith("linux"):
        return
    # struct timex begins with the modes; none asks for a mere look. It has 208 bytes on 64-bit machines.
    answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(1024))
    if answer == _UNSYNCHRONISED:
        message = "no time service keeps the clock right, as far as the kernel knows"
        yield Diagnosis("clock", "warning", message, "start one: `timedatectl set-ntp true`, chrony or ntpd")
    elif answer >= 0:
        yield Diagnosis("clock", "ok", "a time service keeps the clock right")


def examine_limits(config: Config, server: int | None) -> Iterator[Diagnosis]:
    """What the system allows the server, whose pid is given, or one that would be started here."""
    found = [*_files(config, server), *_tasks(config, server), *_watches(config)]
    yield from found
    if not found:
        yield Diagnosis("limits", "ok", f"enough for {config.max_concurrency} runs at once (max_concurrency)")


def _files(config: Config, server: int | None) -> Iterator[Diagnosis]:
    allowed = limit_of("Max open files", server)
    needed = _OWN_FILES + _FILES_PER_RUN * config.max_concurrency
    if allowed is not None and allowed < needed:
        message = (
            f"{allowed} files may be open at once; max_concurrency {config.max_concurrency} needs {needed}"
        )
        hint = "raise the hard limit: LimitNOFILE= of the service, `ulimit -Hn` of a shell"
        yield Diagnosis("limits", "warning", message, hint)


def _tasks(config: Config, server: int | None) -> Iterator[Diagnosis]:
    allowed = task_limit(server)
    needed = _OWN_TASKS + _TASKS_PER_RUN * config.max_concurrency
    if allowed is not None and allowed < needed:
        message = (
            f"{allowed} processes and threads may exist at once;"
            f" max_concurrency {config.max_concurrency} needs about {needed}"
        )
        hint = "raise TasksMax= of the service, or the limit of the container (pids)"
        yield Diagnosis("limits", "warning", message, hint)


def _watches(config: Config) -> Iterator[Diagnosis]:
    allowed = _number(Path("/proc/sys/fs/inotify/max_user_watches"))
    folders = _folders_in(config.jobs_dir)
    if allowed is not None and allowed < folders:
        message = f"{config.jobs_dir} has {folders} folders, of which inotify may watch {allowed}"
        hint = "raise fs.inotify.max_user_watches (sysctl); until then changes are seen each sync.interval"
        yield Diagnosis("limits", "warning", message, hint)


def limit_of(name: str, pid: int | None) -> int | None:
    """The hard limit of this name that a process has, this one where none is given; None: unlimited, or not
    known here."""
    with suppress(OSError):
        limits = Path(f"/proc/{pid or 'self'}/limits").read_text(encoding="ascii", errors="replace")
        found = re.search(rf"^{re.escape(name)} +\S+ +(\d+)", limits, re.MULTILINE)
        return None if found is None else int(found[1])
    return None


def task_limit(pid: int | None) -> int | None:
    """How many processes and threads the cgroups of a process allow, the smallest of all those above it;
    None: not limited, or not known here."""
    try:
        lines = Path(f"/proc/{pid or 'self'}/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    place = cgroup_of_pids(lines)
    if place is None:
        return None
    limits = [_number(each / "pids.max") for each in (place, *place.parents) if each.is_relative_to(_CGROUPS)]
    return min((limit for limit in limits if limit is not None), default=None)


def cgroup_of_pids(lines: list[str]) -> Path | None:
    """The folder of the cgroup that counts processes, by a file of the form of cgroups(7): in version 1 that
    of a controller, in version 2 the only one."""
    named = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    for _, controllers, path in named:
        if "pids" in controllers.split(","):
            return _CGROUPS / "pids" / path.lstrip("/")
    return next((_CGROUPS / path.lstrip("/") for number, _, path in named if number == "0"), None)


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None


def _folders_in(top: Path) -> int:
    count = 0
    for count, _ in enumerate(os.walk(top), 1):
        if count == _ENOUGH_FOLDERS:
            break
    return count
