"""A small file that tells which process works for which run, from its start on.

The run's row gets the process later, and only if the run lasts: a commit would cost as much as a
short run itself. Without this file, a runner that is killed before that would leave no trace of a
process that has cleared its environment. Each start writes one slot by a single system call. No
sync is needed: what the kernel has taken survives the death of the runner, and after a power loss
no process is left. The slot of a run that has ended is used again. The first line says where all of them
were started.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from jeeves_runner.execute.local.launch import LocalHandle, is_process_number
from jeeves_runner.execute.local.origin import Origin
from jeeves_runner.regular_files import read_all, replace

log = logging.getLogger(__name__)

_SLOT = 96  # bytes of one slot
_EMPTY = b" " * (_SLOT - 1) + b"\n"
_FIELDS = 4
_MOST = 16 << 20  # bytes: slots of 100,000 runs


def roster_path(db_path: Path) -> Path:
    """The roster of a database's runner, beside the real file."""
    real = db_path.resolve()
    return real.with_name(f"{real.name}.processes")


def read_roster(db_path: Path) -> Mapping[str, LocalHandle]:
    """The processes noted by the last runner, by the marks of their runs; empty for an unreadable file."""
    try:
        content = read_all(roster_path(db_path), _MOST)
    except OSError:
        return {}
    return {handle.mark: handle for handle in _handles(content)}


class Roster:
    """Notes the processes of this runner; ``left`` are those that the runner before had noted.

    If the file cannot be written, that is logged once, and runs start all the same.
    """

    def __init__(self, db_path: Path) -> None:
        self._db_path = db_path
        self._path = roster_path(db_path)
        self.left = read_roster(db_path)
        self._fd: int | None = None
        self._first_slot = 0
        self._failed = False
        self._slots: dict[str, int] = {}
        self._free: list[int] = []

    @cached_property
    def origin(self) -> Origin:
        """Where the runs of this runner are started. The database is there when this is first asked for."""
        return Origin.here(self._db_path)

    def note(self, handle: LocalHandle) -> None:
        """Remember the process of a run that has just started here."""
        fields = str(handle.run_id), handle.mark, str(handle.pid), handle.pid_started or ""
        text = "\t".join(fields).encode()
        if self._failed or len(text) >= _SLOT:
            return
        slot = self._free.pop() if self._free else len(self._slots)
        self._slots[handle.mark] = slot
        self._write(slot, text.ljust(_SLOT - 1) + b"\n")

    def forget(self, mark: str) -> None:
        """A run has ended, and nothing of it is left."""
        slot = self._slots.pop(mark, None)
        if slot is not None:
            self._free.append(slot)
            self._write(slot, _EMPTY)

    def _write(self, slot: int, content: bytes) -> None:
        if self._failed:
            return
        try:
            if self._fd is None:
                self._fd = self._create()
            os.pwrite(self._fd, content, self._first_slot + slot * _SLOT)
        except OSError as error:
            self._failed = True
            log.warning("%s cannot be written: %s", self._path, error.strerror)

    def _create(self) -> int:
        # A new file: a fenced runner that is still ending its runs goes on writing the old one.
        fd = replace(self._path)
        head = json.dumps(self.origin._asdict()).encode() + b"\n"
        os.pwrite(fd, head, 0)
        self._first_slot = len(head)
        return fd


def _handles(content: bytes) -> Iterator[LocalHandle]:
    head, _, slots = content.partition(b"\n")
    origin = _origin(head)
    if origin is None:
        return
    for start in range(0, len(slots), _SLOT):
        fields = slots[start : start + _SLOT].decode("utf-8", "replace").strip().split("\t")
        # A slot that is empty, damaged or half written names no process.
        if len(fields) == _FIELDS and all(fields[number].isdecimal() for number in (0, 2, 3)):
            run_id, mark, pid, started = fields
            if is_process_number(int(pid)):
                yield LocalHandle(int(run_id), mark, int(pid), started, origin)


def _origin(head: bytes) -> Origin | None:
    try:
        facts = json.loads(head)
    except ValueError:
        return None
    return Origin.of(facts) if isinstance(facts, dict) else None
