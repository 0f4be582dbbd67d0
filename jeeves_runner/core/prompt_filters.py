"""The filters of prompts, which count what they do: no prompt keeps a runner busy, or fills its memory."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Undefined

from jeeves_runner.core.model import ParamType
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import InvalidValue

_MAX_WORK: Final = 8 * 1024 * 1024
"""Characters that the filters of one prompt may read and write."""

Function = Callable[..., Any]

TESTS: Final[Mapping[str, Function]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
}
"""What can stand behind ``is`` in a prompt."""


class Number(float):
    """A number that stands in a prompt as it was written: a price of 19.90 does not become 19.9."""

    def __new__(cls, text: str) -> "Number":
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


class Work:
    """What the filters of one prompt have done."""

    def __init__(self, limit: int) -> None:
        """``limit``: how many characters one text may have."""
        self._limit = limit
        self._left = _MAX_WORK

    def text(self, value: object, name: str) -> str:
        """The text that the filter ``name`` is given."""
        if isinstance(value, str):
            return value
        if isinstance(value, Undefined):
            return str(value)  # raises, and says which name has no value
        return written(value, f"the filter `{name}` takes text")

    def made(self, length: int) -> None:
        """Count text before it is made, where its length is known by then. Raises InvalidValue."""
        self._left -= length
        if length > self._limit or self._left < 0:
            raise InvalidValue("this makes too long a text", hint="let filters work on short values")


def written(
    value: object, otherwise: str = "only texts, numbers, true and false can stand in a prompt"
) -> str:
    """A value as a prompt has it; InvalidValue, saying ``otherwise``, for what is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Undefined):
        return str(value)  # raises, and says which name has no value
    raise InvalidValue(otherwise)


def typed(text: str, kind: ParamType | None) -> str | int | float | bool:
    """The value of a parameter of this type; a text that is none of it stays one."""
    try:
        match kind:
            case ParamType.INTEGER:
                return int(text)
            case ParamType.NUMBER:
                return Number(text)
            case ParamType.BOOLEAN if text in ("true", "false"):
                return text == "true"
    except ValueError:
        pass
    return text


def filters_of(work: Work) -> dict[str, Function]:
    """The filters of prompts. What they make is counted before it is made, or is not much longer than what
    they are given."""

    def counted(change: Callable[[str], str], name: str) -> Callable[[Any], str]:
        def changed(value: Any) -> str:
            text = work.text(value, name)
            work.made(3 * len(text))  # upper() makes three characters of a few
            return change(text)

        return changed

    def replace(value: Any, old: str, new: str) -> str:
        text, before, after = (work.text(each, "replace") for each in (value, old, new))
        if not before:
            raise InvalidValue("the filter `replace` needs a text to look for")
        work.made(len(text) + text.count(before) * max(0, len(after) - len(before)))
        return text.replace(before, after)

    def tojson(value: Any) -> str:
        if isinstance(value, str):
            work.made(6 * len(value))
        elif not isinstance(value, bool | int | float):
            written(value)
        return json.dumps(value, ensure_ascii=False)

    def length(value: Any) -> int:
        return len(work.text(value, "length"))

    def default(value: Any, otherwise: Any, boolean: bool = False) -> Any:
        return otherwise if isinstance(value, Undefined) or (boolean and not value) else value

    return {
        "default": default,
        "lower": counted(str.lower, "lower"),
        "upper": counted(str.upper, "upper"),
        "trim": counted(str.strip, "trim"),
        "replace": replace,
        "tojson": tojson,
        "length": length,
        "int": lambda value: _number(value, int, "a whole number"),
        "float": lambda value: _number(value, float, "a number"),
    }


def _number(value: Any, kind: type[int] | type[float], what: str) -> int | float:
    text = written(value, f"only {what} written as text can become one").strip()
    try:
        number = kind(text) if len(text) <= 40 else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidValue(f"`{brief(text)}` is not {what}")
    return number
