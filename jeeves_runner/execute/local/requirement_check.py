"""Whether what a job requires on this machine is there, told before the job is due."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jeeves_runner.core.manifest.requirements import RequirementKind
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.local.interpreter import command_for


class Fault(NamedTuple):
    """What is wrong with a required thing, in a sentence, and what to do about it."""

    message: str
    hint: str | None = None


def fault_of(kind: RequirementKind, ref: str, runners: Mapping[str, str]) -> Fault | None:
    """What is wrong with it for the user of this process; None when a run could use it.

    ``ref`` is an absolute path or the name of an environment variable, as ``kind`` says.
    ``runners`` are the configured commands by extension: they decide which scripts can be run.
    """
    match kind:
        case "script":
            return _script_fault(ref, runners)
        case "cwd":
            return _folder_fault(ref)
        case "file":
            return _secret_fault(ref)
        case "from_env" if ref not in os.environ:
            return Fault(f"the environment has no variable {ref}", f"set {ref} where the runner is started")
        case _:
            return None


def _script_fault(path: str, runners: Mapping[str, str]) -> Fault | None:
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return Fault(f"the script does not exist: {path}", "create it, or correct the path")
    except OSError as error:
        return Fault(
            f"the script cannot be read: {path}: {error.strerror}",
            "give the user who runs jeeves-runner the right to read it",
        )
    if not stat.S_ISREG(mode):
        return Fault(f"the script is not a file: {path}", "let `script` name the file to run")
    try:
        command_for(Path(path), b"", runners)
    except InvalidValue as fault:
        return Fault(fault.message, fault.hint)
    return None


def _folder_fault(path: str) -> Fault | None:
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            return Fault(f"the working folder is not a folder: {path}", "let it name a folder")
    except (FileNotFoundError, NotADirectoryError):
        hint = "create it; relative paths start at the project root"
        return Fault(f"the working folder does not exist: {path}", hint)
    except OSError as error:
        return Fault(f"the working folder cannot be entered: {path}: {error.strerror}")
    return None


def _secret_fault(path: str) -> Fault | None:
    readable = "make it a file that the user who runs jeeves-runner can read"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return Fault(f"the secret file is not a file: {path}", readable)
    except (FileNotFoundError, NotADirectoryError):
        return Fault(
            f"the secret file does not exist: {path}",
            "create it; relative paths start at the project root",
        )
    except OSError as error:
        return Fault(f"the secret file cannot be read: {path}: {error.strerror}", readable)
    if not os.access(path, os.R_OK):
        return Fault(f"the secret file cannot be read: {path}", readable)
    return None
