"""Whether what a job requires on this machine is there, told before the job is due."""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from jeeves_runner.core.manifest.requirements import RequirementKind
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.local.faults import (
    Fault,
    folder_fault,
    script_fault,
    secret_fault,
    variable_fault,
)
from jeeves_runner.execute.local.interpreter import command_for


def fault_of(kind: RequirementKind, ref: str, runners: Mapping[str, str]) -> Fault | None:
    """What is wrong with it for the user of this process; None when a run could use it.

    ``ref`` is an absolute path or the name of an environment variable, as ``kind`` says.
    ``runners`` are the configured commands by extension: they decide which scripts can be run.
    """
    match kind:
        case "script":
            return _of_script(ref, runners)
        case "cwd":
            return _of_folder(ref)
        case "file":
            return _of_secret(ref)
        case "from_env" if ref not in os.environ:
            return variable_fault(ref)
        case _:
            return None


def _of_script(path: str, runners: Mapping[str, str]) -> Fault | None:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return script_fault(path, None)
        command_for(Path(path), b"", runners)
    except OSError as error:
        return script_fault(path, error)
    except InvalidValue as fault:
        return Fault(fault.message, fault.hint)
    return None


def _of_folder(path: str) -> Fault | None:
    try:
        return None if stat.S_ISDIR(os.stat(path).st_mode) else folder_fault(path, None)
    except OSError as error:
        return folder_fault(path, error)


def _of_secret(path: str) -> Fault | None:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return secret_fault(path, None)
    except OSError as error:
        return secret_fault(path, error)
    if not os.access(path, os.R_OK):
        return secret_fault(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    return None
