"""The plan of what the next commit would have, for those who check before they commit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jeeves_runner.core.manifest.requirements import Requirement
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.faults import Fault, folder_fault, prompt_fault, script_fault
from jeeves_runner.execute.local.interpreter import command_for
from jeeves_runner.execute.local.requirement_check import fault_of, prompt_text_fault
from jeeves_runner.execute.session.prompt_file import prompt_of
from jeeves_runner.sources.contract import StagedFiles

_IN_COMMITS: Final = {"script": "script", "prompt_file": "prompt's file", "cwd": "working folder"}
"""What a commit may have of that which jobs require, in words."""


class StagedCheck:
    """Whether the commit has what a job requires: in the repository by git's index, elsewhere as it is."""

    def __init__(self, staged: StagedFiles) -> None:
        self._staged = staged

    def fault_of(self, required: Requirement, runners: Mapping[str, str]) -> Fault | None:
        """As ``requirement_check.fault_of``. Secrets are in no commit, and are looked for where they are."""
        kind, ref = required.kind, required.ref
        found = self._staged.kind_of(ref) if kind in _IN_COMMITS else "outside"
        if found == "outside":
            return fault_of(required, runners)
        if found == "missing":
            what = _IN_COMMITS[kind]
            return Fault(f"the {what} is not in git's index: {ref}", "`git add` it, or correct the path")
        if kind == "cwd":
            return None if found == "folder" else folder_fault(ref, None)
        if kind == "prompt_file":
            return self._prompt_fault(required, is_folder=found == "folder")
        if found == "folder":
            return script_fault(ref, None)
        try:
            command_for(Path(ref), b"", runners, executable=found == "executable")
        except InvalidValue as fault:
            return Fault(fault.message, fault.hint)
        return None

    def _prompt_fault(self, required: Requirement, *, is_folder: bool) -> Fault | None:
        if is_folder:
            return prompt_fault(required.ref, None)
        text = prompt_of(required.ref, self._staged.content_of(required.ref))
        return text if isinstance(text, Fault) else prompt_text_fault(required, text)
