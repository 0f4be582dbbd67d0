"""What may not be meant by the variables that a manifest gives its job."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.wording import brief

_REFERENCE: Final = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*[^}]*\}|\([^)]+\))")


def variable_warnings(values: Mapping[str, Any], place: KeyPath) -> Iterator[Finding]:
    """Of a job at ``place``, by its JSON values, which are right."""
    for name, value in values["env"].items():
        if isinstance(value, str) and (found := _REFERENCE.search(value)) is not None:
            yield Finding(
                path=(*place, "env", name),
                code="not_expanded",
                message=f"`env.{name}` holds `{brief(found[0])}`, which stays as it is: no shell reads it",
                hint=f"write the value itself, or `export {name}=…` in `run`",
            )
