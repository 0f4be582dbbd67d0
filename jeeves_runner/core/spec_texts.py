"""Specs as canonical JSON text: what is stored, hashed and compared.

Every field of a spec appears, in the order the type gives, defaults included: so the text says
what a run does without knowing which version of the program wrote it.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from jeeves_runner.core.model import JobSpec, Param, Secret
from jeeves_runner.core.queue_spec import QueueSpec
from jeeves_runner.core.schedule_entry import as_json as schedule_as_json
from jeeves_runner.core.specs import JOB_PARTS

Spec = JobSpec | QueueSpec

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

_HIDDEN: Final = "***"


def spec_to_json(spec: Spec) -> dict[str, Any]:
    """All fields as JSON values; ``env`` and ``params`` become mappings, a secret ``{file: …}`` or
    ``{from_env: …}``."""
    if isinstance(spec, QueueSpec):
        return spec._asdict()
    values = spec._asdict()
    for name in JOB_PARTS:
        if values[name] is not None:
            values[name] = values[name]._asdict()
    values["schedule"] = schedule_as_json(spec.schedule)
    values["params"] = {param.name: _param_to_json(param) for param in spec.params}
    values["env"] = {name: _text_or_secret(value) for name, value in spec.env}
    values["heartbeat"] = _text_or_secret(spec.heartbeat)
    return values


def _text_or_secret(value: str | Secret | None) -> str | dict[str, str] | None:
    return {value.kind: value.ref} if isinstance(value, Secret) else value


def _param_to_json(param: Param) -> dict[str, Any]:
    return {name: value for name, value in param._asdict().items() if name != "name"}


def encode(values: Mapping[str, Any]) -> str:
    """The canonical text of a spec's JSON values, which stand in the order of its fields.

    Equal specs give equal texts.
    """
    return _encode(values)


def spec_hash(text: str) -> str:
    """The identity of a canonical text: 32 hex digits."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


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


def _change(path: str, old: Any, new: Any) -> FieldChange:
    """A text that becomes a secret, or was one, is not shown: what is shown is kept with the revision."""
    if path.startswith("env.") or path == "heartbeat":
        old, new = (
            _HIDDEN if isinstance(value, str) and isinstance(other, dict) else value
            for value, other in ((old, new), (new, old))
        )
    return FieldChange(path=path, old=old, new=new)


def _changed(path: str, old: Any, new: Any) -> list[FieldChange]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [_change(path, old, new)]
    found: list[FieldChange] = []
    for name in [*new, *(name for name in old if name not in new)]:
        found += _changed(f"{path}.{name}" if path else name, old.get(name), new.get(name))
    if path.startswith("params.") and old.get("secret") != new.get("secret"):
        found = [_without_values(change) for change in found]
    return found


def _without_values(change: FieldChange) -> FieldChange:
    """Likewise of a parameter: what it had as default and enum may be what it now hides."""
    if not change.path.endswith((".default", ".enum")):
        return change
    old, new = (_HIDDEN if value else value for value in (change.old, change.new))
    return change._replace(old=old, new=new)
