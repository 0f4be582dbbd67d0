"""Parameters of runs: what a job declares of them, checked wherever a run is asked for.

Wherever they come from, the values of a run are texts in one form: strings as they are, whole numbers as
``-5`` or ``42``, numbers as JSON writes them, and ``true`` or ``false``. Scripts get them as environment
variables.
"""

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from jeeves_runner.core.expressions import fullmatch
from jeeves_runner.core.model import Param, ParamType
from jeeves_runner.core.values import EXACT, check_name, check_text, parse_json
from jeeves_runner.core.wording import brief, known_words, likely_meant, shown
from jeeves_runner.errors import InvalidValue

MAX_VALUE: Final = 64 * 1024
"""Bytes, as UTF-8, of a value of a declared parameter: as much as expressions are tried on."""

HIDDEN: Final = "***"
"""What is shown in the place of a secret value."""

NAME_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_-]{0,63}"
"""The whole of what can be the name of a declared parameter."""

_PREFIX: Final = "JR_PARAM_"
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,400})?(?:[eE][-+]?[0-9]{1,4})?")
_INTEGERS: Final = range(-(2**63), 2**63)
"""Those of 64 bits."""
_MAX_BITS: Final = 1024
"""Of a whole number that a 64-bit float can hold."""
_TOLD: Final = 10
"""Faults that a message tells of."""
_LISTED: Final = 10
"""Values of an enum that a message lists."""

EXPECTED: Final = {
    ParamType.STRING: "a string",
    ParamType.INTEGER: "a whole number such as 42, of 64 bits at most and without leading zeros",
    ParamType.NUMBER: "a number such as 42 or -1.5",
    ParamType.BOOLEAN: "true or false",
}
"""What the values of a type must be, in words."""

_Fault = tuple[str, str | None]
"""What is wrong with what was given, and what to do about it."""


class Settled(NamedTuple):
    """The values that a run gets, as texts by name."""

    shown: dict[str, str]
    """Those that all may see, defaults included."""
    secret: dict[str, str]
    """Those that are kept apart. Keep them out of texts."""


def settle(
    declared: Sequence[Param], given: Mapping[str, object], *, secret: Collection[str] = ()
) -> Settled:
    """The values of a run that is given these: JSON values by name, or texts of the right form.

    A job that declares no parameters takes any texts. InvalidValue tells what is wrong otherwise, as much as
    a message has room for, and never a secret value. ``secret``: names whose values are secret whatever is
    declared.
    """
    hidden = {*secret, *(param.name for param in declared if param.secret)}
    values = defaults(declared)
    faults: list[_Fault] = []
    by_name = {param.name: param for param in declared}
    for name, value in given.items():
        if len(faults) == _TOLD:  # to look for what each of thousands was meant to be takes long
            break
        param = by_name.get(name, Param(name=name))
        if declared and name not in by_name:
            faults.append(_unknown(name, by_name))
        elif (wrong := misfit(param, value, limit=MAX_VALUE if declared else None)) is not None:
            faults.append(_wrong(param, value, wrong, is_hidden=name in hidden))
        else:
            values[name] = text_of(param.type, value) or ""
    known = {*given, *values}
    faults += [_missing(param) for param in declared if param.required and param.name not in known]
    if faults:
        hint = next((hint for _, hint in faults if hint is not None), None)
        raise InvalidValue("; ".join(message for message, _ in faults), hint=hint)
    param_variables(values)
    names = [name for name in by_name if name in values] if declared else list(values)
    return Settled(
        shown={name: values[name] for name in names if name not in hidden},
        secret={name: values[name] for name in names if name in hidden},
    )


def text_of(kind: ParamType, value: object) -> str | None:
    """A value in the form in which a script gets it: a JSON value, or that form itself; None if it is none
    of this type."""
    if isinstance(value, bool):
        return str(value).lower() if kind is ParamType.BOOLEAN else None
    if isinstance(value, int):
        is_number = kind in (ParamType.INTEGER, ParamType.NUMBER) and value.bit_length() <= _MAX_BITS
        return text_of(kind, str(value)) if is_number else None
    if isinstance(value, float):
        return _text_of_float(kind, value)
    if not isinstance(value, str):
        return None
    match kind:
        case ParamType.STRING:
            return value
        case ParamType.BOOLEAN:
            return value if value in ("true", "false") else None
        case ParamType.INTEGER:
            fits = _INTEGER.fullmatch(value) is not None and int(value) in _INTEGERS
        case ParamType.NUMBER:
            fits = _NUMBER.fullmatch(value) is not None and math.isfinite(float(value))
    return value if fits else None


def misfit(param: Param, value: object, *, limit: int | None = MAX_VALUE) -> str | None:
    """What is wrong with a value of a parameter, as a clause that begins with ``must``; None if nothing.

    ``limit``: bytes that it may have.
    """
    text = text_of(param.type, value)
    if text is None:
        return f"must be {EXPECTED[param.type]}"
    if limit is not None and len(text.encode(errors="replace")) > limit:
        return f"must have at most {limit // 1024} KiB"
    if param.enum and text not in param.enum:
        return f"must be {_listed(param.enum)}"
    if param.pattern is not None and not fullmatch(param.pattern, text):
        return f"must match {brief(param.pattern)} as a whole"
    return None


def defaults(declared: Sequence[Param]) -> dict[str, str]:
    """The values of a run that is given none."""
    return {param.name: param.default for param in declared if param.default is not None}


def row_text(settled: Settled) -> str | None:
    """What the row of a run tells of its parameters: a JSON object of texts, null for secret ones. None if
    there are none."""
    values = {**settled.shown, **dict.fromkeys(settled.secret)}
    return _encode(values) if values else None


def row_values(text: str | None) -> dict[str, str | None]:
    """The values that the row of a run tells; None for secret ones. InvalidValue if it tells none."""
    try:
        values = {} if text is None else parse_json(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise InvalidValue("the parameters of the run cannot be read: another program has written them")
    return values


def given_text(given: Mapping[str, object]) -> str | None:
    """What the row of a run tells of the names that it was asked for with: a JSON list. None if there are
    none."""
    return _encode(list(given)) if given else None


def refreshed(declared: Sequence[Param], text: str | None, given: str | None) -> str | None:
    """The text of a row, of ``row_text``, for a run that starts now: what was ``given``, by its
    ``given_text``, stays, and all else has the default that it has by now. A text that another program has
    written stays."""
    try:
        held = row_values(text)
        names = [] if given is None else parse_json(given)
    except (InvalidValue, ValueError):
        return text
    if not isinstance(names, list):
        return text
    kept = {name for name in names if isinstance(name, str)}
    values = {**defaults(declared), **{name: value for name, value in held.items() if name in kept}}
    order = [param.name for param in declared if param.name in values]
    values = {name: values[name] for name in (*order, *values)}
    return _encode(values) if values else None


def variable_of(name: str) -> str:
    """The environment variable of a parameter: upper case, all but letters, digits and ``_`` as ``_``."""
    return _PREFIX + re.sub(r"[^A-Z0-9_]", "_", name.upper())


def param_variables(params: Mapping[str, str]) -> dict[str, str]:
    """The parameters as environment variables.

    InvalidValue for a name that is empty or too long, two names that would be one variable, and
    text that no variable can hold.
    """
    variables: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in params.items():
        variable = variable_of(check_name(name, "the name of a parameter"))
        if variable in variables:
            raise InvalidValue(f"the parameters {names[variable]} and {name} would both be {variable}")
        names[variable] = name
        variables[variable] = check_text(value, f"the parameter {name}")
    return variables


def _text_of_float(kind: ParamType, value: float) -> str | None:
    """To JSON, 5.0 is a whole number."""
    if not math.isfinite(value):
        return None
    if kind is ParamType.INTEGER:
        return str(int(value)) if value.is_integer() and abs(value) <= EXACT else None
    return json.dumps(value) if kind is ParamType.NUMBER else None


def _unknown(name: str, known: Mapping[str, Param]) -> _Fault:
    return f"there is no parameter {brief(name)}", known_words(name, known, "parameters")


def _missing(param: Param) -> _Fault:
    values = _listed(param.enum) if param.enum else EXPECTED[param.type]
    if param.pattern is not None:
        values += f" matching {param.pattern}"
    return f"the parameter {param.name} is required", f"give {param.name} a value: {values}"


def _wrong(param: Param, value: object, wrong: str, *, is_hidden: bool) -> _Fault:
    """A secret is not told even in part, nor whether it was nearly right."""
    if is_hidden:
        return f"the parameter {param.name} {wrong}", None
    if not isinstance(value, str):
        told = shown(value)
        quoted = f'quote it: "{told}"' if misfit(param, told) is None else None
        return f"the parameter {param.name} {wrong}, not {told}", quoted
    told = brief(value)
    near = likely_meant(told, param.enum)
    return f"the parameter {param.name} {wrong}, not {told or 'empty'}", near


def _listed(values: Sequence[str]) -> str:
    listed = ", ".join(brief(value) or "an empty string" for value in values[:_LISTED])
    return f"one of {listed}{' …' if len(values) > _LISTED else ''}" if len(values) > 1 else listed
