"""What jobs require of this machine besides their manifests, looked at once for each plan."""

from collections.abc import Callable, Mapping

from jeeves_runner.core.manifest.requirements import JobFile, Requirement
from jeeves_runner.execute.faults import Fault
from jeeves_runner.sources.stamps import FileStamp, stamp_of

Check = Callable[[Requirement, Mapping[str, str]], Fault | None]
"""As ``requirement_check.fault_of``."""


class Machine:
    """What jobs require, checked as it is now: each file once per look, however many jobs name it."""

    def __init__(self, runners: Mapping[str, str], check: Check) -> None:
        """``check`` says what is wrong with what a job requires."""
        self._runners = runners
        self._check = check
        self._files: dict[Requirement, Fault | None] = {}
        self.faulty_files: dict[str, FileStamp] = {}

    def fault(self, required: Requirement) -> Fault | None:
        """What stops a run from using it, or None."""
        if required.file is None:
            return self._check(required, self._runners)
        # Jobs that name the same file do so at different places.
        return self._file_fault(required._replace(key="", place=()))

    def file_fault(self, file: JobFile) -> Fault | None:
        """What stops any job from using the file, or None."""
        return self._file_fault(Requirement(file.kind, file.path, "", ()))

    def _file_fault(self, required: Requirement) -> Fault | None:
        if required not in self._files:
            before = stamp_of(required.ref)
            found = self._files[required] = self._check(required, self._runners)
            if found is not None:
                self.faulty_files[required.ref] = before
        return self._files[required]
