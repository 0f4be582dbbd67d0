"""What a manifest may hold, as one schema says it, ready to be checked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jsonschema_rs

from jeeves_runner.core.manifest.branches import nearest
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.validation import Validator

LATER: Final = frozenset(
    """
    executor resources
    """.split()  # noqa: SIM905
)
"""Keys of features still to come: they are refused as unsupported rather than as misspelt."""


class ManifestRules:
    """The parts of one schema, compiled, and what a look at manifests knows of its project.

    ``defaultable``: the keys that defaults may set. ``unset_by_null``: those of them that null takes away; of
    the others it is a value. ``job_keys``: all that a job can have. ``list_keys``: those whose value is a
    list of entries. ``source_keys``: the keys that say what is run; each job has one of them. ``types``: of
    the keys that only jobs of one type have, which type that is.
    """

    def __init__(self, schema: Mapping[str, Any], context: ProjectContext) -> None:
        parts = schema["$defs"]
        self.context = context
        self._parts: Mapping[str, Any] = parts
        self.defaultable = frozenset(parts["defaults"]["properties"])
        keys = parts["job"]["properties"]
        self.unset_by_null = frozenset(
            key for key in self.defaultable if "null" not in keys[key].get("type", ())
        )
        own = {"defaults": [key for key in keys if key not in self.defaultable]}
        self._validators: dict[str, Validator] = {
            name: _validator({"$ref": f"#/$defs/{name}", "$defs": parts}, own.get(name, ()))
            for name in ("job", "queue", "node", "defaults")
        }
        self.list_keys = tuple(parts["lists"]["properties"])
        self.job_keys = tuple(keys)
        self.types = {key: part["x-type"] for key, part in keys.items() if "x-type" in part}
        self.source_keys = tuple(branch["required"][0] for branch in parts["job"]["oneOf"])

    def entry_schema(self, kind: str) -> Mapping[str, Any]:
        """The schema of a ``job``, ``queue`` or ``node``."""
        schema: Mapping[str, Any] = self._parts[kind]
        return schema

    def validator(self, name: str) -> Validator:
        """That of ``job``, ``queue``, ``node`` or ``defaults``."""
        return self._validators[name]

    def list_key_meant(self, key: str) -> str | None:
        """The list key that an unknown key is probably meant to be; None if it is more like a job's key."""
        if key in self.job_keys or key in LATER:
            return None
        meant = nearest(key, (*self.list_keys, *self.job_keys))
        return meant if meant in self.list_keys else None


def _validator(schema: Mapping[str, Any], own: Sequence[str]) -> Validator:
    return Validator(schema, jsonschema_rs.validator_for(dict(schema)).is_valid, LATER, own)
