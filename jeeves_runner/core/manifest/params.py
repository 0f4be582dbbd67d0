"""A job's declared parameters: what the schema cannot say of them is checked here."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jeeves_runner.core.expressions import problem_of
from jeeves_runner.core.model import Param, ParamType
from jeeves_runner.core.params import EXPECTED, misfit, text_of, variable_of
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.wording import brief, likely_meant, shown

_STARTERS: Final = ("schedule", "on_start", "after", "on_queue", "on_change")
"""The keys by which a job starts without being triggered."""

_MAX_PARAMS: Final = 64
_MAX_ENUM_VALUE: Final = 1024
"""Characters of one value of an enum."""


def build_params(
    given: Mapping[str, Mapping[str, Any]], job: Mapping[str, Any], findings: list[Finding]
) -> dict[str, dict[str, Any]]:
    """The JSON values of a spec's parameters that meet the schema, by name; what is wrong goes to
    ``findings``. ``job``: the values of the job so far."""
    if len(given) > _MAX_PARAMS:
        message = f"`params` has {len(given):,} parameters, where {_MAX_PARAMS} are allowed"
        path = ("params", list(given)[_MAX_PARAMS])
        hint = "give the script a file of values, or one parameter with JSON in it"
        findings.append(Finding(path=path, code="wrong_value", message=message, hint=hint, at_key=True))
        return {}
    findings += _same_variables(given)
    starter = next((key for key in _STARTERS if job.get(key)), None)
    return {name: _build(("params", name), keys, starter, findings) for name, keys in given.items()}


def _same_variables(names: Mapping[str, object]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name in names:
        variable = variable_of(name)
        other = first.setdefault(variable, name)
        if other is not name:
            message = f"`params.{name}` and `params.{other}` would both be the variable {variable}"
            yield Finding(
                path=("params", name),
                code="bad_name",
                message=message,
                hint="rename one of them",
                at_key=True,
            )


def _build(path: KeyPath, keys: Mapping[str, Any], starter: str | None, findings: list[Finding]) -> Any:
    kind = ParamType(keys.get("type", ParamType.STRING))
    found = [*_conflicts(path, keys, kind), *_pattern_findings(path, keys)]
    pattern = None if found else keys.get("pattern")
    enum, bad = _enum(path, keys.get("enum", ()), Param(name="", type=kind, pattern=pattern))
    found += bad
    param = Param(
        name=str(path[-1]),
        type=kind,
        description=keys.get("description"),
        enum=enum,
        default=text_of(kind, keys["default"]) if "default" in keys else None,
        required=keys.get("required", False),
        pattern=pattern,
        secret=keys.get("secret", False),
    )
    if "default" in keys and not found:
        found += _misfits((*path, "default"), keys["default"], param)
    if param.required and "default" not in keys and starter is not None:
        name = f"params.{param.name}"
        message = f"`{name}` is required and has no default, but `{starter}` starts the job without a value"
        hint = "give it a default, or drop `required`"
        if param.secret:
            hint = "drop `required`, or take a secret that is always the same from `env`"
        found.append(Finding(path=(*path, "required"), code="missing_key", message=message, hint=hint))
    findings += found
    return {name: value for name, value in param._asdict().items() if name != "name"}


def _conflicts(path: KeyPath, keys: Mapping[str, Any], kind: ParamType) -> Iterator[Finding]:
    name = f"params.{path[-1]}"
    if "pattern" in keys and kind is not ParamType.STRING:
        yield _conflict((*path, "pattern"), f"`{name}.pattern` is for strings, and its type is {kind}")
    if "enum" in keys and kind is ParamType.BOOLEAN:
        yield _conflict((*path, "enum"), f"`{name}.enum` has no meaning: a boolean is true or false")
    if keys.get("secret"):
        for key in ("default", "enum"):
            if key in keys:
                message = f"`{name}` is secret, and its `{key}` would stand where everybody reads it"
                hint = "take a secret that is always the same from `env`, by `file` or `from_env`"
                yield _conflict((*path, key), message, hint if key == "default" else None)


def _conflict(path: KeyPath, message: str, hint: str | None = None) -> Finding:
    hint = hint or f"remove `{path[-1]}`"
    return Finding(path=path, code="conflicting_keys", message=message, hint=hint, at_key=True)


def _pattern_findings(path: KeyPath, keys: Mapping[str, Any]) -> Iterator[Finding]:
    if "pattern" in keys and (problem := problem_of(keys["pattern"])) is not None:
        yield Finding(
            path=(*path, "pattern"),
            code="wrong_value",
            message=f"`params.{path[-1]}.pattern` is no regular expression that can be used: {problem}",
            hint="in YAML a pattern stands best in single quotes; its syntax is that of RE2",
        )


def _enum(path: KeyPath, values: list[Any], param: Param) -> tuple[tuple[str, ...], list[Finding]]:
    """The values of an enum as texts, and what is wrong with them."""
    found: list[Finding] = []
    texts: dict[str, None] = {}
    for place, value in enumerate(values):
        where = (*path, "enum", place)
        wrong = list(_misfits(where, value, param))
        text = text_of(param.type, value)
        if not wrong and text in texts:
            message = f"`params.{path[-1]}.enum` has {brief(str(text))} twice"
            wrong.append(Finding(path=where, code="wrong_value", message=message, hint="remove one"))
        if not wrong and text is not None and len(text) > _MAX_ENUM_VALUE:
            message = f"`params.{path[-1]}.enum[{place}]` is longer than {_MAX_ENUM_VALUE:,} characters"
            wrong.append(
                Finding(path=where, code="wrong_value", message=message, hint="name it by a shorter word")
            )
        found += wrong
        if text is not None:
            texts[text] = None
    return tuple(texts), found


def _misfits(path: KeyPath, value: Any, param: Param) -> Iterator[Finding]:
    """What is wrong with a value that the manifest itself gives: there a number stands without quotes."""
    name = ".".join(map(str, path[:3])) + "".join(f"[{place}]" for place in path[3:])
    is_text = isinstance(value, str)
    wrong = misfit(param, value)
    if is_text != (param.type is ParamType.STRING):
        wrong = f"must be {EXPECTED[param.type]}"
    elif is_text and "\0" in value:
        wrong = "must not hold a NUL character"
    if wrong is None:
        return
    hint = None
    if is_text and param.type is ParamType.STRING:
        hint = "remove `\\0`" if "\0" in value else likely_meant(value, param.enum)
    elif is_text and text_of(param.type, value) is not None:
        hint = f"write it without quotes: {brief(value)}"

    def said(written: str | None) -> tuple[str, str | None]:
        text = brief(written) if written is not None and not is_text else shown(value)
        quoted = None if is_text or param.type is not ParamType.STRING else f'quote it: "{text}"'
        return f"`{name}` {wrong}, not {text}", quoted or hint or _fitting(path, param)

    message, hint_now = said(None)
    yield Finding(path=path, code="wrong_value", message=message, hint=hint_now, more=said)


def _fitting(path: KeyPath, param: Param) -> str:
    """What fits a parameter, as a hint."""
    if param.enum:
        return f"for example `{path[-1]}: {param.enum[0]}`" if path[-1] == "default" else "remove it"
    examples = {ParamType.INTEGER: "42", ParamType.NUMBER: "1.5", ParamType.BOOLEAN: "true"}
    fitting = examples.get(param.type)
    if fitting is None:
        return "write one that matches, or another `pattern`"
    return f"write {fitting}, say, or another `type`"
