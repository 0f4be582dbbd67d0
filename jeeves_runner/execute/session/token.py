"""The token of the gateway: read when it is first needed, and anew when the gateway refuses it. So a new one
counts without a restart.

It is held by what sends it alone. No message has any of it.
"""

from collections.abc import Mapping
from pathlib import Path

from jeeves_runner.core.gateway import (
    MAX_TOKEN_BYTES,
    TOKEN_HINT,
    TOKEN_VARIABLE,
    VARIABLE_FAULT,
    VARIABLE_HINT,
    token_fault,
)
from jeeves_runner.execute.faults import Fault
from jeeves_runner.regular_files import read_text


def read_token(path: Path | None, environment: Mapping[str, str]) -> str | Fault:
    """The token: of the file at ``path`` where the config names one, else of the variable in ``environment``;
    what is wrong if there is none.

    A file that cannot be read is a fault, whatever the variable says: the other token may be of another
    gateway. White space around a token is no part of it. Reads a file: not for the event loop.
    """
    if path is None:
        token = environment.get(TOKEN_VARIABLE)
        if token is None:
            hint = (
                f"name its file by `gateway.token_path` in the config, or set {TOKEN_VARIABLE} for the runner"
            )
            return Fault("there is no token for the gateway", hint)
        return _checked(token, VARIABLE_FAULT, VARIABLE_HINT)
    where = f"the gateway's token cannot be read from {path}"
    try:
        return _checked(read_text(path, MAX_TOKEN_BYTES, follow=True), where, TOKEN_HINT)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Fault(f"{where}: {reason}", TOKEN_HINT)


def _checked(token: str, where: str, hint: str) -> str | Fault:
    token = token.strip()
    reason = token_fault(token)
    return token if reason is None else Fault(f"{where}: {reason}", hint)
