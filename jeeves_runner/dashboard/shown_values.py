"""Values of scripts as a page shows them: JSON on several lines, bounded, and every character to be seen."""

import json
import re
from typing import Final, NamedTuple

from jeeves_runner.core.values import parse_json

LINE: Final = 120
"""Characters of a value on one line."""

_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""What has no shape of its own, or turns the text around it: by it one text may look like another. The
joiners of words (U+200C, U+200D) are left, which several scripts need."""


class ShownValue(NamedTuple):
    """A value, or the beginning of it."""

    line: str
    """On one line."""
    text: str
    """On several lines."""
    is_short: bool
    """Whether all of it is on that line."""
    is_cut: bool
    """Whether there is more of it than on those lines."""
    size: int
    """Bytes of all of it as JSON."""


def shown_value(text: str | None, size: int, *, room: int) -> ShownValue:
    """What is shown of a JSON text of ``size`` bytes.

    ``text``: its beginning, all of it if it is short, and None where it was not read. ``room``: characters.
    """
    if text is None:
        return ShownValue("", "", is_short=False, is_cut=True, size=size)
    is_whole = len(text.encode("utf-8", "replace")) >= size
    line = plain(" ".join(text[: LINE + 1].split()))
    spread = _spread(text) if is_whole else text
    return ShownValue(
        line=f"{line[:LINE]}…" if len(line) > LINE else line,
        text=plain(spread[:room]),
        is_short=is_whole and len(text) <= LINE,
        is_cut=not is_whole or len(spread) > room,
        size=size,
    )


def last_line(text: str) -> str:
    """The last line of an error that says something: where there is a way to it, what it came to."""
    said = [line for line in map(str.strip, text.splitlines()) if line]
    return plain(said[-1]) if said else ""


def plain(text: str) -> str:
    """A text in which every character can be seen: others are written as JSON would escape them."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _spread(text: str) -> str:
    try:
        return json.dumps(parse_json(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text  # another program has stored what is not JSON


def size_in_words(size: int) -> str:
    """A number of bytes for people: ``1.2 MB``."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 1000)):
        if size >= length:
            return f"{size / length:.1f} {unit}" if size < 10 * length else f"{size // length} {unit}"
    return f"{size} B"
