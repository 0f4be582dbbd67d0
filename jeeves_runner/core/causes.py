"""What a run follows from: the runs, items or files that brought it about; ``runs.caused_by`` holds them."""

import json
from typing import Any, Final, NamedTuple

MOST_NAMED: Final = 100
"""Runs, or items, that are named; of more there is only the number."""


class Causes(NamedTuple):
    """What brought a run about. Only a run that follows from something has any."""

    runs: tuple[int, ...] = ()
    """The ids of runs, oldest first, the newest ``MOST_NAMED`` of them."""
    items: tuple[int, ...] = ()
    """The ids of the queue items that were ready, likewise."""
    total: int | None = None
    """How many runs or items there were, where not all are named."""
    queue: str | None = None
    """The queue of the items."""
    node: str | None = None
    """The node that has changed, ``datastore:NAME``."""
    path: str | None = None
    """The pattern of paths that has changed, or one that has."""

    def as_json(self) -> dict[str, Any]:
        """Its JSON value: what says nothing is left out."""
        return {name: value for name, value in self._asdict().items() if value not in (None, ())}

    def as_text(self) -> str:
        return json.dumps(self.as_json(), ensure_ascii=False, separators=(",", ":"))


def causes_from(text: str | None) -> Causes | None:
    """The causes of a row; None where there are none, or where another program wrote what is none."""
    if text is None:
        return None
    try:
        values = json.loads(text)
    except ValueError:
        return None
    if not isinstance(values, dict):
        return None
    return Causes(
        runs=_numbers(values.get("runs")),
        items=_numbers(values.get("items")),
        total=total if isinstance(total := values.get("total"), int) else None,
        **{name: _text(values.get(name)) for name in ("queue", "node", "path")},
    )


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(each for each in value if isinstance(each, int)) if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
