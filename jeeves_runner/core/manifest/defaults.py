"""Defaults of folders and files, and how they reach a job: nearer wins."""

from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

MERGED: Final = frozenset({"env", "retries"})
"""These merge by key, one level deep; everything else replaces."""


def combine(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One mapping of defaults from several, outermost first."""
    combined: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            combined[key] = _merged(key, combined.get(key), value)
    return combined


def with_defaults(
    job: Mapping[str, Any], defaults: Mapping[str, Any], known: Container[str]
) -> dict[str, Any]:
    """The job's keys over the defaults; a key that is null in either is as if it were not there.

    Null takes a default away, so it says nothing of a key that is not among those ``known`` to
    have any: such a key stays, for whoever validates.
    """
    full = combine((defaults, job)) if defaults else job
    return {key: value for key, value in full.items() if value is not None or key not in known}


def _merged(key: str, outer: Any, inner: Any) -> Any:
    if key in MERGED and isinstance(outer, Mapping) and isinstance(inner, Mapping):
        return {**outer, **inner}
    return inner
