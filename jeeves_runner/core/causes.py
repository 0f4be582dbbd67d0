"""What a run follows from: the runs, items or files that brought it about; ``runs.caused_by`` holds them."""

import json
from typing import Any, Final, NamedTuple

from jeeves_runner.core.wording import counted

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

    @property
    def all_runs(self) -> int:
        """How many runs there were; ``total`` counts the items where there are any."""
        is_of_items = self.items or self.queue is not None
        return len(self.runs) if is_of_items else max(self.total or 0, len(self.runs))

    def as_json(self) -> dict[str, Any]:
        """Its JSON value: what says nothing is left out, and what are several is a list."""
        said = {name: value for name, value in self._asdict().items() if value not in (None, ())}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

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
    return causes_of(values)


def causes_of(values: object) -> Causes | None:
    """The causes that a JSON value says; None where it is none of causes."""
    if not isinstance(values, dict):
        return None
    return Causes(
        runs=_numbers(values.get("runs")),
        items=_numbers(values.get("items")),
        total=total if isinstance(total := values.get("total"), int) else None,
        **{name: _text(values.get(name)) for name in ("queue", "node", "path")},
    )


def in_words(found: Causes, most: int = 5) -> str:
    """These causes, for people; empty where there are none.

    Of runs and items the newest ``most`` are named: ``runs 7, 8 and 9``, ``2 items of queue mail: 4 and 5``.
    """
    parts = []
    if found.items or found.queue is not None:
        count = found.total or len(found.items)
        of = "" if found.queue is None else f" of queue {found.queue}"
        ids = _listed(": ", found.items, most, count)
        parts.append(f"{counted(count, 'item')}{of}{ids}")
    if found.node is not None or found.path is not None:
        parts.append(f"a change of {found.node or found.path}")
    if found.runs:
        count = found.all_runs
        parts.append(f"run{'' if count == 1 else 's'}{_listed(' ', found.runs, most, count)}")
    return ", ".join(parts)


def _listed(before: str, ids: tuple[int, ...], most: int, count: int) -> str:
    """The newest of these, oldest first, and how many others there are."""
    if not ids:
        return ""
    named = [str(each) for each in ids[-most:]]
    left = count - len(named)
    if left > 0:
        return f"{before}{', '.join(named)} and {left:,} before"
    return before + (named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}")


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(each for each in value if isinstance(each, int)) if isinstance(value, (list, tuple)) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
