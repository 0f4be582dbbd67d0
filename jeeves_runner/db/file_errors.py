"""SQLite's errors about the database's file, in the project's words, each with a hint."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from jeeves_runner.db.filesystem import is_read_only
from jeeves_runner.db.turns import SUFFIX as TURNS_SUFFIX
from jeeves_runner.errors import DatabaseBusy, DatabaseError, DatabaseReadOnly, NotADatabase

OTHER_FILE_HINT: Final = "let db_path name another file, or move this one out of the way"
_OPEN_FILES_HINT: Final = "end what has files open, or raise the limit (ulimit -n)"
_LOCKED_HINT: Final = "wait for that process to finish, or end it, then try again"


@contextmanager
def translated(file: str) -> Iterator[None]:
    """Turn SQLite's errors about the file into DatabaseError; those about SQL pass through."""
    try:
        yield
    except (apsw.Error, MemoryError) as error:
        known = translate(error, file)
        if known is None:
            raise
        raise known from error


def translate(error: BaseException, file: str) -> DatabaseError | None:
    """The project's error for a failure of the file, None for any other kind of error."""
    for causes, kind, sentence, hint in _TRANSLATIONS:
        if isinstance(error, causes):
            if kind not in (DatabaseBusy, NotADatabase) and is_read_only(Path(f"{file}{TURNS_SUFFIX}")):
                return read_only(file)
            if isinstance(error, apsw.CantOpenError) and (lacking := _lacking_to_open()) is not None:
                return DatabaseError(f"{file} cannot be opened: {lacking}", hint=_OPEN_FILES_HINT)
            if isinstance(error, apsw.CantOpenError) and _takes_no_more_files(Path(file).parent):
                return DatabaseError(
                    f"the disk is full: it takes no more files, and {file} needs two beside it",
                    hint="delete some files, however small; `df -i` counts them",
                )
            return kind(sentence.format(file=file, detail=error), hint=hint)
    return None


def _lacking_to_open() -> str | None:
    """What keeps this process from opening any file now, in the system's words; None for nothing. SQLite says
    only that it cannot."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.strerror
    return None


def _takes_no_more_files(folder: Path) -> bool:
    """Whether the file system has as many files as it can hold. SQLite says only that it cannot open."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_files > 0 and found.f_favail == 0


def locked_for(patience: float, file: str | Path) -> DatabaseBusy:
    """The error for a lock that another process holds for longer than ``patience``, in seconds."""
    return DatabaseBusy(
        f"{file} has been locked by another process for over {patience:g} s", hint=_LOCKED_HINT
    )


def read_only(file: str | Path) -> DatabaseReadOnly:
    """The error for a file whose file system takes no writes (any more)."""
    return DatabaseReadOnly(
        f"{file} cannot be written: its file system is read-only",
        hint="mount it for writing; if it was, the system's log says what has happened to the disk (dmesg)",
    )


_Translation = tuple[tuple[type[Exception], ...], type[DatabaseError], str, str]

_TRANSLATIONS: tuple[_Translation, ...] = (
    (
        (apsw.BusyError, apsw.LockedError, apsw.ProtocolError),
        DatabaseBusy,
        "{file} is locked by another process",
        _LOCKED_HINT,
    ),
    (
        (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError),
        DatabaseReadOnly,
        "{file} cannot be opened for writing",
        "check owner and permissions of its folder, the file, and the -wal and -shm files beside it",
    ),
    (
        (apsw.NotADBError,),
        NotADatabase,
        "{file} is not an SQLite database",
        OTHER_FILE_HINT,
    ),
    (
        (apsw.CorruptError,),
        NotADatabase,
        "{file} is damaged ({detail})",
        "stop everything that uses it and put a backup in its place",
    ),
    (
        (apsw.FullError,),
        DatabaseError,
        "the disk is full: {file} could not be written",
        "free some space; nothing of the failed transaction was kept",
    ),
    (
        (apsw.NoMemError, MemoryError),
        DatabaseError,
        "there is not enough memory to read or write {file}",
        "end what takes it, or give this program more",
    ),
    (
        (apsw.IOError,),
        DatabaseError,
        "reading or writing {file} failed ({detail})",
        "see whether the disk is full (df), and what the system's log says",
    ),
)
