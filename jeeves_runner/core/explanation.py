"""Where each value of a job comes from, as the reader's own merge of its layers tells it."""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from jeeves_runner.core.field_changes import HIDDEN, FieldChange
from jeeves_runner.core.manifest.context import MERGED, Layer, combine, with_defaults
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.manifest.rules import ManifestRules
from jeeves_runner.core.manifest.sessions import of_its_type
from jeeves_runner.core.manifest_words import in_words
from jeeves_runner.core.namespaces import BY_ID, Namespaces
from jeeves_runner.core.problem import KeyPath, Position, Problem


class Origin(StrEnum):
    """What kind of place says something of a job."""

    JOB = "job"
    """The job's own entry in its manifest."""
    FILE_DEFAULTS = "file_defaults"
    """The ``defaults:`` of the same file."""
    FOLDER_DEFAULTS = "folder_defaults"
    """A ``_defaults.yaml``."""
    FILE_NAME = "file_name"
    """The name of the manifest, which is the job's id."""
    CONFIG = "config"
    """The config file."""
    BUILT_IN = "built_in"
    """No file: the program's own default."""
    LIVE = "live"
    """The database, which has what was last applied: no file can be read for it."""


class Statement(NamedTuple):
    """What one place says of a key."""

    value: Any
    """As it is written there, a JSON value; of what is not written, in the words of a manifest."""
    origin: Origin
    """What kind of place it is."""
    file: str | None = None
    """The file, relative to the project root; None for what stands in none."""
    path: KeyPath = ()
    """The way to the value from the top of that file."""


class ExplainedKey(NamedTuple):
    """One key of a job."""

    key: str
    """Dotted within a mapping that defaults are merged into: ``env.TOKEN``."""
    said: Statement
    """What is in force."""
    overrides: tuple[Statement, ...] = ()
    """What it took the place of, the outermost first."""
    reason: str | None = None
    """Why none of them is in force, where no file says what is."""


class Explained(NamedTuple):
    """A job as its files have it."""

    keys: tuple[ExplainedKey, ...]
    """Its keys in the order of the schema; of a job that is invalid, only those that are written."""
    place: KeyPath
    """The way to the job from the top of its manifest."""
    text: str | None
    """Its spec as canonical JSON; None for one that is invalid."""


def explain(
    reader: ManifestReader,
    path: str,
    data: bytes,
    layers: tuple[Layer, ...],
    job_id: str,
    settings: Mapping[str, Statement],
    *,
    complete: bool,
    names: Namespaces = BY_ID,
) -> Explained | None:
    """The job as the manifest at ``path`` has it; None if that declares none of this id.

    ``layers``: the defaults of its folders, outermost first. ``settings``: what the config file says, by the
    job's key for which it is the default. ``complete``: whether these are all layers; what others would say
    is not known, and then no default is told. ``names``: as of ``ManifestReader.read``.
    """
    found: list[tuple[Mapping[str, Any], KeyPath, Layer]] = []

    def meet(item: Any, place: KeyPath, defaults: Layer) -> None:
        if isinstance(item, Mapping) and item.get("id") == job_id:
            found.append((item, place, defaults))

    result = reader.read(path, data, layers, met=meet, names=names)
    if not found:
        return None
    item, place, defaults = found[0]
    text = None
    if complete:
        text = next((each.text for each in result.entries if (each.kind, each.id) == ("job", job_id)), None)
    written = _written(path, item, place, defaults)
    full = with_defaults(item, defaults.values, reader.rules.unset_by_null)
    kept = full if text is None else of_its_type(item, full, reader.rules.types)[0]
    words = None if text is None else in_words(json.loads(text))
    keys = tuple(_keys(reader.rules, written, kept, words, settings))
    return Explained(keys, place, text)


def explain_live(values: Mapping[str, Any], rules: ManifestRules) -> tuple[ExplainedKey, ...]:
    """A job of which no file can be read, by the JSON values of its spec as it was last applied."""
    words = in_words(values)
    said = ((path, _value_at(words, path)) for key in rules.job_keys for path in _made_paths(key, words))
    return tuple(ExplainedKey(_dotted(path), Statement(value, Origin.LIVE)) for path, value in said)


def _written(
    path: str, item: Mapping[str, Any], place: KeyPath, defaults: Layer
) -> dict[KeyPath, list[Statement]]:
    """All that layers say of each key, outermost first, as the merge hears it."""
    layers = (*defaults.parts, Layer(item, defaults.size, path))
    said: dict[KeyPath, list[Statement]] = {}

    def hear(number: int, key: KeyPath) -> None:
        layer = layers[number]
        value = layer.values[str(key[0])]
        value = value if len(key) == 1 else value[key[1]]
        if number == len(defaults.parts):
            statement = Statement(value, Origin.JOB, path, (*place, *key))
        else:
            origin = Origin.FILE_DEFAULTS if layer.file == path else Origin.FOLDER_DEFAULTS
            statement = Statement(value, origin, layer.file, ("defaults", *key))
        _enter(said, key, statement)

    combine((layer.values for layer in layers), hear)
    return said


def _enter(said: dict[KeyPath, list[Statement]], path: KeyPath, statement: Statement) -> None:
    """``path``: the key, or that and a name within its mapping."""
    key = path[0]
    if len(path) == 2:
        before = [each for each in said.pop((key,), []) if each.value != {}]  # there was no name in it
        said.setdefault(path, before).append(statement)
        return
    before = [each for known in [k for k in said if k[0] == key] for each in said.pop(known)]
    if key in MERGED and isinstance(statement.value, Mapping) and statement.value:
        for name, value in statement.value.items():
            of_it = [each for each in before if each.path[-2:-1] != (key,) or each.path[-1] == name]
            said[key, name] = [*of_it, statement._replace(value=value, path=(*statement.path, name))]
    else:
        said[path] = [*before, statement]


def _keys(
    rules: ManifestRules,
    written: Mapping[KeyPath, list[Statement]],
    kept: Mapping[str, Any],
    words: Mapping[str, Any] | None,
    settings: Mapping[str, Statement],
) -> Iterator[ExplainedKey]:
    """``kept``: what the merge has come to. ``words``: what is made of that, if it is valid."""
    unknown = [str(path[0]) for path in written if path[0] not in rules.job_keys]
    for key in dict.fromkeys([*rules.job_keys, *unknown]):
        said = {path: _without_secrets(path, each) for path, each in written.items() if path[0] == key}
        made = None if words is None else words.get(key)
        for path, statements in said.items():
            *before, last = statements
            if _is_at(kept, path):
                default = [settings[key]] if key in settings else []
                yield ExplainedKey(_dotted(path), last, (*default, *before))
            else:
                in_force = _unwritten(path, made, settings)
                yield ExplainedKey(_dotted(path), in_force, tuple(statements), _reason(last))
        for path in () if words is None else _made_paths(key, words):
            if path not in said and path[:1] not in said and (len(path) == 2 or not said):
                yield ExplainedKey(_dotted(path), _unwritten(path, made, settings))


def _made_paths(key: str, words: Mapping[str, Any]) -> list[KeyPath]:
    """The rows of a key: one for each value in a mapping that is merged by key, else one."""
    made = words.get(key)
    if key in MERGED and isinstance(made, Mapping) and made:
        return [(key, name) for name, value in made.items() if value is not None]
    return [(key,)] if key in words else []


def _reason(last: Statement) -> str:
    if last.value is None:
        return "null takes the default away"
    return "it is not for jobs of this type"


def _unwritten(path: KeyPath, made: Any, settings: Mapping[str, Statement]) -> Statement:
    value = _value_at({str(path[0]): made}, path)
    return settings.get(str(path[0]), Statement(None, Origin.BUILT_IN))._replace(value=value)


def _value_at(words: Mapping[str, Any], path: KeyPath) -> Any:
    value = words.get(str(path[0]))
    if len(path) == 1:
        return value
    return value.get(path[1]) if isinstance(value, Mapping) else None


def _is_at(kept: Mapping[str, Any], path: KeyPath) -> bool:
    """Whether the merge has kept something there."""
    if len(path) == 1 or path[0] not in kept:
        return path[0] in kept
    inner = kept[str(path[0])]
    return isinstance(inner, Mapping) and path[1] in inner


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))


def _without_secrets(path: KeyPath, statements: list[Statement]) -> list[Statement]:
    """A text is not shown where there is a secret in its place, or was one; nor what a parameter says of its
    secret values."""
    if path[0] == "params":
        return [each._replace(value=_without_values(each.value)) for each in statements]
    if path[0] not in ("env", "heartbeat"):
        return statements
    if not any(isinstance(each.value, Mapping) and each.value for each in statements):
        return statements
    return [each._replace(value=HIDDEN) if isinstance(each.value, str) else each for each in statements]


def _without_values(params: Any) -> Any:
    if not isinstance(params, Mapping):
        return params
    return {name: _of_secret(param) for name, param in params.items()}


def _of_secret(param: Any) -> Any:
    if not isinstance(param, Mapping) or not param.get("secret"):
        return param
    return {key: HIDDEN if key in ("default", "enum") else value for key, value in param.items()}


class State(StrEnum):
    """How what the files say of a job stands to what is live."""

    APPLIED = "applied"
    """It is live."""
    PENDING = "pending"
    """It waits for an apply."""
    HELD = "held"
    """It is broken, and the job keeps its last good spec."""
    BROKEN = "broken"
    """It is broken, and nothing of it has ever been applied."""
    UNDECLARED = "undeclared"
    """No file declares the live job any more."""


class Explanation(NamedTuple):
    """A job with the place of each of its values, and how its files stand to what is live."""

    job_id: str
    """The job."""
    state: State
    """How its files stand to what is live."""
    message: str | None
    """Why it is held, or what it waits for."""
    file: str | None
    """Its manifest, relative to the project root; None where it has none that can be read."""
    position: Position
    """Where the job begins in that, line and column from 1."""
    keys: tuple[ExplainedKey, ...]
    """Its keys in the order of the schema."""
    places: Mapping[tuple[str, KeyPath], Position]
    """Where what is said stands: line and column from 1, by the file and the way to it."""
    problems: tuple[Problem, ...]
    """What breaks it."""
    fields: tuple[FieldChange, ...]
    """What is different of the live row."""
    revision_id: int | None
    """The apply that wrote the live row; None without one."""
    is_valid: bool
    """Whether the files make a job; else only the keys that are written are known."""
