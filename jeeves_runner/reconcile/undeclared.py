"""Why a job or queue that people ask for is not live: its manifest is not valid, or has not been applied."""

from collections.abc import Iterator

from jeeves_runner.config import Config
from jeeves_runner.core.manifest.file_result import FileResult
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.plan import Key
from jeeves_runner.core.undeclared import not_valid, stem, waits
from jeeves_runner.reconcile.setup import files_of, planner_setup


def whereabouts(config: Config, key: Key) -> str | None:
    """A hint that names the manifest of a job or queue that is not live; None if none seems to be its own.

    SourceError when the manifests cannot be looked at.
    """
    return next((hint for result in _candidates(config, key[1]) if (hint := _told(result, key))), None)


def _candidates(config: Config, name: str) -> Iterator[FileResult]:
    """The files that may declare it: of thousands few are read."""
    setup = planner_setup(config)
    reader = ManifestReader(setup.schema, setup.context)
    for file in files_of(config):
        if stem(file.path) == name or name.encode() in file.data:
            yield reader.read(file.path, file.data, ())


def _told(result: FileResult, key: Key) -> str | None:
    entry = next((each for each in result.entries if (each.kind, each.id) == key), None)
    if entry is not None:
        return waits(result.path, entry.line)
    first = next((each for each in result.problems if each.is_error), None)
    if first is None or not (key in result.invalid or result.broken or result.unreadable):
        return None
    has = "declares it" if key in result.invalid else "may declare it"
    return not_valid(result.path, has, f"line {first.line}: {first.message}")
