"""Whether what a job requires on this machine is there, told before the job is due."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from jeeves_runner.core.manifest.requirements import Requirement
from jeeves_runner.core.prompt import template_faults
from jeeves_runner.core.urls import PING_EXAMPLE, url_fault
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.faults import Fault, folder_fault, script_fault
from jeeves_runner.execute.local.interpreter import command_for
from jeeves_runner.execute.local.secret_values import masking_fault, secret_value
from jeeves_runner.execute.session.prompt_file import read_prompt


def fault_of(required: Requirement, runners: Mapping[str, str]) -> Fault | None:
    """What is wrong with it for the user of this process; None when a run could use it. A secret must also be
    one that is masked in the output, and a prompt a template that runs can fill in.

    ``runners`` are the configured commands by extension: they decide which scripts can be run.
    """
    match required.kind:
        case "script":
            return _of_script(required.ref, runners)
        case "prompt_file":
            text = read_prompt(required.ref)
            return text if isinstance(text, Fault) else prompt_text_fault(required, text)
        case "cwd":
            return _of_folder(required.ref)
        case "file" | "from_env":
            value = secret_value(required.kind, required.ref, os.environ)
            if isinstance(value, Fault):
                return value
            return _of_url(value) if required.key == "heartbeat" else masking_fault(value)


def prompt_text_fault(required: Requirement, text: str) -> Fault | None:
    """The first of what is wrong with the text of a prompt's file, with its place there."""
    params = dict(required.params) or None
    faults = template_faults(text, params, is_timed=required.is_timed, by_itself=required.by_itself)
    if not faults:
        return None
    line, column, message, hint = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Fault(f"{required.ref}:{line}:{column}: {message}{more}", hint)


def _of_url(secret: str) -> Fault | None:
    """A URL is not handed to what runs, and so need not be masked there."""
    wrong = url_fault(secret.strip(), PING_EXAMPLE, "take it out; the key of a heartbeat stands in its path")
    return None if wrong is None else Fault(f"the URL in the secret {wrong[0]}", wrong[1])


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
