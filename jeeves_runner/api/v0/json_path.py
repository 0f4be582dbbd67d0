"""JSONPath as the original's library (jsonpath-plus) reads it, which no library for Python does.

It takes any text: ``$[`` is the root, ``port`` is ``$.port``, and a path that leads nowhere finds nothing. A
path may hold names, positions, ``*``, ``..``, lists of names, and slices. Filters and scripts, which are
JavaScript there, are refused.
"""

import re
from collections.abc import Iterator
from typing import Final

from jeeves_runner.errors import InvalidValue

_SCRIPT: Final = re.compile(r"[\['](\??\(.*?\))[\]']|@[a-zA-Z]+\(\)")
_SPECIAL: Final = re.compile(r"[~^]|^[?(@`]")
_QUOTED: Final = re.compile(r"\[['\"]([^'\]]*)['\"]\]")
_BOUNDARY: Final = re.compile(r"['\"]?\.['\"]?(?![^\[]*\])|\[['\"]?")
_DESCENT: Final = re.compile(";;;|;;")
_ENDS: Final = re.compile(r";$|'?\]|'$")
_SLICE: Final = re.compile(r"(-?\d*):(-?\d*):?(\d*)", re.ASCII)
_PLACE: Final = re.compile("0|[1-9][0-9]{0,8}")
_DOT: Final = "\0"
"""Stands for a period within a quoted name while the path is split."""
_LONGEST: Final = 1_000
"""Characters of a path: what it takes to read one grows with their square."""
_MOST: Final = 50_000
"""Steps of a search: with several ``..`` they grow faster than the document."""
_TOO_LONG: Final = "this JSONPath takes too many steps"


def search(path: str, document: object) -> list[object]:
    """The values that a path finds, in the order of the document. InvalidValue for what is not read here."""
    if len(path) > _LONGEST:
        raise InvalidValue(_TOO_LONG)
    steps = _steps(path)
    if _SCRIPT.search(path) or any(map(_SPECIAL.search, steps)):
        raise InvalidValue("filters, scripts and the like are not supported in a JSONPath here")
    try:
        return list(_Search().trace(steps, document))
    except RecursionError:
        raise InvalidValue(_TOO_LONG) from None


def _steps(path: str) -> list[str]:
    kept = _QUOTED.sub(lambda found: f"['{found[1].replace('.', _DOT)}']", path)
    split = _BOUNDARY.sub(";", kept).replace(_DOT, ".")
    return _ENDS.sub("", _DESCENT.sub(";..;", split)).split(";")


class _Search:
    """One search, which does not go on for ever."""

    def __init__(self) -> None:
        self._left = _MOST

    def trace(self, steps: list[str], value: object) -> Iterator[object]:
        """What the steps find from a value on."""
        self._left -= 1
        if self._left < 0:
            raise InvalidValue(_TOO_LONG)
        if not steps:
            yield value
            return
        for following, child in _taken(steps, value):
            yield from self.trace(following, child)


def _taken(steps: list[str], value: object) -> Iterator[tuple[list[str], object]]:
    """Where the first step leads, each with the steps that follow from there."""
    step, rest = steps[0], steps[1:]
    if step == "..":
        yield rest, value
        # null is an object in JavaScript
        yield from (
            (steps, each) for each in _children(value) if each is None or isinstance(each, dict | list)
        )
    elif step == "$":
        yield rest, value
    elif "," in step:
        yield from (([part, *rest], value) for part in step.split(","))
    else:
        yield from ((rest, child) for child in _chosen(step, value))


def _chosen(step: str, value: object) -> list[object]:
    if step == "*":
        return _children(value)
    found = _SLICE.fullmatch(step)
    return _named(step, value) if found is None else _slice(found, value)


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _named(name: str, value: object) -> list[object]:
    """Of lists and texts the positions have names too, as in JavaScript, and so has their length."""
    if isinstance(value, dict):
        return [value[name]] if name in value else []
    if not isinstance(value, list | str) or not value:
        return [0] if value == [] and name == "length" else []
    if name == "length":
        return [len(value)]
    return [value[int(name)]] if _PLACE.fullmatch(name) and int(name) < len(value) else []


def _slice(found: re.Match[str], value: object) -> list[object]:
    if not isinstance(value, list):
        return []
    begin, end, step = (int(part) if part not in ("", "-") else 0 for part in found.groups())
    return value[begin : end or len(value) : step or 1]
