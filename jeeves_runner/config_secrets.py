"""The kinds of settings that are secret, or name what is: files with one secret, and URLs."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any, Final

from jeeves_runner.access import PRIVATE, too_open
from jeeves_runner.config_kinds import Location, Text
from jeeves_runner.config_settings import Given, Place, wrong_value
from jeeves_runner.core.problem import Finding
from jeeves_runner.core.tokens import (
    MAX_BYTES,
    VARIABLE_HINT,
    file_hint,
    missing_hint,
    password_fault,
    token_fault,
)
from jeeves_runner.core.urls import is_open_to_read, shown_url, url_fault
from jeeves_runner.core.wording import brief
from jeeves_runner.regular_files import read_secret

WEBHOOK_EXAMPLE: Final = "https://hooks.example.org/services/T0/B0"
_IN_A_FILE: Final = "take it out; most services have their key in the path or the query"


_IS_SECRET: Final = re.compile(r"https?://|xox[a-z]-|xapp-|whsec_")
"""How URLs, tokens of Slack and keys of webhooks begin, and hardly a path of a file."""


def open_to_read(place: Place, what: str) -> Finding:
    """A warning about a URL of plain http, by which others can read something."""
    message = f"`{'.'.join(place)}` is plain http beyond this machine: {what} can be read on the way"
    return wrong_value(place, message, "use https, or a tunnel that ends on 127.0.0.1")


def missing_token(
    place: Place, its_file: Place, written: Mapping[str, Any], variable: str, *, whose: str = "the token"
) -> Iterator[Finding]:
    """A warning that there is no token for the setting at ``place``, or none that can be used: ``written``
    names no file of it by the last key of ``its_file``, and so the environment's ``variable`` counts."""
    if its_file[-1] in written:
        return
    name, token = ".".join(place), os.environ.get(variable)
    if token is None:
        hint = missing_hint(".".join(its_file), variable)
        yield wrong_value(place, f"there is no token for `{name}`", hint)
    elif (fault := token_fault(token.strip())) is not None:
        message = f"`{name}`: {whose} in {variable} cannot be used: {fault}"
        yield wrong_value(place, message, VARIABLE_HINT)


def missing_variable(place: Place, variable: str) -> Iterator[Finding]:
    """A warning that an environment variable holds no secret that can be used."""
    secret = os.environ.get(variable)
    fault = "it is not set" if secret is None else password_fault(secret.strip())
    if fault is not None:
        message = f"`{'.'.join(place)}`: {brief(variable)} has no secret that can be used: {fault}"
        yield wrong_value(place, message, f"set {brief(variable)} for the server")


class SecretFile(Location):
    """The path of a file that holds one secret, and nothing else. White space around it is no part of it."""

    what = "secret"
    """What it is, for people."""

    def fault(self, secret: str) -> str | None:
        """Why the text cannot be one, as the end of a sentence; None: it can."""
        return password_fault(secret)

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        if _IS_SECRET.match(written):  # and so it is not shown
            message = (
                f"`{'.'.join(place)}` holds the {self.what} itself, where the path of a file is to stand"
            )
            yield wrong_value(place, message, f"put the {self.what} into a file, and write the path of that")
        else:
            yield from super().findings(place, written, given)

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        path, name = given.root / written, ".".join(place)
        try:
            fault = self.fault(read_secret(path, MAX_BYTES))
        except (OSError, ValueError) as error:
            fault = error.strerror if isinstance(error, OSError) else str(error)
        if fault is not None:
            message = f"`{name}`: the {self.what} cannot be read from {path}: {fault}"
            yield wrong_value(place, message, file_hint(self.what))
        # What is no file has no secret that others could read; and `chmod 600 /dev/null` would do harm.
        # And ``Path.is_file`` raises for a folder that may not be entered.
        for open_file in too_open((path,) if os.path.isfile(path) else (), PRIVATE):  # noqa: PTH113
            message = f"`{name}`: others may use the {self.what}'s file {open_file}"
            yield wrong_value(place, message, f"chmod 600 {quote(str(path))}")


class TokenFile(SecretFile):
    """The path of a file with a token."""

    what = "token"

    def fault(self, secret: str) -> str | None:
        return token_fault(secret)


class PasswordFile(SecretFile):
    """The path of a file with a password."""

    what = "password"


class KeyFile(SecretFile):
    """The path of a file with a key that messages are signed with."""

    what = "key"

    def fault(self, secret: str) -> str | None:
        # Every command reads the config, and few have webhooks in theirs.
        from jeeves_runner.core.alerts.signing import key_fault

        return super().fault(secret) or key_fault(secret)


class UrlFile(SecretFile):
    """The path of a file with a URL that is a secret."""

    what = "URL"

    def fault(self, secret: str) -> str | None:
        if not secret:
            return super().fault(secret)
        wrong = url_fault(secret, WEBHOOK_EXAMPLE, _IN_A_FILE)
        return None if wrong is None else f"it {wrong[0]}"


class WebUrl(Text):
    """A URL that is called over HTTP. ``is_open``: whether all of it may be shown; else where it leads."""

    def __init__(self, meaning: str, example: str, *, is_open: bool = False) -> None:
        super().__init__(meaning)
        self._example = example
        self._is_open = is_open

    def shown(self, value: Any) -> Any:
        return value if value is None or self._is_open else shown_url(value)

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        if (wrong := url_fault(written, self._example, _IN_A_FILE)) is not None:
            reason, hint = wrong
            yield wrong_value(place, f"`{'.'.join(place)}` {reason}", hint)

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        if is_open_to_read(written):
            yield open_to_read(place, "what is sent")


class BaseUrl(WebUrl):
    """A URL below which calls go, or pages stand, without a slash at its end. It is no secret."""

    def __init__(self, meaning: str, example: str) -> None:
        super().__init__(meaning, example, is_open=True)

    def read(self, written: str, root: Path) -> str:
        return written.rstrip("/")

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        found = list(super().findings(place, written, given))
        if not found and "?" in written:
            message = f"`{'.'.join(place)}` has a query, and paths are put to its end"
            found = [wrong_value(place, message, "end it before the `?`")]
        yield from found
