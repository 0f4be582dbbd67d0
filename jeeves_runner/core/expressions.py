"""Regular expressions that users write: RE2, which takes time in proportion to the text, whatever that is.

Python's own would let one pattern of a manifest, or one value from outside, keep a thread for hours. RE2 has
no look-around and no back-references. Its library is loaded when the first expression is met.

An expression means what RE2 says it means: https://github.com/google/re2/wiki/Syntax. ``$`` is the end of the
text alone, and not also before a line feed at its end.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from jeeves_runner.core.wording import brief
from jeeves_runner.errors import InvalidValue, TextTooLong

if TYPE_CHECKING:
    from re2 import _Regexp as Compiled

MAX_PATTERN: Final = 4096
"""Characters of an expression."""
MAX_TEXT: Final = 64 * 1024
"""Bytes, as UTF-8, of a text that an expression is tried on."""

_MAX_STEPS: Final = 10_000
"""Of a compiled expression. One of this size takes up to some seconds to be searched for in a text of the
greatest length, and a tenth of one to be held to the whole of it."""
_MAX_MEMORY: Final = 2 * 1024 * 1024
"""Bytes that one compiled expression may take."""

_LOOK_AROUND: Final = (
    "expressions run in linear time, without look-around such as `(?=` and `(?!` and without back-references"
)


def search(pattern: str, text: str) -> bool:
    """Whether the expression fits some part of the text. Not for the event loop: see ``_MAX_STEPS``.

    TextTooLong for a text over MAX_TEXT, InvalidValue for an expression that has a ``problem_of``.
    """
    return _compiled(pattern).search(_checked(text)) is not None


def fullmatch(pattern: str, text: str) -> bool:
    """Whether the expression fits the whole text; errors as of ``search``."""
    return _compiled(pattern).fullmatch(_checked(text)) is not None


def size_of(pattern: str) -> int:
    """How many steps an expression has: as many for each byte of a text, at worst. InvalidValue."""
    size: int = _compiled(pattern).programsize
    return size


def problem_of(pattern: str) -> str | None:
    """What is wrong with an expression, as a clause without a full stop; None if it can be used."""
    try:
        _compiled(pattern)
    except InvalidValue as error:
        return error.message
    return None


def _checked(text: str) -> bytes:
    data = text.encode(errors="replace")
    if len(data) > MAX_TEXT:
        raise TextTooLong(
            f"the text has {len(data):,} bytes, and expressions are tried on {MAX_TEXT // 1024} KiB at most"
        )
    return data


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> "Compiled":
    """InvalidValue if it is none."""
    if len(pattern) > MAX_PATTERN:
        raise InvalidValue(f"it has {len(pattern):,} characters, where {MAX_PATTERN:,} are allowed")
    import re2

    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.never_capture = True
    options.log_errors = False
    try:
        # As bytes: with texts, the module would count characters to tell where a match begins.
        compiled = re2.compile(pattern.encode(), options)
    except UnicodeEncodeError:
        raise InvalidValue("it holds a lone surrogate, which is no character") from None
    except re2.error as error:
        raise InvalidValue(_in_words(error.args[0])) from None
    if compiled.programsize > _MAX_STEPS:
        raise InvalidValue(_TOO_LARGE)
    return compiled


_TOO_LARGE: Final = "it is too large; repeat less, or repeat shorter parts"


def _in_words(said: bytes | str) -> str:
    """What RE2 says of an expression, in words that tell what to do."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    what, _, part = text.partition(": ")
    part = brief(part)  # it may be the whole expression
    if what == "invalid perl operator" and part.startswith("(?"):
        return f"`{part}` is not known; {_LOOK_AROUND}"
    if what == "invalid escape sequence" and part == "\\Z":
        return "`\\Z` is not known; the end of the text is `\\z`"
    if what == "invalid escape sequence" and part[1:].isdecimal():
        return f"`{part}` is not known; {_LOOK_AROUND}"
    if what == "invalid repetition size":
        return f"`{part}` repeats too often; 1,000 times is the most, also of repetitions within one another"
    if text.startswith("pattern too large"):
        return _TOO_LARGE
    return f"{what}: `{part}`" if part else what
