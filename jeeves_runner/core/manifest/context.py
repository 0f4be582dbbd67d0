"""What gives a manifest its meaning besides its own text: the project, and the defaults above it."""

from collections.abc import Container, Iterable, Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.core.alerts.channels import Channels
from jeeves_runner.core.manifest.budget import Size

_MERGED: Final = frozenset({"env", "retries", "session", "alert"})
"""Of two layers of defaults these merge by key, one level deep; of all else the nearer layer wins."""


class ProjectContext(NamedTuple):
    """What every manifest of a project is read with."""

    project_root: str
    """Absolute; relative paths in manifests start here."""
    timezone: str = "UTC"
    """The IANA zone of jobs that name none."""
    pools: frozenset[str] = frozenset()
    """The names of the pools that the config declares."""
    has_gateway: bool = False
    """Whether the config names a gateway, which jobs of type session need."""
    channels: Channels = Channels()
    """The channels that the config names, and where people are told of jobs and queues that do not say."""


class Layer(NamedTuple):
    """The defaults that one file sets."""

    values: Mapping[str, Any]
    """The defaults by their keys."""
    size: Size
    """What they add to a file for each job in it."""


def combine(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One mapping of defaults from several, outermost first."""
    combined: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            combined[key] = _merged(key, combined.get(key), value)
    return combined


def with_defaults(
    job: Mapping[str, Any], defaults: Mapping[str, Any], unset: Container[str]
) -> dict[str, Any]:
    """The job's keys over the defaults; null takes a default of an ``unset`` key away.

    Null under another key stays: it has a meaning there, or is a mistake for the validation to find.
    """
    full = combine((defaults, job)) if defaults else job
    return {key: value for key, value in full.items() if value is not None or key not in unset}


def _merged(key: str, outer: Any, inner: Any) -> Any:
    if key in _MERGED and isinstance(outer, Mapping) and isinstance(inner, Mapping):
        return {**outer, **inner}
    return inner
