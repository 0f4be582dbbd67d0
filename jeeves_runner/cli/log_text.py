"""What a run wrote, as a terminal may get it: with its lines and colours, and nothing else that steers."""

import codecs
import re
from typing import Final

from jeeves_runner.core.wording import one_line

_COLOUR: Final = r"\x1b\[[0-9;:]{0,60}m"
"""Select Graphic Rendition, of ECMA-48: colours, bold and the like."""

_SPECIAL: Final = re.compile(rf"{_COLOUR}|\r\n|[\x1b\r]|[^\n\t\x20-\x7e\x1b\r]+")
"""What is looked at; all else are lines of ASCII."""

_UNFINISHED: Final = re.compile(r"(?:\r|\x1b(?:\[[0-9;:]{0,60})?)\Z")
"""What may be the beginning of more, at the end of a part."""

_RESET: Final = "\x1b[0m"

_CONCEAL: Final = "8"
"""The attribute that makes text invisible: what is copied with it is more than is seen."""
_OPERANDS: Final = {(kind, by): n for kind in ("38", "48", "58") for by, n in (("5", 3), ("2", 5))}
"""How many parameters a colour of a palette or of red, green and blue takes: any number may be in them."""

_Decoder = codecs.getincrementaldecoder("utf-8")


class LogText:
    """Turns the bytes of a log, cut anywhere, into text for a terminal.

    Line breaks and tabs stay; so do colours with ``color``, else they are left out. All else that
    ``one_line`` escapes is escaped, and so are bytes that are not UTF-8 and what would hide text.
    """

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._decoder = _Decoder("backslashreplace")
        self._held = ""
        self._is_coloured = False

    def feed(self, data: bytes) -> str:
        """What can be shown of it by now."""
        text = self._held + self._decoder.decode(data)
        unfinished = _UNFINISHED.search(text)
        end = len(text) if unfinished is None else unfinished.start()
        self._held = text[end:]
        return self._shown(text[:end])

    def close(self) -> str:
        """The rest, and the end of all colours."""
        rest = self._shown(self._held + self._decoder.decode(b"", True))
        self._held = ""
        if not self._is_coloured:
            return rest
        self._is_coloured = False
        return rest + _RESET

    def _shown(self, text: str) -> str:
        if text.replace("\n", "").replace("\t", "").isprintable():  # most are, and this takes no time
            return text
        return _SPECIAL.sub(self._replaced, text)

    def _replaced(self, match: re.Match[str]) -> str:
        found = match[0]
        if found == "\r\n":
            return "\n"
        if found[0] == "\x1b" and len(found) > 1 and not _hides(found):
            self._is_coloured = self._is_coloured or self._color
            return found if self._color else ""
        return one_line(found)


def _hides(colour: str) -> bool:
    """Whether a sequence that the pattern has found conceals the text that follows."""
    if _CONCEAL not in colour:
        return False
    parameters = colour[2:-1].split(";")
    place = 0
    while place < len(parameters):
        first = parameters[place].split(":")[0]
        if first.lstrip("0") == _CONCEAL:
            return True
        place += _OPERANDS.get((first, parameters[place + 1]), 1) if place + 1 < len(parameters) else 1
    return False
