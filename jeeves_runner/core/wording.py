"""Texts and values from outside, made fit for a sentence: short and on one line."""

import json
import re
from typing import Any, Final

LONGEST: Final = 60
"""Characters of a text or value shown in a message."""

_NOT_PRINTED: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
"""Compiled at its first use: every script pays for what is done when its client is imported."""


def brief(text: str) -> str:
    """The text, cut after ``LONGEST`` characters, with line breaks and control characters escaped."""
    return one_line(_cut(text))


def in_quotes(text: str) -> str:
    """The same between quotes."""
    return repr(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def one_line(text: str) -> str:
    """The text with line breaks and control characters escaped as Python would."""
    return re.sub(_NOT_PRINTED, lambda match: repr(match[0])[1:-1], text)


def did_you_mean(*words: str) -> str:
    """A hint for a misspelt word."""
    return f"did you mean {' or '.join(words)}?"


def shown(value: Any) -> str:
    """A JSON value as text, cut in the same way."""
    return brief(json.dumps(value, ensure_ascii=False, default=str))
