"""The bytes of an answer on their way: a large answer waits for its client in a file, and not in memory."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from jeeves_runner.api.room import Room
from jeeves_runner.errors import Overloaded

IN_MEMORY: Final = 1 << 20
"""Bytes of an answer that are kept in memory."""

PIECE: Final = 1 << 16
"""Bytes that are sent at a time."""

_ALL_FILES: Final = 1 << 30
"""Bytes that the files of all answers may hold together."""


class SpoolFiles:
    """The files of the answers of one server, all of them without a name, in one folder."""

    def __init__(self, folder: Path, most: int = _ALL_FILES) -> None:
        self._folder = folder
        self.room = Room(most)
        """For the bytes of all of them."""

    def make(self) -> BinaryIO:
        """A new file, which this user alone may read. OSError."""
        return tempfile.TemporaryFile(dir=self._folder, buffering=0)


class Spool:
    """The bytes of one answer: written by one thread, then read by another one, and closed."""

    def __init__(self, files: SpoolFiles) -> None:
        self._files = files
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        self._position = 0
        self.size = 0
        """How many bytes it has."""

    @property
    def is_file(self) -> bool:
        """Whether they stand in a file: to read or close it may hang."""
        return self._file is not None

    @property
    def held(self) -> int:
        """How many of them are in memory."""
        return len(self._memory)

    def write(self, parts: Iterable[bytes]) -> None:
        """Add the parts. Overloaded if there is no room for their file now; then it is closed."""
        try:
            for part in parts:
                self._write(part)
        except OSError as error:
            self.close()
            raise Overloaded(
                f"an answer of more than {IN_MEMORY >> 20} MiB waits in a file, which cannot be written:"
                f" {error.strerror}",
                hint="ask for a smaller page, or make room in data_dir",
            ) from error
        except BaseException:
            self.close()
            raise

    def read(self) -> bytes:
        """The next bytes, none at the end. OSError."""
        if self._file is not None:
            piece = os.pread(self._file.fileno(), PIECE, self._position)
        else:
            piece = bytes(self._memory[self._position : self._position + PIECE])
        self._position += len(piece)
        return piece

    def close(self) -> None:
        """Free what it takes. To do it twice does no harm."""
        self._memory = bytearray()
        if self._file is not None:
            self._file.close()
            self._file = None
            self._files.room.give_back(self.size)

    def has_broken(self, error: OSError) -> None:
        """The disk of its file fails: those who watch over disks tell of it."""

    def _write(self, part: bytes) -> None:
        if self._file is None and self.size + len(part) > IN_MEMORY:
            self._move_to_file()
        if self._file is None:
            self._memory += part
            self.size += len(part)
            return
        self._take(len(part))
        self.size += len(part)
        _write_all(self._file, part)

    def _move_to_file(self) -> None:
        self._take(self.size)
        try:
            self._file = self._files.make()
        except OSError:
            self._files.room.give_back(self.size)
            raise
        _write_all(self._file, self._memory)
        self._memory = bytearray()

    def _take(self, size: int) -> None:
        if not self._files.room.take(size):
            raise Overloaded(
                "too many large answers are on their way to clients that have not taken them",
                hint="ask again later, or for a smaller page",
            )


def _write_all(file: BinaryIO, data: bytes | bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
