"""What is wrong with a manifest or the config, and where: made for editors, terminals and CI alike."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from jeeves_runner.core.wording import one_line

KeyPath = tuple[str | int, ...]
"""The way from the top of a document to a value: keys of mappings and, from 0, places in lists."""

Position = tuple[int, int]
"""Line and column, both counted from 1."""

Severity = Literal["error", "warning"]


class Inside(NamedTuple):
    """A place in a text that a document has as a value."""

    line: int
    """In that text, from 1."""
    column: int
    """Likewise."""
    written: str
    """The line."""


class Finding(NamedTuple):
    """A mistake in a document, before it is known in which line that stands."""

    path: KeyPath
    """The way to it, from the top of what was checked."""
    code: str
    """The kind of mistake, in one word: ``wrong_value``."""
    message: str
    """A sentence that names the key."""
    hint: str | None = None
    """What to write instead."""
    at_key: bool = False
    """Whether the last key of ``path`` is the mistake, rather than the value it has."""
    more: Callable[[str | None], tuple[str, str | None]] | None = None
    """Makes message and hint of the value as its file writes it, or of None where that is not known. For what
    must show ``1.10`` and not 1.1, and for a hint that takes long: of many findings few are told."""
    inside: Inside | None = None
    """Where in the value at ``path``, if that is a text of its own kind."""
    since: str | None = None
    """As in :class:`Problem`."""
    until: str | None = None
    """Likewise."""

    def told(self, written: str | None) -> tuple[str, str | None]:
        """Message and hint; ``written``: the plain scalar at ``path``, as its file writes it."""
        return (self.message, self.hint) if self.more is None else self.more(written)


class Problem(NamedTuple):
    """A mistake in a file, or a warning about it, ready to be shown."""

    severity: Severity
    """A warning never holds anything."""
    code: str
    """The kind of mistake, in one word: ``wrong_value``."""
    file: str
    """A manifest by its path relative to the project root, with ``/``; the config by its full path."""
    line: int
    """From 1."""
    column: int
    """From 1."""
    message: str
    """A sentence that says what is wrong."""
    hint: str | None = None
    """What to do about it."""
    since: str | None = None
    """From when on it is one, a time in UTC; None: it always was. None too in all that is shown."""
    until: str | None = None
    """From when on it is none; likewise."""

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def __str__(self) -> str:
        """``FILE:LINE:COL: message``, the form compilers have taught editors to read: always one line."""
        return one_line(f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}")

    def is_true(self, now: str) -> bool:
        """Whether it is one at ``now``, a time in UTC."""
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)

    def as_json(self) -> dict[str, Any]:
        bounds = {"since": self.since, "until": self.until}
        values = self._asdict()
        return {name: value for name, value in values.items() if name not in bounds or value is not None}
