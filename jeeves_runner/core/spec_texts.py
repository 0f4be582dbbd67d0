"""Specs as canonical JSON text: what is stored, hashed and compared.

Every field of a spec appears, in the order the type gives, defaults included: so the text says
what a run does without knowing which version of the program wrote it.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from jeeves_runner.core.model import JobSpec, Param, Secret
from jeeves_runner.core.node_spec import NodeSpec
from jeeves_runner.core.queue_spec import QueueSpec
from jeeves_runner.core.schedule_entry import as_json as schedule_as_json
from jeeves_runner.core.specs import JOB_PARTS

Spec = JobSpec | QueueSpec | NodeSpec

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def spec_to_json(spec: Spec) -> dict[str, Any]:
    """All fields as JSON values; ``env`` and ``params`` become mappings, a secret ``{file: …}`` or
    ``{from_env: …}``."""
    if not isinstance(spec, JobSpec):
        return spec._asdict()
    values = spec._asdict()
    for name in JOB_PARTS:
        if values[name] is not None:
            values[name] = values[name]._asdict()
    values["needs"] = [need._asdict() for need in spec.needs]
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
