"""What is wrong with a thing that a job needs of this machine, in words.

They are the same where a manifest is checked and where a run cannot start. ``error`` is what the system
said; None: the thing is there, and is of another kind.
"""

from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from jeeves_runner.errors import InvalidValue, JeevesError

E = TypeVar("E", bound=JeevesError)

_ABSENT: Final = (FileNotFoundError, NotADirectoryError)
_CREATE: Final = "create it, or correct the path"
_READABLE: Final = "make it a file that the user who runs jeeves-runner can read"


class Fault(NamedTuple):
    """What is wrong with a required thing, in a sentence, and what to do about it."""

    message: str
    hint: str | None = None

    def as_error(self, kind: type[E]) -> E:
        return kind(self.message, hint=self.hint)


def script_fault(path: str | Path, error: OSError | None) -> Fault:
    """Of a script's file."""
    if error is None:
        return Fault(f"the script is not a file: {path}", "let `script` name the file to run")
    if isinstance(error, _ABSENT):
        return Fault(f"the script does not exist: {path}", _CREATE)
    return Fault(f"the script cannot be read: {path}: {error.strerror}", _READABLE)


def prompt_fault(path: str | Path, error: OSError | ValueError | None) -> Fault:
    """Of a prompt's file; a ValueError says why its content is no prompt."""
    if error is None:
        return Fault(f"the prompt is not a file: {path}", "let `prompt_file` name the file with the text")
    if isinstance(error, _ABSENT):
        return Fault(f"the prompt's file does not exist: {path}", _CREATE)
    if isinstance(error, ValueError):
        hint = "make it a text in UTF-8 of 256 KiB at most; the agent can fetch what else it has to read"
        return Fault(f"the prompt's file is no prompt: {path}: {error}", hint)
    return Fault(f"the prompt's file cannot be read: {path}: {error.strerror}", _READABLE)


def folder_fault(path: str | Path, error: OSError | None) -> Fault:
    """Of a working folder."""
    if error is None:
        return Fault(f"the working folder is not a folder: {path}", "let it name a folder")
    if isinstance(error, _ABSENT):
        return Fault(f"the working folder does not exist: {path}", "create it, or fix cwd")
    return Fault(f"the working folder cannot be entered: {path}: {error.strerror}")


def secret_fault(path: str | Path, error: OSError | ValueError | None) -> Fault:
    """Of a secret's file; a ValueError says why its content is no secret."""
    if error is None:
        return Fault(f"the secret file is not a file: {path}", _READABLE)
    if isinstance(error, _ABSENT):
        hint = "create it; relative paths start at the project root"
        return Fault(f"the secret file does not exist: {path}", hint)
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Fault(f"the secret file cannot be read: {path}: {reason}", _READABLE)


def refused(why: str) -> InvalidValue:
    """For a NUL or a lone surrogate, which no argument and no variable can carry."""
    return InvalidValue(f"the run's arguments or environment cannot be passed on: {why}")


def variable_fault(name: str) -> Fault:
    """Of a secret that is to come from the environment."""
    return Fault(f"the environment has no variable {name}", f"set {name} where the runner is started")
