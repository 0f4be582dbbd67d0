"""What gives a manifest its meaning besides its own text: the project, and the defaults above it."""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.core.alerts.channels import Channels
from jeeves_runner.core.manifest.budget import Size
from jeeves_runner.core.problem import KeyPath

MERGED: Final = frozenset({"env", "retries", "session", "alert"})
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
    file: str = ""
    """The file, relative to the project root; empty for what several of them come to."""
    parts: tuple["Layer", ...] = ()
    """Of what several come to: each of them, outermost first."""


Told = Callable[[int, KeyPath], None]
"""Hears which layer, by its number from 0, sets which value; the keys of a mapping that is not merged by key
are not told each."""


def combine(layers: Iterable[Mapping[str, Any]], told: Told | None = None) -> dict[str, Any]:
    """One mapping of defaults from several, outermost first."""
    combined: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        for key, value in layer.items():
            outer = combined.get(key)
            paths: Iterable[KeyPath] = ((key,),)
            if key in MERGED and isinstance(outer, Mapping) and isinstance(value, Mapping):
                combined[key] = {**outer, **value}
                paths = ((key, name) for name in value)
            else:
                combined[key] = value
            if told is not None:
                for path in paths:
                    told(number, path)
    return combined


def with_defaults(
    job: Mapping[str, Any], defaults: Mapping[str, Any], unset: Container[str]
) -> dict[str, Any]:
    """The job's keys over the defaults; null takes a default of an ``unset`` key away.

    Null under another key stays: it has a meaning there, or is a mistake for the validation to find.
    """
    full = combine((defaults, job)) if defaults else job
    return {key: value for key, value in full.items() if value is not None or key not in unset}
