"""A token or key that a channel needs: read anew for each message, so that a new one counts at once."""

from collections.abc import Mapping
from errno import EACCES, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM
from pathlib import Path
from typing import Final, NamedTuple

from jeeves_runner.core.tokens import MAX_BYTES, file_hint, missing_hint, password_fault, token_fault
from jeeves_runner.notify.contract import NotSent, Rejected
from jeeves_runner.regular_files import NotRegular, read_secret
from jeeves_runner.side_thread import SILENT, SideThread

_LASTING: Final = frozenset((ENOENT, ENOTDIR, EISDIR, EACCES, EPERM, ELOOP, ENAMETOOLONG))
"""What is wrong with a file until a person changes it. Descriptors and answers of a disk come back."""


class Place(NamedTuple):
    """Where a secret stands."""

    setting: str
    """The setting of the config that names its file, for messages: ``notifications.slack.token_path``."""
    path: Path | None
    """The file; None: the config names none."""
    variable: str | None = None
    """The variable of the runner's environment that has it where no file does."""
    text: str | None = None
    """The secret itself, where the config has it."""
    is_for_header: bool = True
    """Whether it goes into a header, which holds no blanks and nothing beyond ASCII."""


class Token:
    """One that is read when it is needed. Nothing that is said of it has any of it."""

    def __init__(self, place: Place, environment: Mapping[str, str]) -> None:
        self._place = place
        self._environment = environment
        self._thread = SideThread(place.setting)

    @property
    def where(self) -> str:
        """Where it stands, for people: the file, else the variable."""
        path, variable = self._place.path, self._place.variable
        return str(path) if path is not None else f"{variable}, and start the runner again"

    async def read(self) -> str:
        """The text without the white space around it. Rejected if there is none that can be used; NotSent
        where its file cannot be read now, and may be a moment later."""
        place = self._place
        if place.text is not None:
            return place.text
        if place.path is None:
            return self._of_variable()
        try:
            path = place.path
            text = await self._thread.call(lambda: read_secret(path, MAX_BYTES))
        except TimeoutError:
            raise NotSent(self._words(place.path, SILENT)) from None
        except OSError as error:
            reason = error.strerror or str(error)
            if isinstance(error, NotRegular) or error.errno in _LASTING:
                raise self._unreadable(place.path, reason) from None
            raise NotSent(self._words(place.path, reason)) from None
        except ValueError as error:
            raise self._unreadable(place.path, str(error)) from None
        if (fault := self._fault(text)) is not None:
            raise self._unreadable(place.path, fault)
        return text

    def _of_variable(self) -> str:
        place = self._place
        text = self._environment.get(place.variable or "", "").strip()
        if place.variable is None:
            raise Rejected(f"`{place.setting}` is not set", hint=f"let `{place.setting}` name a file with it")
        if self._fault(text) is not None:
            hint = missing_hint(place.setting, place.variable)
            raise Rejected("there is no token" if not text else f"{place.variable} holds no token", hint=hint)
        return text

    def _fault(self, text: str) -> str | None:
        return token_fault(text) if self._place.is_for_header else password_fault(text)

    def _unreadable(self, path: Path, reason: str) -> Rejected:
        return Rejected(self._words(path, reason), hint=file_hint("secret"))

    def _words(self, path: Path, reason: str) -> str:
        return f"`{self._place.setting}`: nothing can be read from {path}: {reason}"
