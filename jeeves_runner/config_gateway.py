"""The kinds of settings that name a gateway, and what is unwise about one that is right."""

import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from jeeves_runner.access import PRIVATE, too_open
from jeeves_runner.config_kinds import Given, Location, Place, Text, wrong_value
from jeeves_runner.core.gateway import (
    MAX_TOKEN_BYTES,
    TOKEN_HINT,
    TOKEN_VARIABLE,
    VARIABLE_FAULT,
    VARIABLE_HINT,
    is_open_to_read,
    token_fault,
    url_fault,
)
from jeeves_runner.core.problem import Finding
from jeeves_runner.regular_files import read_text


class TokenFile(Location):
    """The path of a file that holds a token, and nothing else."""

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        path, name = given.root / written, ".".join(place)
        try:
            fault = token_fault(read_text(path, MAX_TOKEN_BYTES, follow=True).strip())
        except (OSError, ValueError) as error:
            fault = error.strerror if isinstance(error, OSError) else str(error)
        if fault is not None:
            message = f"`{name}`: the token cannot be read from {path}: {fault}"
            yield wrong_value(place, message, TOKEN_HINT)
        # What is no file has no token that others could read; and `chmod 600 /dev/null` would do harm.
        # And ``Path.is_file`` raises for a folder that may not be entered.
        for open_file in too_open((path,) if os.path.isfile(path) else (), PRIVATE):  # noqa: PTH113
            message = f"`{name}`: others may use the token's file {open_file}"
            yield wrong_value(place, message, f"chmod 600 {quote(str(path))}")


class GatewayUrl(Text):
    """Where a gateway answers, without a slash at its end. ``token``: the setting with the file of its token,
    beside this one."""

    def __init__(self, meaning: str, token: str) -> None:
        super().__init__(meaning)
        self._token = token

    def read(self, written: str, root: Path) -> str:
        return written.rstrip("/")

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        if (fault := url_fault(written)) is not None:
            reason, hint = fault
            yield wrong_value(place, f"`{'.'.join(place)}` {reason}", hint)

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        if is_open_to_read(written):
            message = (
                f"`{'.'.join(place)}` is plain http beyond this machine: the token can be read on the way"
            )
            yield wrong_value(place, message, "use https, or a tunnel that ends on 127.0.0.1")
        if self._token not in given.values:
            yield from self._of_the_variable(place)

    def _of_the_variable(self, place: Place) -> Iterator[Finding]:
        token = os.environ.get(TOKEN_VARIABLE)
        url = ".".join(place)
        if token is None:
            name = ".".join((*place[:-1], self._token))
            hint = f"name its file by `{name}`, or set {TOKEN_VARIABLE} for the server"
            yield wrong_value(place, f"there is no token for `{url}`", hint)
        elif (fault := token_fault(token.strip())) is not None:
            yield wrong_value(place, f"`{url}`: {VARIABLE_FAULT}: {fault}", VARIABLE_HINT)
