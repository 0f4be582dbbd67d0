"""Specs in the words of a manifest: ``timeout: 1m`` where a spec has ``timeout_ms: 60000``."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jeeves_runner.core.durations import format_duration
from jeeves_runner.core.model import ParamType, SourceType
from jeeves_runner.core.specs import JOB_PARTS

SOURCE_KEYS: Final[Mapping[str, str]] = {
    SourceType.PATH: "script",
    SourceType.INLINE: "run",
    SourceType.COMMAND: "command",
    SourceType.PROMPT: "prompt",
    SourceType.PROMPT_FILE: "prompt_file",
}
"""The key that says what a job runs, by the spec's ``source_type``."""

QUEUE_SECTIONS: Final = ("dedup", "backoff", "retention")
"""The keys of a queue that are mappings. Its spec has no mappings: ``backoff_delay_ms``."""

_MS: Final = "_ms"


def in_words(values: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON values of a job's, queue's or node's spec under the keys of its manifest, paths resolved.

    What the spec has no value for stays None or empty.
    """
    words: dict[str, Any] = {}
    for path, value in _worded(values):
        first, _, rest = path.partition(".")
        if rest:
            words.setdefault(first, {})[rest] = value
        else:
            words[first] = value
    return words


def _worded(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    kind = values.get("source_type")
    for name, value in values.items():
        if name == "source_type":
            continue
        if name == "script" and kind is not None:
            yield source_word(kind, value)
        elif name in JOB_PARTS:
            yield name, part_in_words(value)
        elif name == "payload_schema":
            yield name, None if value is None else _value(value)
        elif name == "params":
            yield name, {param: _param_in_words(each) for param, each in value.items()}
        else:
            yield field_in_words(name, value)


def part_in_words(part: Any) -> Any:
    """A mapping within a job's spec, with its durations as texts; all else as it is."""
    if not isinstance(part, Mapping):
        return part
    return dict(_timed(name, value) for name, value in part.items())


def field_in_words(path: str, value: Any) -> tuple[str, Any]:
    """A field of a spec, dotted within a mapping, as a manifest has it: path and value."""
    first, dot, rest = path.partition(".")
    if dot:
        if first not in JOB_PARTS:
            return path, value  # names that people chose: env.WAIT_ms
        name, value = _timed(rest, value)
        return f"{first}.{name}", value
    name, value = _timed(path, value)
    section = next((each for each in QUEUE_SECTIONS if name.startswith(f"{each}_")), None)
    return (name if section is None else f"{section}.{name.removeprefix(section)[1:]}"), value


def source_word(kind: str, text: str) -> tuple[str, Any]:
    """What a job runs, by its ``source_type``: the key of the manifest, and its value."""
    return SOURCE_KEYS[kind], json.loads(text) if kind == SourceType.COMMAND else text


def _param_in_words(param: Mapping[str, Any]) -> dict[str, Any]:
    """A spec has texts for the values of all types, in the form that scripts get; a manifest has values."""
    if param["type"] == ParamType.STRING:
        return dict(param)
    default = param["default"]
    return {
        **param,
        "enum": [_value(each) for each in param["enum"]],
        "default": None if default is None else _value(default),
    }


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # written by hand
        return text


def _timed(name: str, value: Any) -> tuple[str, Any]:
    if not name.endswith(_MS):
        return name, value
    is_length = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return name.removesuffix(_MS), format_duration(value) if is_length else value
