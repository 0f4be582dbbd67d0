"""JSON Schema problems in words for people.

A quick check accepts a right value, as nearly all are, in microseconds. A value that it rejects goes to
jsonschema, which has the last word. Its findings become sentences here: the schema says under
``x-expected`` what a value should be, and under ``x-secret`` that a wrong one is not to be shown.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from jeeves_runner.core.manifest.branches import meant_branch
from jeeves_runner.core.manifest.examples import example_hint, key_hint, name_hint
from jeeves_runner.core.manifest.shapes import shape_hint
from jeeves_runner.core.manifest.simple_schema import matches
from jeeves_runner.core.manifest.unknown_keys import unknown_key_hint
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.wording import LONGEST, brief, did_you_mean, shown

if TYPE_CHECKING:
    from jsonschema import ValidationError

_MOST: Final = 1000
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,19})")
_NEARLY_INTEGER: Final = re.compile(r"[-+]?[0-9][0-9_,]*")
_SHORT_TIME: Final = re.compile("[0-9]:[0-5][0-9]")
_NOTHING: Final = ("null", "none", "never", "no", "off")
_FORMS: Final = ("duration", "Slack channel")
"""Texts that no number or truth value becomes by quotes."""
_EXAMPLES: Final = {
    "script": "say what is run, such as `run: echo hello`",
    "session": "say what the agent is to do, such as `prompt: Sort the inbox.`",
}
_BOOLEANS: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


class Validator:
    """Checks values against one schema.

    ``accepts`` is the quick check: true for nearly all right values, and for no wrong one. ``later`` are keys
    that this version knows of and does not support yet; ``own`` are keys of jobs that defaults may not set.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        accepts: Callable[[Any], bool],
        later: Iterable[str] = (),
        own: Iterable[str] = (),
    ) -> None:
        self._schema = schema
        self._later = frozenset(later)
        self._own = frozenset(own)
        self._is_valid = accepts
        part = schema["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        self._keys: Mapping[str, Any] = part.get("properties", {})

    def accepts(self, value: Any, *, holds_float: bool = True) -> bool:
        """Whether the value is certainly right; ``holds_float``: there may be a float within."""
        if not self._is_valid(value):
            return False
        # To JSON Schema 1e2 is an integer; here it would stay a float, whatever the spec's type says.
        return not holds_float or any(
            self._is_valid(_beside_whole(value, side)) for side in (-math.inf, math.inf)
        )

    @cached_property
    def _authority(self) -> Any:
        """Made at the first value that is rejected: making it takes longer than accepting all others."""
        return _authority(self._schema)

    def findings(self, value: Any, *, holds_float: bool = True) -> list[Finding]:
        """What is wrong, by place, up to about a thousand mistakes; empty when the value is right."""
        if self.accepts(value, holds_float=holds_float):
            return []
        errors = sorted(islice(self._authority.iter_errors(value), _MOST), key=_by_place)
        found: dict[tuple[KeyPath, str, str | None], Finding] = {}
        for finding in islice((f for error in errors for f in self._explained(error)), _MOST):
            # A value of the wrong kind breaks several rules of its place, and is one mistake.
            rule = None if finding.code == "wrong_value" else finding.message
            found.setdefault((finding.path, finding.code, rule), finding)
        return list(found.values())

    def _explained(self, error: Any) -> Iterator[Finding]:
        path: KeyPath = tuple(error.absolute_path)
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        match error.validator:
            case "additionalProperties" if error.validator_value is False:
                known = list(schema.get("properties", {}))
                for key in sorted(set(error.instance) - set(known)):
                    yield self._unknown_key(path, key, known)
            case "required":
                missing = next(key for key in error.validator_value if key not in error.instance)
                hint = key_hint(missing, schema.get("properties", {}).get(missing, {}))
                message = f"{_subject(path)} needs `{missing}`"
                yield Finding(path=path, code="missing_key", message=message, hint=hint)
            case "oneOf":
                yield _one_of(path, error)
            case "anyOf" if causes := meant_branch(error):
                for cause in causes:
                    yield from self._explained(cause)
            case "pattern" if "propertyNames" in error.absolute_schema_path:
                expected = schema.get("x-expected", "another name")
                message = f"the name `{brief(error.instance)}` is not allowed: it must be {expected}"
                place = (*path, error.instance)
                example = name_hint(schema)
                yield Finding(path=place, code="bad_name", message=message, hint=example, at_key=True)
            case _:
                yield _wrong_value(path, error.instance, schema)

    def _unknown_key(self, path: KeyPath, key: str, known: list[str]) -> Finding:
        place = (*path, key)
        if key in self._later:
            return unsupported_key(place)
        if key in self._own:
            message = f"defaults may not set `{key}`"
            hint = "write it into each job"
            return Finding(path=place, code="not_a_default", message=message, hint=hint, at_key=True)
        hint = unknown_key_hint(path, key, known, self._keys)
        return Finding(
            path=place, code="unknown_key", message=f"unknown key `{brief(key)}`", hint=hint, at_key=True
        )


def unsupported_key(place: KeyPath) -> Finding:
    """For a key of a feature still to come."""
    message = f"`{place[-1]}` is not supported by this version yet"
    return Finding(path=place, code="unsupported_key", message=message, hint="remove it", at_key=True)


def _authority(schema: Mapping[str, Any]) -> Any:
    """jsonschema's validator; importing it takes long, and only a mistake needs it."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    strict: Any = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator,
        {"pattern": _strict_pattern},
        type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
    )
    return strict(dict(schema))


def _beside_whole(value: Any, side: float) -> Any:
    """The value with each whole float, such as 2.0, replaced by the nearest float on this side of it."""
    if isinstance(value, float):
        return math.nextafter(value, side) if value.is_integer() else value
    if isinstance(value, list):
        return [_beside_whole(item, side) for item in value]
    if isinstance(value, dict):
        return {key: _beside_whole(item, side) for key, item in value.items()}
    return value


def _is_whole(_checker: Any, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _strict_pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> "Iterator[ValidationError]":
    from jsonschema import ValidationError

    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _by_place(error: "ValidationError") -> list[str]:
    return [str(part) for part in error.absolute_path]


def _one_of(path: KeyPath, error: Any) -> Finding:
    """Exactly one of several keys, of which each may be for one type of jobs."""
    if not isinstance(error.instance, Mapping):
        return _wrong_value(path, error.instance, {})
    own = error.instance.get("type", "script")
    types = {branch["required"][0]: branch.get("x-type", own) for branch in error.validator_value}
    given = [key for key in error.instance if key in types]
    listed = ", ".join(f"`{key}`" for key, each in types.items() if each == own or own not in types.values())
    if not given:
        return Finding(
            path=path,
            code="missing_key",
            message=f"{_subject(path)} needs one of {listed}",
            hint=_EXAMPLES.get(own) if isinstance(own, str) else None,
        )
    both = " and ".join(f"`{key}`" for key in given)
    message = f"{both} stand together, where exactly one of {listed} is allowed"
    hint = "take one of them out" if len(given) == 2 else "take all but one of them out"
    return Finding(path=(*path, given[1]), code="conflicting_keys", message=message, hint=hint, at_key=True)


def _wrong_value(path: KeyPath, value: Any, schema: Mapping[str, Any]) -> Finding:
    expected = schema.get("x-expected")
    if words := _words(schema):
        expected = words[0] if len(words) == 1 else "one of " + ", ".join(words)
    name = _dotted(path)
    told = f"{f'`{name}`' if name else 'this'} must be {expected or 'something else'}"
    if schema.get("x-secret"):  # no hint may show it either
        return Finding(path=path, code="wrong_value", message=told, hint=example_hint(path, schema))

    def said(written: str | None) -> tuple[str, str | None]:
        is_shown = written is not None and isinstance(value, bool | int | float)
        text = brief(written) if written is not None and is_shown else shown(value)
        hint = shape_hint(path, value, schema) or _hint(value, text, schema, expected or "")
        hint = hint or example_hint(path, schema)
        return f"{told}, not {text}", hint

    message, hint = said(None)
    return Finding(path=path, code="wrong_value", message=message, hint=hint, more=said)


def _hint(value: Any, text: str, schema: Mapping[str, Any], expected: str) -> str | None:
    """What its author probably meant; ``text`` is the value as it is written."""
    kinds = _kinds(schema)
    if not value and (meant := _hint_for_nothing(value, kinds)) is not None:
        return meant
    if isinstance(value, str):
        if "23:59" in expected and _SHORT_TIME.fullmatch(value):
            return f"write it with two digits: 0{value}"
        return _hint_for_text(value, kinds, _words(schema))
    if isinstance(value, float) and "integer" in kinds and value.is_integer():
        return f"write it without point and exponent: {brief(str(int(value)))}"
    if isinstance(value, int) and not isinstance(value, bool):
        if "duration" in expected:
            return (
                f"a number needs its unit: {text}s, {text}m, {text}h or {text}d" if text.isdecimal() else None
            )
        if "size" in expected:
            return f"a number needs its unit: {text}MiB?" if text.isdecimal() else None
    is_free_text = "string" in kinds and not any(form in expected for form in _FORMS)
    if is_free_text and isinstance(value, bool | int | float):
        return f'quote it: "{text}"' if len(text) < LONGEST else "quote it"
    return None


def _hint_for_nothing(value: Any, kinds: set[str]) -> str | None:
    """What is meant by null, false, 0, or what is empty."""
    if "null" in kinds:
        return "write null for none"
    is_empty = not isinstance(value, bool | int | float)
    return "it is empty: give it a value, or remove it" if is_empty else None


def _hint_for_text(value: str, kinds: set[str], words: Sequence[str]) -> str | None:
    word = value[:LONGEST].lower()
    if near := get_close_matches(word, words, n=1):
        return did_you_mean(near[0])
    if "null" in kinds and word in _NOTHING:
        return "write null, without quotes"
    if "boolean" in kinds:
        if word in _BOOLEANS:
            return f"YAML 1.2 knows only true and false: write {_BOOLEANS[word]}"
        if value in _BOOLEANS.values():
            return f"write it without quotes: {value}"
    if "integer" in kinds:
        if _INTEGER.fullmatch(value):
            return f"write it without quotes: {value}"
        if _NEARLY_INTEGER.fullmatch(value):
            return "it is text: whole numbers have digits alone, and do not begin with 0"
    return None


def _words(schema: Mapping[str, Any]) -> list[str]:
    return [str(word) for part in _branches(schema) for word in part.get("enum", ())]


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for part in _branches(schema):
        kinds = part.get("type", ())
        found.update((kinds,) if isinstance(kinds, str) else kinds)
    return found


def _branches(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The schema and what it offers a choice of: defaults take each value of a job, or null."""
    return (schema, *schema.get("anyOf", ()))


def _dotted(path: KeyPath) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{brief(part)}" if text else brief(part)
    return text


def _subject(path: KeyPath) -> str:
    name = _dotted(path)
    return f"`{name}`" if name else "it"
