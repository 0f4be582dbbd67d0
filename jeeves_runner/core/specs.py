"""Specs as canonical JSON text: what is stored, hashed and compared.

Every field of a spec appears, in the order the type gives, defaults included: so the text says
what a run does without knowing which version of the program wrote it.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from types import UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

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


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def spec_to_json(spec: Spec) -> dict[str, Any]:
    """All fields as JSON values; ``env`` becomes a mapping, a secret ``{file: …}`` or ``{from_env: …}``."""
    if isinstance(spec, QueueSpec):
        return {name: getattr(spec, name) for name in QueueSpec._fields}
    values = {name: getattr(spec, name) for name in JobSpec._fields}
    if spec.env:
        values["env"] = {n: {v.kind: v.ref} if isinstance(v, Secret) else v for n, v in spec.env}
    else:
        values["env"] = {}
    if spec.retries is not None:
        values["retries"] = {name: getattr(spec.retries, name) for name in Retries._fields}
    return values


def canonical(spec: Spec) -> str:
    """The spec as JSON text; equal specs give equal texts."""
    return encode(spec_to_json(spec))


def encode(values: Mapping[str, Any]) -> str:
    """The canonical text of a spec's JSON values, which stand in the order of its fields."""
    return _encode(values)


def spec_hash(text: str) -> str:
    """The identity of a canonical text: 32 hex digits."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


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


class FieldChange(NamedTuple):
    """One field of a spec that differs."""

    path: str
    """Its name, dotted within a mapping: ``env.TOKEN``."""
    old: Any
    """A JSON value; None where there was none."""
    new: Any
    """A JSON value; None where there is none now."""


def changed_fields(old: str, new: str) -> list[FieldChange]:
    """What differs between two canonical texts, mappings key by key."""
    return _changed("", json.loads(old), json.loads(new))


def _changed(path: str, old: Any, new: Any) -> list[FieldChange]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [FieldChange(path=path, old=old, new=new)]
    found: list[FieldChange] = []
    for name in [*new, *(name for name in old if name not in new)]:
        found += _changed(f"{path}.{name}" if path else name, old.get(name), new.get(name))
    return found
