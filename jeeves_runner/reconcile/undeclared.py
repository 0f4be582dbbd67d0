"""Why a job that people ask for is not live: its manifest is not valid, or has not been applied."""

import posixpath
from collections.abc import Iterator

from jeeves_runner.config import Config
from jeeves_runner.core.manifest.file_result import FileResult
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.reconcile.setup import files_of, planner_setup


def whereabouts(config: Config, job_id: str) -> str | None:
    """A hint that names the manifest of a job that is not live; None if none seems to be its own.

    SourceError when the manifests cannot be looked at.
    """
    return next((hint for result in _candidates(config, job_id) if (hint := _told(result, job_id))), None)


def _candidates(config: Config, job_id: str) -> Iterator[FileResult]:
    """The files that may declare it: of thousands few are read."""
    setup = planner_setup(config)
    reader = ManifestReader(setup.schema, setup.context)
    for file in files_of(config):
        stem = posixpath.basename(file.path).rpartition(".")[0]
        if stem == job_id or job_id.encode() in file.data:
            yield reader.read(file.path, file.data, ())


def _told(result: FileResult, job_id: str) -> str | None:
    entry = next((each for each in result.entries if (each.kind, each.id) == ("job", job_id)), None)
    if entry is not None:
        return f"{result.path}:{entry.line} declares it, and is not applied: `jeeves-runner apply` does that"
    first = next((each for each in result.problems if each.is_error), None)
    if first is None or not (("job", job_id) in result.invalid or result.broken or result.unreadable):
        return None
    has = "declares it" if ("job", job_id) in result.invalid else "may declare it"
    return f"{result.path} {has} and is not valid: line {first.line}: {first.message}"
