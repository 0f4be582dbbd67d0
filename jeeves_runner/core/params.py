"""Parameters of a run by hand: checked before it is recorded, and named as environment variables."""

import re
from collections.abc import Mapping

from jeeves_runner.core.values import check_name, check_text
from jeeves_runner.errors import InvalidValue

_PREFIX = "JR_PARAM_"


def param_variables(params: Mapping[str, str]) -> dict[str, str]:
    """The parameters as environment variables: upper case, all but letters, digits and ``_`` as ``_``.

    InvalidValue for a name that is empty or too long, two names that would be one variable, and
    text that no variable can hold.
    """
    variables: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in params.items():
        variable = _PREFIX + re.sub(r"[^A-Z0-9_]", "_", check_name(name, "the name of a parameter").upper())
        if variable in variables:
            raise InvalidValue(f"the parameters {names[variable]} and {name} would both be {variable}")
        names[variable] = name
        variables[variable] = check_text(value, f"the parameter {name}")
    return variables
