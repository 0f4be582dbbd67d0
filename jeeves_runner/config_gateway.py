"""The kind of setting that names a gateway, and what is unwise about one that is right."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jeeves_runner.config_kinds import Text
from jeeves_runner.config_secrets import missing_token, open_to_read
from jeeves_runner.config_settings import Given, Place, wrong_value
from jeeves_runner.core.gateway import TOKEN_VARIABLE, url_fault
from jeeves_runner.core.problem import Finding
from jeeves_runner.core.urls import is_open_to_read


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
            yield open_to_read(place, "the token")
        its_file = (*place[:-1], self._token)
        yield from missing_token(place, its_file, given.values, TOKEN_VARIABLE, whose="the gateway's token")
