"""Changes of declared things as a page shows them: old beside new, long values as a diff."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from jeeves_runner.core.manifest_text import value_text
from jeeves_runner.core.plan import Action
from jeeves_runner.dashboard.look import as_json
from jeeves_runner.views.sync import ChangeDocument, FieldDocument

MOST: Final = 300
"""Changes on a page."""

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

    @property
    def tone(self) -> str:
        """A class of the styles."""
        return {"+": "added", "-": "gone", " ": "same"}.get(self.sign, "gap")


class ShownField(NamedTuple):
    """A field that an update changes."""

    path: str
    """Its key, dotted."""
    old: str
    """Its value as a manifest has it; empty where ``lines`` tell it."""
    new: str
    """Its value to be, likewise."""
    lines: Sequence[DiffLine]
    """Both as a diff, where they are long."""


class ShownChange(NamedTuple):
    """A row that is written."""

    action: str
    """``create``, ``update`` or ``delete``."""
    symbol: str
    """Its sign: ``+ ~ -``."""
    kind: str
    """``job``, ``queue`` or ``node``."""
    id: str
    """The id of the job or queue; of a node ``KIND:ID``."""
    file: str
    """Where it is declared, or was."""
    line: int
    """Where in that."""
    is_drift: bool
    """Whether a change by hand is put back."""
    renamed_from: str | None
    """The id that the job had until then."""
    fields: Sequence[ShownField]
    """What an update changes."""


def shown_changes(changes: Sequence[ChangeDocument]) -> list[ShownChange]:
    """The first of them, ready for a page."""
    return [
        ShownChange(
            action=each["action"],
            symbol=Action(each["action"]).symbol,
            kind=each["kind"],
            id=each["id"],
            file=each["file"],
            line=each["line"],
            is_drift=each["drift"],
            renamed_from=each["renamed_from"],
            fields=[_field(field) for field in each["fields"]],
        )
        for each in changes[:MOST]
    ]


def _field(field: FieldDocument) -> ShownField:
    path = field["path"]
    old, new = value_text(path, field["old"]), value_text(path, field["new"])
    if max(len(old), len(new)) <= _SHORT and not any(_is_long(field[side]) for side in ("old", "new")):
        return ShownField(path, old, new, ())
    return ShownField(path, "", "", tuple(_bounded(_diff(*map(_lines, (field["old"], field["new"]))))))


def _is_long(value: object) -> bool:
    return isinstance(value, str) and "\n" in value.strip("\n")


def _lines(value: object) -> list[str]:
    """A value on several lines: a text as it is, all else as JSON."""
    if value is None:
        return []
    return value.split("\n") if isinstance(value, str) else as_json(value).split("\n")


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
    return DiffLine("…", f"{lines:,} line{'s' if lines != 1 else ''} as before")


def _bounded(lines: Iterator[DiffLine]) -> Iterator[DiffLine]:
    for place, line in enumerate(lines):
        if place == _MOST_LINES:
            yield DiffLine("…", "and more: the document has all")
            return
        yield line if len(line.text) <= _WIDTH else DiffLine(line.sign, line.text[:_WIDTH] + "…")
