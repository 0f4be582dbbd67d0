"""Whether what a job requires on this machine is there, told before the job is due."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from jeeves_runner.core.manifest.requirements import RequirementKind
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.local.faults import Fault, folder_fault, script_fault
from jeeves_runner.execute.local.interpreter import command_for
from jeeves_runner.execute.local.secret_values import masking_fault, secret_value
from jeeves_runner.execute.session.prompt_file import read_prompt


def fault_of(kind: RequirementKind, ref: str, runners: Mapping[str, str]) -> Fault | None:
    """What is wrong with it for the user of this process; None when a run could use it. A secret must also be
    one that is masked in the output.

    ``ref`` is an absolute path or the name of an environment variable, as ``kind`` says.
    ``runners`` are the configured commands by extension: they decide which scripts can be run.
    """
    match kind:
        case "script":
            return _of_script(ref, runners)
        case "cwd":
            return _of_folder(ref)
        case "prompt_file":
            text = read_prompt(ref)
            return text if isinstance(text, Fault) else None
        case "file" | "from_env":
            value = secret_value(kind, ref, os.environ)
            return value if isinstance(value, Fault) else masking_fault(value)


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
