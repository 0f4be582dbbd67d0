"""Text of any encoding: the words of the command line, and the standard streams it answers on."""

import io
import os
import select
import sys
from collections.abc import Iterable
from typing import IO, Final

from jeeves_runner.errors import UsageError

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))

_PATIENCE_MS: Final = 1000
"""Milliseconds for a stream to take more at the end of a server. Once it was in vain, the next gets none."""


def prepare_streams() -> None:
    """Make the standard streams fit for any text, and open those that are closed.

    A character that the encoding of a stream lacks is escaped (``\\u2026``). A stream that is closed becomes
    ``/dev/null``, also as a file descriptor: else the next file that is opened, such as the database, would
    take its number and get what child processes write.
    """
    _fill_descriptors()
    for number, (name, mode) in enumerate(_STREAMS):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fill_descriptors() -> None:
    """Open ``/dev/null`` until all three are taken: a new descriptor takes the lowest free number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) < len(_STREAMS):
        os.set_inheritable(fd, True)
    os.close(fd)


def give_up_broken_streams() -> None:
    """Lead standard streams whose reader has gone, or takes nothing, to ``/dev/null``.

    What they still hold would make the exit code that of a failed flush, and one line more would wait for
    as long as their reader likes.
    """
    patience = _PATIENCE_MS
    for number, (name, mode) in enumerate(_STREAMS):
        if mode == "w" and not (_takes_more(number, patience) and _is_flushed(getattr(sys, name))):
            patience = 0
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)
            os.close(null)


def _takes_more(descriptor: int, patience: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(event == select.POLLOUT for _, event in poll.poll(patience))


def _is_flushed(stream: IO[str]) -> bool:
    try:
        stream.flush()
    except OSError:
        return False
    return True


def check_words(words: Iterable[str]) -> None:
    """UsageError for a word whose bytes are no text. Python hands such bytes on as lone surrogates."""
    for number, word in enumerate(words, 1):
        try:
            word.encode()
        except UnicodeEncodeError:
            encoding = sys.getfilesystemencoding().upper()
            shown = word.encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise UsageError(
                f"word {number} of the command line is not {encoding}: {shown}",
                hint=None if encoding == "UTF-8" else "choose a locale of UTF-8, such as LC_ALL=C.UTF-8",
            ) from None
