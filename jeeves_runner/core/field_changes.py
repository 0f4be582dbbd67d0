"""What differs between two specs, field by field and in the words of a manifest: ``timeout: 5m -> 10m``.

Plans show it, revisions keep it, messages name it. It holds no secrets.
"""

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.core.manifest_words import (
    SOURCE_KEYS,
    field_in_words,
    in_words,
    part_in_words,
    source_word,
)
from jeeves_runner.core.model import JobSpec, Param, SourceType
from jeeves_runner.core.specs import JOB_PARTS

HIDDEN: Final = "***"
"""In place of a text that is, or is to be, a secret."""

_SOURCE: Final = frozenset({"source_type", "script"})
"""The fields of a spec that only together say what a job runs."""

_PARAM_DEFAULTS: Final = {name: value for name, value in Param._field_defaults.items() if name != "type"}
"""A parameter that comes or goes is always shown with its type."""


class FieldChange(NamedTuple):
    """One field of a job, queue or node that differs."""

    path: str
    """Its key in the manifest, dotted within a mapping: ``env.TOKEN``, ``expect.finish_by``."""
    old: Any
    """A JSON value; None where there was none."""
    new: Any
    """A JSON value; None where there is none now."""


def changed_fields(old: str, new: str) -> list[FieldChange]:
    """What differs between two canonical texts, mappings key by key."""
    before, after = json.loads(old), json.loads(new)
    # Of thousands of updates most change one field: only those that differ are put in words.
    differ = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if not differ.isdisjoint(_SOURCE):
        differ |= _SOURCE
    return list(_changed("", *(in_words(_those(differ, values)) for values in (before, after))))


def _those(names: Container[str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def recorded_fields(fields: Iterable[FieldChange]) -> list[FieldChange]:
    """Changes of one spec as they may have been recorded, in the words of a manifest.

    Those of ``changed_fields`` stay as they are. Earlier versions recorded the names of the spec and of its
    columns, and how long something takes in milliseconds.
    """
    given = list(fields)
    kinds = next((each for each in given if each.path == "source_type"), None)
    found: list[FieldChange] = []
    for each in given:
        if each.path == "script":
            found += _sources(each, kinds)
        elif each.path in JOB_PARTS:
            found += _changed(each.path, part_in_words(each.old), part_in_words(each.new))
        elif each is not kinds:
            path, old = field_in_words(each.path, _truth(each.path, each.old))
            found.append(FieldChange(path, old, field_in_words(each.path, _truth(each.path, each.new))[1]))
    return found


def _truth(path: str, value: Any) -> Any:
    """SQLite has numbers for true and false."""
    return bool(value) if value in (0, 1) and JobSpec.__annotations__.get(path) is bool else value


def _sources(change: FieldChange, kinds: FieldChange | None) -> Iterator[FieldChange]:
    """What a job runs, where the path ``script`` may be the spec's name for any way to say it."""
    old = _source(change.old, None if kinds is None else kinds.old)
    new = _source(change.new, None if kinds is None else kinds.new)
    yield from _changed("", dict([old]), dict([new]))


def _source(value: Any, kind: object) -> tuple[str, Any]:
    """Its key and value. Where the kind did not change it was not recorded, and the value tells it."""
    if not isinstance(value, str):
        return "script", value
    if kind not in SOURCE_KEYS:
        kind = SourceType.INLINE
        if value.startswith("/") and "\n" not in value:
            kind = SourceType.PATH
        elif value.startswith('["'):
            kind = SourceType.COMMAND
    try:
        return source_word(str(kind), value)
    except ValueError:  # a text that only looks like an argv
        return source_word(SourceType.INLINE, value)


def _changed(path: str, old: Any, new: Any) -> Iterator[FieldChange]:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        yield from () if old == new else _whole(path, old, new)
        return
    found: list[FieldChange] = []
    for name in [*new, *(name for name in old if name not in new)]:
        found += _changed(f"{path}.{name}" if path else name, old.get(name), new.get(name))
    if path.startswith("params.") and old.get("secret") != new.get("secret"):
        found = [_without_values(change) for change in found]
    yield from found


def _whole(path: str, old: Any, new: Any) -> Iterator[FieldChange]:
    """A value that comes, goes or is another one; a mapping with defaults is told by what it says."""
    defaults = _defaults_of(path)
    if defaults is None or not (old is None or new is None):
        yield _change(path, old, new)
        return
    told: Mapping[str, Any] = new if old is None else old
    said = [name for name, value in told.items() if not _is_default(value, defaults.get(name))]
    for name in said:
        value = told[name]
        yield FieldChange(f"{path}.{name}", *((None, value) if old is None else (value, None)))
    if not said:
        yield FieldChange(path, *((None, {}) if old is None else ({}, None)))


def _defaults_of(path: str) -> Mapping[str, Any] | None:
    """What a mapping within a manifest means where it does not say; None for all other values."""
    if path.startswith("params."):
        return _PARAM_DEFAULTS if path.count(".") == 1 else None
    part = JOB_PARTS.get(path)
    return None if part is None else part_in_words(part._field_defaults)


def _is_default(value: Any, default: Any) -> bool:
    return bool(value == (list(default) if isinstance(default, tuple) else default))


def _change(path: str, old: Any, new: Any) -> FieldChange:
    """A text that becomes a secret, or was one, is not shown: what is shown is kept with the revision."""
    if path.startswith("env.") or path == "heartbeat":
        old, new = (
            HIDDEN if isinstance(value, str) and isinstance(other, Mapping) else value
            for value, other in ((old, new), (new, old))
        )
    return FieldChange(path=path, old=old, new=new)


def _without_values(change: FieldChange) -> FieldChange:
    """Likewise of a parameter: what it had as default and enum may be what it now hides."""
    if not change.path.endswith((".default", ".enum")):
        return change
    old, new = (HIDDEN if value else value for value in (change.old, change.new))
    return change._replace(old=old, new=new)
