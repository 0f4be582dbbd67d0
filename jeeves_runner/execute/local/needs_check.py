"""Whether what a job needs besides its script is there, told before anything is due."""

import os
import stat

from jeeves_runner.core.manifest.needs import Kind

Fault = tuple[str, str | None]
"""A sentence, and what to do about it."""


def need_fault(kind: Kind, ref: str) -> Fault | None:
    """What is wrong with a working folder or a secret of the runner's user; None when it can be had."""
    match kind:
        case "cwd":
            return _folder_fault(ref)
        case "file":
            return _secret_fault(ref)
        case "from_env" if ref not in os.environ:
            return f"the environment has no variable {ref}", f"set {ref} where the runner is started"
        case _:
            return None


def _folder_fault(path: str) -> Fault | None:
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            return f"the working folder is not a folder: {path}", "let it name a folder"
    except (FileNotFoundError, NotADirectoryError):
        hint = "create it; relative paths start at the project root"
        return f"the working folder does not exist: {path}", hint
    except OSError as error:
        return f"the working folder cannot be entered: {path}: {error.strerror}", None
    return None


def _secret_fault(path: str) -> Fault | None:
    readable = "make it a file that the user who runs jeeves-runner can read"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return f"the secret file is not a file: {path}", readable
    except (FileNotFoundError, NotADirectoryError):
        return (
            f"the secret file does not exist: {path}",
            "create it; relative paths start at the project root",
        )
    except OSError as error:
        return f"the secret file cannot be read: {path}: {error.strerror}", readable
    if not os.access(path, os.R_OK):
        return f"the secret file cannot be read: {path}", readable
    return None
