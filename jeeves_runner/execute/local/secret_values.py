"""The values of secrets: read where a run starts, and where it is checked whether one could."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from jeeves_runner.execute.faults import Fault, secret_fault, variable_fault
from jeeves_runner.execute.output.secret_texts import is_masked
from jeeves_runner.regular_files import NotRegular, read_text

_MAX_BYTES: Final = 64 * 1024


def secret_value(
    kind: Literal["file", "from_env"], ref: str | Path, environment: Mapping[str, str]
) -> str | Fault:
    """The value of a secret, of a file or of a variable in ``environment``; what is wrong if it has none."""
    if kind == "from_env":
        value = environment.get(str(ref))
        return variable_fault(str(ref)) if value is None else value
    path = Path(ref)
    try:
        text = read_text(path, _MAX_BYTES, follow=True)
        if "\0" in text:
            raise ValueError("it holds a NUL, which no variable can")
    except NotRegular:
        return secret_fault(path, None)
    except (OSError, ValueError) as error:
        return secret_fault(path, error)
    # Editors end a file with a newline that is no part of the secret.
    return text.removesuffix("\n").removesuffix("\r")


def masking_fault(value: str) -> Fault | None:
    """Why a secret is not masked in what runs print; None if it is."""
    if is_masked(value):
        return None
    reason = "is too short to be masked" if value.strip() else "is blank and cannot be masked"
    return Fault(f"the secret {reason} in the output", "take one of 6 characters or more")
