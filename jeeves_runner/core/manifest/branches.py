"""Where a schema offers a choice: which of its branches a wrong value was meant for."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from jeeves_runner.core.problem import KeyPath
from jeeves_runner.core.wording import LONGEST

_NULL: Final = {"type": "null"}


def meant_branch(error: Any) -> list[Any]:
    """The errors of the one branch of an ``anyOf`` that a value was meant for.

    Empty where that cannot be told: then the value as a whole is wrong.
    """
    value = error.instance
    if _NULL in error.validator_value:
        # In defaults null takes a key away; any other value was meant for the other branch.
        return [cause for cause in error.context if error.validator_value[cause.schema_path[0]] != _NULL]
    if not value or not isinstance(value, list | Mapping):
        return []
    path: KeyPath = tuple(error.absolute_path)
    branches: dict[int, list[Any]] = {}
    for cause in error.context:
        branches.setdefault(cause.schema_path[0], []).append(cause)
    fitting = {
        place: causes
        for place, causes in branches.items()
        if not any(_is_of_another_kind(cause, path) for cause in causes)
    }
    if len(fitting) > 1 and isinstance(value, Mapping):
        likeness = {place: _likeness(value, error.validator_value[place]) for place in fitting}
        best = max(likeness.values())
        fitting = {place: fitting[place] for place in fitting if likeness[place] == best and best > 0}
    causes = next(iter(fitting.values()), [])
    if any(cause.validator == "additionalProperties" for cause in causes):
        # Of a key that is misspelt, what it should be is missing too.
        return [cause for cause in causes if cause.validator != "required"]
    return causes


def nearest(key: str, known: Iterable[str]) -> str | None:
    """Which of the known keys a misspelt one is most likely meant to be."""
    return next(iter(get_close_matches(key[:LONGEST].lower(), known, n=1)), None)


def _is_of_another_kind(cause: Any, path: KeyPath) -> bool:
    """Whether a branch wants a text, say, where a list stands."""
    if tuple(cause.absolute_path) != path:
        return False
    if cause.validator == "anyOf":
        kinds: dict[int, bool] = {}
        for each in cause.context:
            place = each.schema_path[0]
            kinds[place] = kinds.get(place, False) or _is_of_another_kind(each, path)
        return all(kinds.values())
    return bool(cause.validator == "type")


def _likeness(value: Mapping[str, Any], branch: Mapping[str, Any]) -> int:
    """How well the keys of a mapping fit a branch: required ones count most, misspelt ones least."""
    known = branch.get("properties", {})
    required = sum(100 for key in branch.get("required", ()) if key in value)
    return required + sum(10 if key in known else nearest(key, known) is not None for key in value)
