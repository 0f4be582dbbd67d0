"""Masks the tokens of runs in what runs write: a script that prints its environment prints its token as well.

They are known by their form, so that no run needs a search of its own for its own token.
"""

import re
from typing import Final

from jeeves_runner.core.api_tokens import RUN_PREFIX
from jeeves_runner.execute.output.mask import MASK

_FIRST: Final = RUN_PREFIX.encode()
_TOKEN: Final = re.compile(_FIRST + rb"[0-9]{1,19}_[A-Za-z0-9_-]{43}")
_LONGEST: Final = len(_FIRST) + 19 + 1 + 43
_PREFIX: Final = b"(?:".join(re.escape(bytes([byte])) for byte in _FIRST)
_BEGUN: Final = re.compile(
    _PREFIX + rb"(?:[0-9]{1,19}(?:_[A-Za-z0-9_-]{0,42})?)?" + rb")?" * (len(_FIRST) - 1) + rb"\Z"
)
"""The end of a chunk with which a token may begin."""


class TokenMasker:
    """Replaces tokens in one stream; the result depends on the whole stream, not on its chunks."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be passed on after this chunk."""
        data = self._held + data
        if _FIRST in data:
            data = _TOKEN.sub(MASK, data)
        begun = _BEGUN.search(data, max(0, len(data) - _LONGEST))
        end = len(data) if begun is None else begun.start()
        self._held = data[end:]
        return data[:end]

    def close(self) -> bytes:
        """What was held back, now that no more comes."""
        held, self._held = self._held, b""
        return held


def without_tokens(text: str) -> str:
    """A text that is whole, likewise."""
    if RUN_PREFIX not in text:
        return text
    return _TOKEN.sub(MASK, text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
