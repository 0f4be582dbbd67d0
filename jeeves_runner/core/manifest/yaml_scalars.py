"""Plain scalars as YAML 1.2's core schema reads them, without the surprises of YAML 1.1.

Only ``true`` and ``false`` are booleans; ``0777`` and ``12:30`` are text.
"""

import math
import re
from typing import Any, Final

from jeeves_runner.core.wording import brief

WORDS: Final[dict[str, Any]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
"""The plain texts that stand for a value."""

NUMBER_STARTS: Final = frozenset("0123456789+-.")
"""What numbers begin with: a plain text that begins otherwise, and is no word, is text."""

_LONGEST_NUMBER: Final = 20
"""Characters of the longest integer accepted; with thousands of digits Python itself would raise."""
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class NotANumber(ValueError):
    """The text has the form of a number and cannot be taken for one. The message is a sentence."""


def plain_value(text: str) -> Any:
    """The value of a plain scalar; NotANumber for one that is too large or not finite."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in NUMBER_STARTS:
        return text
    if (decimal := _INTEGER.fullmatch(text)) or _BASED.fullmatch(text):
        if len(text) > _LONGEST_NUMBER:
            raise NotANumber(f"the number {brief(text)} is too large")
        return int(text) if decimal else int(text, 0)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return value
    elif not _NOT_FINITE.fullmatch(text):
        return text
    raise NotANumber(f"`{brief(text)}` is not a finite number")
