"""A part of a log that is one file, by the bytes that it has there."""

import os
from io import FileIO
from typing import Self

from jeeves_runner.execute.output.log_place import LogPlace, open_in_place
from jeeves_runner.execute.output.log_ring import ring_of

_CHUNK = 1 << 16


class LogSpan:
    """Its bytes from ``start`` to before ``end``, of the ``size`` that the file had when it was opened."""

    def __init__(self, file: FileIO, asked: slice) -> None:
        """``file``: closed by ``close``. ``asked``: from where to where; a negative start counts from the
        end."""
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self.start, self.end, _ = asked.indices(self.size)
        self._left = self.end - self.start
        file.seek(self.start)

    @classmethod
    def of(cls, place: LogPlace, asked: slice) -> Self | None:
        """None where the log is two files, because its run goes on and its middle may be cut out. OSError."""
        file = FileIO(open_in_place(place))
        try:
            os.close(open_in_place(ring_of(place)))
        except FileNotFoundError:
            return cls(file, asked)
        except BaseException:
            file.close()
            raise
        file.close()
        return None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing of what was asked for."""
        return self.start >= self.end

    def read(self) -> bytes:
        """The next bytes of it, none at the end. OSError, also where the file has become shorter."""
        if self._left <= 0:
            return b""
        data = self._file.read(min(_CHUNK, self._left))
        if not data:
            raise OSError("the log has become shorter")
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
