"""What else is declared of a job: each key of its manifest that ``job`` shows in no line of its own."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jeeves_runner.core.manifest_text import flow_text
from jeeves_runner.core.manifest_words import field_in_words, part_in_words
from jeeves_runner.core.model import JobSpec, SourceType
from jeeves_runner.core.spec_texts import encode, spec_to_json

_SHOWN: Final = frozenset(
    {
        *("id", "name", "description", "tags", "owner", "type", "enabled"),
        *("schedule", "timezone", "exclude", "precheck", "source_type", "script", "cwd", "session", "params"),
        *("timeout_ms", "overlap_policy", "pool", "priority", "exit_codes"),
    }
)
"""The fields of a spec that have lines of their own."""

_SUBJECTS: Final = {
    "after": "jobs",
    "on_queue": "queue",
    "on_change": "of",
    "needs": "job",
    "retries": "limit",
}
"""What such a mapping is about stands first and without its key, as where a manifest has it alone."""


def declared_pairs(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each key with its value, both as in a manifest. Of variables there are the names alone: a value may be
    what others should not see."""
    defaults = json.loads(encode(spec_to_json(JobSpec(id="", name=""))))
    for name, value in spec.items():
        if name == "env":
            if value:
                yield name, ", ".join(_variable(each, its) for each, its in value.items())
        elif name == "args" and spec["source_type"] == SourceType.PATH:
            continue  # they follow the path
        elif name in _SHOWN or name not in defaults:
            continue
        elif value != defaults[name] or (name == "catch_up" and spec["schedule"]):
            key, said = field_in_words(name, part_in_words(value))
            yield key, _said(key, said)


def _variable(name: str, value: object) -> str:
    return name if isinstance(value, str) else f"{name} (secret)"


def _said(key: str, value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(
            _part(each) if name == _SUBJECTS.get(key) else f"{name} {flow_text(each)}"
            for name, each in value.items()
            if each is not None
        )
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        return "; ".join(_said(key, part_in_words(each)) for each in value)
    return _part(value)


def _part(value: object) -> str:
    """A list without its brackets; texts as they stand."""
    each = value if isinstance(value, list) else [value]
    return ", ".join(one if isinstance(one, str) else flow_text(one) for one in each)
