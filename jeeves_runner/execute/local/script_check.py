"""Whether a script file could be run, told before anything is due."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.local.interpreter import command_for


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptFault:
    """What stops a script from being run, and what to do about it."""

    message: str
    hint: str | None = None


def script_fault(path: str, runners: Mapping[str, str]) -> ScriptFault | None:
    """The fault of the script at this absolute path; None when a run could start it."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ScriptFault(
            message=f"the script does not exist: {path}", hint="create it, or correct the path"
        )
    except OSError as error:
        return ScriptFault(
            message=f"the script cannot be read: {path}: {error.strerror}",
            hint="give the user who runs jeeves-runner the right to read it",
        )
    if not stat.S_ISREG(mode):
        return ScriptFault(
            message=f"the script is not a file: {path}", hint="let `script` name the file to run"
        )
    try:
        command_for(Path(path), b"", runners)
    except InvalidValue as fault:
        return ScriptFault(message=fault.message, hint=fault.hint)
    return None
