"""What names a run's session afterwards, and where it was started.

A copy of a database holds the same runs as the original. The origin of a session is noted with it, and tells
whether it is this database's own: the sessions of a copy are the original's, and are left alone.
"""

import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.execute.contract import Handle
from jeeves_runner.regular_files import read_text

NAME: Final = "session"
"""The executor's name."""

_MACHINE_IDS: Final = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_MAX_ID: Final = 4096


class Origin(NamedTuple):
    """The database of a runner, and its machine. Two that are equal are the same, also after a restart of the
    machine."""

    machine: str | None
    """The machine's id; None if the system has none."""
    database: str
    """The real path of the database's file."""
    file: int | None
    """The file's inode, by which a copy that was put at its path is told apart; None if nothing was there.
    Numbers of devices may change when the machine is started anew, so they are left out."""

    @classmethod
    def here(cls, db_path: str | os.PathLike[str]) -> "Origin":
        """That of what this process starts for the database at this path. Asks files."""
        database = os.path.realpath(db_path)
        return cls(_machine_id(), database, _inode(database))

    @property
    def words(self) -> str:
        """Whose a session is that was started there, for people."""
        return f"that of {self.database}" + (
            "" if self.machine is None else f" on the machine {self.machine}"
        )


class SessionHandle(NamedTuple):
    """Names the session of a run to the gateway, and says what its end is judged by."""

    run_id: int
    """The run's id."""
    label: str
    """Its label; of a run whose start may never have been answered, only the end of it."""
    parent: str
    """The key of the session that it is a child of."""
    key: str | None = None
    """Its own key; None if that is not known, and the label has to do."""
    run: str | None = None
    """The gateway's id of its run."""
    origin: Origin | None = None
    """Where it was started; None if that was not noted."""
    expected: str | None = None
    """What its final text must be, as ``Session.expect_result``; None: anything."""
    max_tokens: int | None = None
    """With more than these it is cancelled; None: no limit."""

    def opaque(self) -> Handle:
        """The same for the runner."""
        facts = {name: value for name, value in self._asdict().items() if value is not None}
        del facts["run_id"]
        if self.origin is not None:
            facts["origin"] = self.origin._asdict()
        return Handle(NAME, self.run_id, facts)

    @classmethod
    def of(cls, handle: Handle) -> "SessionHandle | None":
        """Read back what ``opaque`` gave; None for what is none. Scripts may have written something else."""
        facts = handle.facts
        label, parent = _text(facts, "label"), _text(facts, "parent")
        if not label or not parent:
            return None
        tokens = facts.get("max_tokens")
        return cls(
            handle.run_id,
            label,
            parent,
            key=_text(facts, "key"),
            run=_text(facts, "run"),
            origin=_origin(facts.get("origin")),
            expected=_text(facts, "expected"),
            max_tokens=tokens if type(tokens) is int and tokens > 0 else None,
        )


def _origin(facts: object) -> Origin | None:
    if not isinstance(facts, dict) or (database := _text(facts, "database")) is None:
        return None
    file = facts.get("file")
    return Origin(_text(facts, "machine"), database, file if type(file) is int else None)


def _text(facts: Mapping[str, Any], name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) else None


def _machine_id() -> str | None:
    for path in _MACHINE_IDS:
        try:
            if text := read_text(path, _MAX_ID, follow=True).strip():
                return text
        except (OSError, ValueError):
            continue
    return None


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None
