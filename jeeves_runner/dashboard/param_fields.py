"""The fields of the form by which a job is run, from the parameters that it declares."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jeeves_runner.core.model import Param, ParamType
from jeeves_runner.core.params import EXPECTED

_LONG = 80
"""Characters of a text that wants several lines."""

_TRUTH = ("true", "false")
_KEYS = {ParamType.INTEGER: "numeric", ParamType.NUMBER: "decimal"}


class ParamField(NamedTuple):
    """A field. What is sent is a text of the form in which scripts get values."""

    name: str
    """Of the parameter."""
    description: str | None
    """What it is for."""
    form: str
    """What it may be, in words. The server alone tests it: the expressions of browsers are others, and they
    do not read whole numbers as they are."""
    value: str
    """What stands in it at first; of a secret one nothing."""
    default: str | None
    """What the job declares, which is left out where it stays so; None: nothing, or a secret."""
    choices: Sequence[str]
    """Its only values; none: any."""
    may_be_empty: bool
    """Whether nothing may be chosen, or nothing is chosen yet."""
    is_required: bool
    """Whether it must be filled in."""
    is_secret: bool
    """Whether its value is not shown."""
    is_long: bool
    """Whether it is of several lines."""
    keys: str | None
    """The keys that a phone shows for it; None: all."""


def param_fields(declared: Sequence[Param], given: Mapping[str, str]) -> list[ParamField]:
    """The fields of a job's parameters. ``given``: values to begin with, of a run that was before."""
    return [_field(param, given.get(param.name)) for param in declared]


def _field(param: Param, given: str | None) -> ParamField:
    default = None if param.secret else param.default
    value = "" if param.secret else given if given is not None else default or ""
    choices = param.enum or (_TRUTH if param.type is ParamType.BOOLEAN else ())
    shown = () if param.secret else choices
    return ParamField(
        name=param.name,
        description=param.description,
        form=_form(param, has_choices=bool(shown)),
        value=value,
        default=default,
        choices=shown,
        may_be_empty=default is None,
        is_required=param.required and param.default is None,
        is_secret=param.secret,
        is_long=not param.secret and ("\n" in value or len(value) > _LONG),
        keys=_KEYS.get(param.type),
    )


def _form(param: Param, *, has_choices: bool) -> str:
    parts = [] if has_choices or param.type is ParamType.STRING else [EXPECTED[param.type]]
    if param.pattern is not None:
        parts.append(f"of the form {param.pattern} as a whole")
    if param.secret:
        parts.append("shown nowhere")
    if param.default is not None:
        parts.append("has a default" if param.secret else f"by default {_brief(param.default)}")
    return ", ".join(parts)


def _brief(text: str) -> str:
    line = text.partition("\n")[0][:_LONG]
    return line if line == text else f"{line}…" if line else "several lines" if text else "empty"
