"""Changes of declared things as a page shows them: old beside new, long values as a diff."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from jeeves_runner.core.manifest_text import value_text
from jeeves_runner.core.plan import Action
from jeeves_runner.core.text_diff import field_diff
from jeeves_runner.views.sync import ChangeDocument, FieldDocument

MOST: Final = 300
"""Changes on a page."""


class ShownLine(NamedTuple):
    """A line of a diff."""

    sign: str
    """As in ``DiffLine``."""
    text: str
    """Likewise."""
    tone: str
    """A class of the styles."""


_TONES: Final = {"+": "added", "-": "gone", " ": "same"}


class ShownField(NamedTuple):
    """A field that an update changes."""

    path: str
    """Its key, dotted."""
    old: str
    """Its value as a manifest has it; empty where ``lines`` tell it."""
    new: str
    """Its value to be, likewise."""
    lines: Sequence[ShownLine]
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
    lines = field_diff(path, field["old"], field["new"])
    if not lines:
        return ShownField(path, value_text(path, field["old"]), value_text(path, field["new"]), ())
    shown = (ShownLine(line.sign, line.text, _TONES.get(line.sign, "gap")) for line in lines)
    return ShownField(path, "", "", tuple(shown))
