"""Specs read from their canonical JSON text, which ``core.spec_texts`` writes."""

import json
from collections.abc import Mapping
from functools import lru_cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from jeeves_runner.core.model import (
    CatchUp,
    JobSpec,
    JobType,
    OverlapPolicy,
    QueueSpec,
    Retries,
    Secret,
    SourceType,
    Spec,
)

T = TypeVar("T", JobSpec, Retries)


class SpecError(ValueError):
    """A text is no canonical spec: it was written by hand or by another version."""


def spec_from_text(kind: str, text: str) -> Spec:
    """The spec of a canonical text; ``kind`` is ``job`` or ``queue``."""
    return queue_from_text(text) if kind == "queue" else job_from_text(text)


@lru_cache(maxsize=1024)
def job_from_text(text: str) -> JobSpec:
    """The job spec of a canonical text; SpecError for one that is none.

    Cached: the scheduler reads the same few again and again.
    """
    try:
        return _checked(JobSpec(**_job_values(json.loads(text))))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpecError(f"the stored spec cannot be read: {error}") from error


def _job_values(given: Mapping[str, Any]) -> dict[str, Any]:
    values = _known(given, JobSpec._fields)
    for name in ("tags", "schedule", "exclude", "args", "reads", "writes", "uses"):
        values[name] = tuple(values.get(name, ()))
    values["env"] = tuple(
        (name, value if isinstance(value, str) else _secret(value))
        for name, value in values.get("env", {}).items()
    )
    values["type"] = JobType(values.get("type", "script"))
    values["catch_up"] = CatchUp(values.get("catch_up", "latest"))
    values["source_type"] = SourceType(values.get("source_type", "path"))
    values["overlap_policy"] = OverlapPolicy(values.get("overlap_policy", "skip"))
    if values.get("retries") is not None:
        values["retries"] = _retries(values["retries"])
    return values


def queue_from_text(text: str) -> QueueSpec:
    """The queue spec of a canonical text."""
    return QueueSpec(**_known(json.loads(text), QueueSpec._fields))


def _known(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _secret(value: Mapping[str, str]) -> Secret:
    if "file" in value:
        return Secret(kind="file", ref=value["file"])
    return Secret(kind="from_env", ref=value["from_env"])


def _retries(values: Mapping[str, Any]) -> Retries:
    known = _known(values, Retries._fields)
    known["on"] = tuple(known["on"])
    if known.get("on_exit_codes") is not None:
        known["on_exit_codes"] = tuple(known["on_exit_codes"])
    return _checked(Retries(**known))


def _checked(value: T) -> T:
    """A part of a spec as it is; TypeError if a field holds what is not of its type."""
    for name, types in _TYPES[type(value)]:
        if type(getattr(value, name)) not in types:
            raise TypeError(f"{name} cannot be {getattr(value, name)!r}")
    return value


def _types_of(kind: Any) -> frozenset[type]:
    """The types of the values that an annotation allows; of a tuple's parts it says nothing."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return frozenset(map(type, parts))
    if origin in (Union, UnionType):
        return frozenset().union(*map(_types_of, parts))
    return frozenset([origin or kind])


_TYPES = {
    cls: [(name, _types_of(kind)) for name, kind in cls.__annotations__.items()] for cls in (JobSpec, Retries)
}
