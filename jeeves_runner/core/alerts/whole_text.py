"""A long text that is read in portions, such as all that a run wrote, and what of it there is room for."""

from collections.abc import Callable, Iterator
from errno import ESTALE
from typing import Final, NamedTuple

BEGINNING: Final = 3_000
"""Characters of its beginning that are known without reading it again."""
END: Final = 64 * 1024
"""Characters of its end."""

_MARK: Final = 60
"""Characters of the line that says what was cut, at most."""


class WholeText(NamedTuple):
    """A text, measured, and a way to read it."""

    size: int
    """Its bytes, as UTF-8."""
    chars: int
    """Its characters."""
    beginning: str
    """The first of them."""
    end: str
    """The last of them; all, if they are no more than ``END``."""
    read: Callable[[], Iterator[bytes]]
    """Its bytes in portions, each time from the beginning. Blocks. OSError where they cannot be read, or are
    not as many as they were."""


def measured(pieces: Callable[[], Iterator[str]]) -> WholeText:
    """The text that these pieces are; ``pieces`` gives them from the beginning. Reads it once."""
    size = chars = 0
    beginning = end = ""
    for piece in pieces():
        size += len(_encoded(piece))
        chars += len(piece)
        beginning += piece[: BEGINNING - len(beginning)]
        end = (end + piece)[-END:]
    return WholeText(size, chars, beginning, end, lambda: _as_long(pieces(), size))


def of_text(text: str) -> WholeText:
    """One that is in memory."""
    return measured(lambda: iter((text,) if text else ()))


def ending(text: WholeText, most: int) -> str:
    """Its end in up to ``most`` characters, with a first line that says how much is missing, if any is."""
    if text.chars <= min(most, END):
        return text.end
    end = _from_a_line_start(text.end[-max(1, min(most, END) - _MARK) :])
    return f"… {text.chars - len(end):,} characters cut\n{end}"


def excerpt(text: WholeText, most: int) -> str:
    """Its beginning and its end in up to ``most`` characters, with a line between them that says how much is
    missing, if any is. ``most`` is twice ``BEGINNING`` at least, and ``END`` at most."""
    if text.chars <= most:
        return text.end
    begins = _to_a_line_end(text.beginning)
    end = _from_a_line_start(text.end[len(begins) + _MARK - most :])
    return f"{begins}\n… {text.chars - len(begins) - len(end):,} characters cut …\n{end}"


def _as_long(pieces: Iterator[str], size: int) -> Iterator[bytes]:
    left = size
    for piece in pieces:
        data = _encoded(piece)
        left -= len(data)
        if left < 0:
            break
        yield data
    if left:
        raise OSError(ESTALE, "the text has changed while it was sent")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _to_a_line_end(text: str) -> str:
    """Without the part of a line at its end, unless that is most of it."""
    place = text.rfind("\n")
    return text if place < len(text) // 2 else text[:place]


def _from_a_line_start(text: str) -> str:
    place = text.find("\n") + 1
    return text if place > len(text) // 2 else text[place:]
