"""The words a command line comes in with and the streams it answers on, made fit for any text."""

import io
import os
import sys
from collections.abc import Iterable
from typing import Final

from jeeves_runner.errors import UsageError

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def prepare_streams() -> None:
    """Nothing written fails for its characters: what an encoding lacks is escaped (``\\u2026``).

    A standard stream that is closed reads and writes ``/dev/null``, also as a file descriptor: else
    the next file opened, the database say, would take its number and get what children write.
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
    """A new descriptor takes the lowest free number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) < len(_STREAMS):
        os.set_inheritable(fd, True)
    os.close(fd)


def check_words(words: Iterable[str]) -> None:
    """UsageError for a word whose bytes are no text, which Python hands on as lone surrogates."""
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
