"""Jobs read from the canonical JSON text that ``core.spec_texts`` writes."""

import json
from collections.abc import Callable, Iterable, Mapping
from enum import EnumType
from functools import lru_cache, partial
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

from jeeves_runner.core.edge_spec import Need
from jeeves_runner.core.model import JobSpec, Param, ParamType, Secret
from jeeves_runner.core.schedule_entry import entries_of

T = TypeVar("T")


class SpecError(ValueError):
    """A text is no canonical spec: it was written by hand or by another version."""


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
    return {name: _READERS[name](value) if name in _READERS else value for name, value in values.items()}


def _known(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _env(values: Mapping[str, str | Mapping[str, str]]) -> tuple[tuple[str, str | Secret], ...]:
    return tuple(
        (name, value if isinstance(value, str) else _secret(value)) for name, value in values.items()
    )


def _secret(value: Mapping[str, str]) -> Secret:
    if "file" in value:
        return Secret(kind="file", ref=value["file"])
    return Secret(kind="from_env", ref=value["from_env"])


def _text_or_secret(value: str | Mapping[str, str] | None) -> str | Secret | None:
    return value if value is None or isinstance(value, str) else _secret(value)


def _params(values: Mapping[str, Mapping[str, Any]]) -> tuple[Param, ...]:
    """A job's parameters, each by its name."""
    return tuple(_param({**value, "name": name}) for name, value in values.items())


def _param(values: Mapping[str, Any]) -> Param:
    known = _known(values, Param._fields)
    return _checked(Param(**known | {"type": ParamType(known["type"]), "enum": tuple(known["enum"])}))


def _needs(values: Iterable[Mapping[str, Any]]) -> tuple[Need, ...]:
    return tuple(_part(Need, value) for value in values)


def _part(kind: Any, values: Mapping[str, Any] | None) -> Any:
    """A mapping within a spec as its named tuple."""
    if values is None:
        return None
    known = _known(values, kind._fields)
    return _checked(kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in known.items()}))


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


def _part_of(kind: Any) -> Any:
    """The named tuple in an annotation such as ``Retries | None``; None if it may be anything else."""
    whole = [each for each in get_args(kind) or (kind,) if each is not NoneType]
    is_one = get_origin(kind) is not tuple and len(whole) == 1
    return whole[0] if is_one and hasattr(whole[0], "_fields") else None


JOB_PARTS: Final = {
    name: part for name, kind in JobSpec.__annotations__.items() if (part := _part_of(kind)) is not None
}
"""The fields of a job that are a mapping of their own, with the named tuple of its fields."""


def _reader_of(name: str, kind: Any) -> Callable[[Any], Any] | None:
    """What makes a field of its JSON value; None where that is the value itself."""
    if name in JOB_PARTS:
        return partial(_part, JOB_PARTS[name])
    if get_origin(kind) is tuple:
        return tuple
    return kind if isinstance(kind, EnumType) else None


_READERS = {
    name: reader
    for name, kind in JobSpec.__annotations__.items()
    if (reader := _reader_of(name, kind)) is not None
} | {"env": _env, "schedule": entries_of, "params": _params, "heartbeat": _text_or_secret, "needs": _needs}

_TYPES = {
    cls: [(name, _types_of(kind)) for name, kind in cls.__annotations__.items()]
    for cls in (JobSpec, Param, Need, *JOB_PARTS.values())
}
