"""Every error of the project: one base class, and a stable ``code`` for each that a client can meet.

The command line maps codes to exit codes and the HTTP API maps them to statuses, each in one
table (``cli/exits.py``, ``views/problems.py``). The message is a sentence for a person; ``hint``
says what to do about it.
"""

from typing import ClassVar, Final

NO_MEMORY: Final = "there is not enough memory"
"""What a MemoryError means, which has no text of its own."""

NO_THREAD: Final = "can't start new thread"
"""What Python says at a limit on threads, by a RuntimeError."""


class JeevesError(Exception):
    """Base of all errors this project raises on purpose; anything else is a bug."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(JeevesError):
    """The words of a command or request cannot be understood."""

    code = "usage"


class ConfigError(JeevesError):
    """The config file cannot be read or breaks its schema."""

    code = "config"


class SourceError(JeevesError):
    """The manifests cannot be looked at: the folder is missing or unreadable."""

    code = "source"


class SourceMismatch(JeevesError):
    """The database belongs to another source of manifests."""

    code = "source_mismatch"


class Refused(JeevesError):
    """A guard stopped a plan that is valid but looks like a mistake."""

    code = "refused"


class PlanIncomplete(JeevesError):
    """Some manifests are broken, so the plan does not show everything declared."""

    code = "incomplete"


class BaseMoved(JeevesError):
    """Another apply came first; plan again on the newer revision."""

    code = "base_moved"


class PlannerDied(JeevesError):
    """The planner's process ended before it answered. No client meets it, so it has no code of its own."""


class PlannerNotStarted(PlannerDied):
    """The planner's process could not be started; likewise."""


class PlannerSilent(JeevesError):
    """The planner's process does not answer and has been ended; likewise."""


class PlannerFailed(JeevesError):
    """The planner failed with an unexpected error; likewise. ``trace``: its traceback, to be logged."""

    def __init__(self, message: str, *, trace: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.trace = trace


class NotFound(JeevesError):
    """No job, run, queue, state key or item of that name."""

    code = "not_found"


class Undeclared(NotFound):
    """No job, or no queue, has ever had that id. For clients it is a NotFound."""

    def __init__(self, message: str, *, hint: str | None = None, kind: str = "", id: str = "") -> None:  # noqa: A002
        """``kind`` and ``id``: what was asked for, a ``job`` or a ``queue``."""
        super().__init__(message, hint=hint)
        self.kind = kind
        self.id = id


class NoValue(NotFound):
    """A key, or an item, that holds no value. The client tells it from a path that is unknown."""

    code = "no_value"


class Conflict(JeevesError):
    """The request contradicts what is declared or recorded."""

    code = "conflict"


class NothingToSkip(Conflict):
    """A job does not occur at that time, or at all. For clients it is a Conflict."""


class NotSkipped(NotFound):
    """A job does not skip that time. For clients it is a NotFound."""


class Unauthorized(JeevesError):
    """The server does not know who asks."""

    code = "unauthorized"


class NotReady(JeevesError):
    """No run starts: not yet, or not any more."""

    code = "not_ready"


class TooManyAttempts(JeevesError):
    """So many wrong tokens are being answered late that no more can wait."""

    code = "too_many_attempts"

    def __init__(self, message: str, *, hint: str | None = None, seconds: float = 1.0) -> None:
        """``seconds``: after which to try again."""
        super().__init__(message, hint=hint)
        self.seconds = max(1, round(seconds))


class NoServer(JeevesError):
    """The command needs a running server and none answers."""

    code = "no_server"


class Overloaded(JeevesError):
    """The server has no room now for a request or for its answer."""

    code = "overloaded"


class PortTaken(JeevesError):
    """The address to listen on is in use or not allowed."""

    code = "port_taken"


class RunnerActive(JeevesError):
    """Another runner holds this database."""

    code = "runner_active"


class Fenced(JeevesError):
    """A newer runner has taken over this database; this one must stop."""

    code = "fenced"


class DatabaseError(JeevesError):
    """The database file cannot be used."""

    code = "database"


class NotADatabase(DatabaseError):
    """The file is not SQLite, or is SQLite of another program."""

    code = "not_a_database"


class DatabaseTooNew(DatabaseError):
    """A newer version of this program has migrated the file."""

    code = "database_too_new"


class DatabaseBusy(DatabaseError):
    """Another process held the write lock for longer than the patience."""

    code = "database_busy"


class DatabaseReadOnly(DatabaseError):
    """The file or its folder cannot be written."""

    code = "database_read_only"


class DatabaseReplaced(DatabaseError):
    """A file of the database was deleted or replaced while this program worked with it."""

    code = "database_replaced"


class InvalidValue(JeevesError):
    """A value given by a caller is not acceptable (not JSON, a bad duration, a bad name)."""

    code = "invalid_value"


class TextTooLong(InvalidValue):
    """A text is longer than regular expressions are tried on. For clients it is an InvalidValue."""


class LeaseLost(JeevesError):
    """The claim on a queue item has ended, or another claimant has the item now."""

    code = "lease_lost"


class StartFailed(JeevesError):
    """The operating system refused to start a run's program."""

    code = "start_failed"
