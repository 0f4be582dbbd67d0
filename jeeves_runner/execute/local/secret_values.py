"""The values of secrets: read where a run starts, and where it is checked whether one could."""

from collections.abc import Mapping
from pathlib import Path
from stat import S_ISREG
from typing import Final, Literal

from jeeves_runner.execute.local.faults import Fault, secret_fault, variable_fault
from jeeves_runner.execute.output.secret_texts import is_masked
from jeeves_runner.regular_files import read_all

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
        content = _content(path)
        return secret_fault(path, None) if content is None else _text(content)
    except (OSError, ValueError) as error:
        return secret_fault(path, error)


def masking_fault(value: str) -> Fault | None:
    """Why a secret is not masked in what runs print; None if it is."""
    if is_masked(value):
        return None
    reason = "is too short to be masked" if value.strip() else "is blank and cannot be masked"
    return Fault(f"the secret {reason} in the output", "take one of 6 characters or more")


def _content(path: Path) -> bytes | None:
    """All of a small file; None for what is no regular file: reading a pipe or a device might never end."""
    if not S_ISREG(path.stat().st_mode):  # before the open, which has effects on some devices
        return None
    content = read_all(path, _MAX_BYTES + 1, follow=True)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"it holds over {_MAX_BYTES // 1024} KiB")
    return content


def _text(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None  # the error itself would tell a byte of the secret
    if "\0" in text:
        raise ValueError("it holds a NUL, which no variable can")
    # Editors end a file with a newline that is no part of the secret.
    return text.removesuffix("\n").removesuffix("\r")
