"""The token of the gateway: read when it is first needed, and anew when the gateway refuses it. So a new one
counts without a restart.

It is held by what sends it alone. No message has any of it.
"""

from collections.abc import Mapping
from pathlib import Path

from jeeves_runner.core.gateway import TOKEN_VARIABLE
from jeeves_runner.core.tokens import MAX_BYTES, VARIABLE_HINT, file_hint, missing_hint, token_fault
from jeeves_runner.execute.faults import Fault
from jeeves_runner.regular_files import read_secret


def read_token(path: Path | None, environment: Mapping[str, str]) -> str | Fault:
    """The token: of the file at ``path`` where the config names one, else of the variable in ``environment``;
    what is wrong if there is none.

    A file that cannot be read is a fault, whatever the variable says: the other token may be of another
    gateway. White space around a token is no part of it. Reads a file: not for the event loop.
    """
    if path is None:
        token = environment.get(TOKEN_VARIABLE)
        if token is None:
            hint = missing_hint("gateway.token_path", TOKEN_VARIABLE)
            return Fault("there is no token for the gateway", hint)
        where = f"the gateway's token in {TOKEN_VARIABLE} cannot be used"
        return _checked(token.strip(), where, VARIABLE_HINT)
    where = f"the gateway's token cannot be read from {path}"
    try:
        return _checked(read_secret(path, MAX_BYTES), where, file_hint("token"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Fault(f"{where}: {reason}", file_hint("token"))


def _checked(token: str, where: str, hint: str) -> str | Fault:
    reason = token_fault(token)
    return token if reason is None else Fault(f"{where}: {reason}", hint)
