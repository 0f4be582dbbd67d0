"""Texts and values from outside, made fit for a sentence, a line of a log or a terminal.

What people and scripts wrote may hold characters that steer a terminal, turn the direction of writing, or
begin a new line. All that commands and the log show of it passes ``one_line`` or ``printable_json``; and what
begins a line of a command, ``no_command``.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

LONGEST: Final = 60
"""Characters of a text or value shown in a message."""

_SHORT: Final = 100
_FEW: Final = 3
_BREAKS: Final = str.maketrans("\n\r\t", "   ")


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 job``, ``2,000 jobs``; ``many`` where an s does not make the plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def named(keys: Sequence[tuple[str, str]]) -> str:
    """``job a, job b, queue c``: the first few of them, and how many more there are."""
    return first_few([f"{kind} {name}" for kind, name in keys], _FEW)


def first_few(names: Sequence[str], most: int = 5) -> str:
    """``a, b, c``: of many the first, and how many more there are."""
    first = ", ".join(names[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"


def shortened(text: str) -> str:
    """One line of at most 100 characters; a break in the text is a blank."""
    line = on_one_line(text)
    return line if len(line) <= _SHORT else line[: _SHORT - 1] + "…"


def on_one_line(text: str) -> str:
    """One line, however long; a break in the text is a blank."""
    return one_line(text.translate(_BREAKS))


def brief(text: str, longest: int = LONGEST) -> str:
    """The text on one line, cut after ``longest`` characters."""
    return one_line(_cut(text, longest))


def in_quotes(text: str) -> str:
    """The same between quotes."""
    return repr(_cut(text))


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def one_line(text: str) -> str:
    """The text, what cannot be printed in it escaped as in Python: ``\\n``, ``\\x1b``, ``\\u202e``.

    That is what Unicode calls control, format and separator characters (but for the space), and what is no
    character: so line breaks, all control characters (C0 and C1) and with them all sequences that steer a
    terminal, and what turns the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def no_command(line: str) -> str:
    """The line, which ``one_line`` gave, as one that no CI takes for a command: ``\\x3a:error::``.

    GitHub finds the ``::`` of its workflow commands at the beginning of a line, behind blanks too.
    """
    return line.replace(":", r"\x3a", 1) if line.lstrip().startswith("::") else line


def printable_json(document: str) -> str:
    """The same JSON document; what ``one_line`` would escape in it has the escapes of JSON.

    Line breaks between its parts stay.
    """
    if document.isprintable():
        return document
    return "".join(char if char.isprintable() or char == "\n" else _json_escape(char) for char in document)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _json_escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if char.isascii() else json.dumps(char)[1:-1]


def did_you_mean(*words: str) -> str:
    """A hint for a misspelt word."""
    return f"did you mean {' or '.join(words)}?"


def likely_meant(word: str, known: Iterable[str], before: str = "") -> str | None:
    """A hint for a word that is none of the known ones: the nearest; None if none is near.

    ``before``: what all of them begin with, which makes none nearer.
    """
    # Only a mistake needs it, and every script would wait for its import.
    from difflib import get_close_matches

    rests = (each.removeprefix(before) for each in known)
    near = get_close_matches(_cut(word.removeprefix(before)).lower(), rests, n=1)
    return did_you_mean(brief(before + near[0])) if near else None


def known_words(word: str, known: Iterable[str], what: str) -> str:
    """A hint for a word that is none of the known ones: the nearest, or all. ``what``: the name for all."""
    words = list(known)
    if (near := likely_meant(word, words)) is not None:
        return near
    return f"the {what} are {', '.join(words)}" if words else f"there are no {what}"


def shown(value: Any) -> str:
    """A JSON value as text, cut in the same way."""
    return brief(json.dumps(value, ensure_ascii=False, default=str))
