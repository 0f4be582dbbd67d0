"""Pipes that have no room, as those are that are not read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def fill(writer: int) -> int:
    """Leave no room in a pipe, so that nothing is written to it before it is read; the bytes it took."""
    filled = 0
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            filled += os.write(writer, b"-")
    os.set_blocking(writer, True)
    return filled


@contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe without room: the one to read from, and the one to write to."""
    reader, writer = os.pipe()
    fill(writer)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)
