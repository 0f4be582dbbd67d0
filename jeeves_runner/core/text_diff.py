"""Two values of a field as people compare them: a unified diff of their lines, without its head."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from jeeves_runner.core.manifest_text import flow_text, value_text
from jeeves_runner.core.wording import counted

_SHORT: Final = 100
"""Characters of a value that stands on one line."""
_CONTEXT: Final = 3
"""Lines around those that differ."""
_COMPARED: Final = 1500
"""Lines on each side that are compared one by one; more would take long."""
_MOST_LINES: Final = 400
"""Lines of a diff that are shown."""
_WIDTH: Final = 300


class DiffLine(NamedTuple):
    """A line of a diff."""

    sign: str
    """``+``, ``-``, a blank for a line that is in both, or ``…`` for what is left out."""
    text: str
    """The line, or what is left out."""


def field_diff(path: str, old: object, new: object, most: int = _MOST_LINES) -> tuple[DiffLine, ...]:
    """Both values of a field as a diff of at most ``most`` lines, where they are long; empty where each fits
    on a line, as ``value_text`` writes it."""
    texts = value_text(path, old), value_text(path, new)
    if max(map(len, texts)) <= _SHORT and not (_is_long(old) or _is_long(new)):
        return ()
    before, after = _lines(old), _lines(new)
    if before == after and isinstance(old, str) and isinstance(new, str):
        before, after = old.split("\n"), new.split("\n")  # they differ in the line break at the end
    return tuple(_bounded(_diff(before, after), most))


def _is_long(value: object) -> bool:
    return isinstance(value, str) and "\n" in value.strip("\n")


def _lines(value: object) -> list[str]:
    """A value on several lines: a text as it is, lists and mappings by their entries."""
    if value is None:
        return []
    if isinstance(value, str):
        return value.removesuffix("\n").split("\n")
    if isinstance(value, Mapping):
        return [f"{key}: {flow_text(each)}" for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [f"- {flow_text(each)}" for each in value]
    return [flow_text(value)]


def _diff(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    """A unified diff without its head. What both begin and end with is not compared."""
    front = _common(old, new)
    back = _common(old[front:][::-1], new[front:][::-1])
    middle_old, middle_new = old[front : len(old) - back], new[front : len(new) - back]
    before, after = old[max(0, front - _CONTEXT) : front], old[len(old) - back :][:_CONTEXT]
    if front > len(before):
        yield _gap(front - len(before))
    yield from (DiffLine(" ", line) for line in before)
    if max(len(middle_old), len(middle_new)) > _COMPARED:
        yield from (DiffLine("-", line) for line in middle_old)
        yield from (DiffLine("+", line) for line in middle_new)
    else:
        yield from _compared(middle_old, middle_new)
    yield from (DiffLine(" ", line) for line in after)
    if back > len(after):
        yield _gap(back - len(after))


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    for what, from_old, to_old, from_new, to_new in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if what == "equal":
            same = old[from_old:to_old]
            if len(same) > 2 * _CONTEXT:
                yield from (DiffLine(" ", line) for line in same[:_CONTEXT])
                yield _gap(len(same) - 2 * _CONTEXT)
                same = same[-_CONTEXT:]
            yield from (DiffLine(" ", line) for line in same)
            continue
        yield from (DiffLine("-", line) for line in old[from_old:to_old])
        yield from (DiffLine("+", line) for line in new[from_new:to_new])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _gap(lines: int) -> DiffLine:
    return DiffLine("…", f"{counted(lines, 'line')} as before")


def _bounded(lines: Iterator[DiffLine], most: int) -> Iterator[DiffLine]:
    for place, line in enumerate(lines):
        if place == most:
            yield DiffLine("…", "and more: the document has all")
            return
        yield line if len(line.text) <= _WIDTH else DiffLine(line.sign, line.text[:_WIDTH] + "…")
