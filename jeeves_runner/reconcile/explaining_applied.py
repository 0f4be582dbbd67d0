"""Where the values of a live job stand, by its own manifest alone: little enough for a page of a server.

``explaining`` compares all manifests with all that is live, and tells what is to come as well. Here the files
of now are believed only where they say just what was applied.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from jeeves_runner.config import Config
from jeeves_runner.core.explanation import ExplainedKey, explain, explain_live
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.manifest.yaml_text import YamlError
from jeeves_runner.core.namespaces import Namespaces
from jeeves_runner.core.problem import KeyPath, Position
from jeeves_runner.db.jobs import JobRow
from jeeves_runner.errors import JeevesError
from jeeves_runner.reconcile.explaining import ConfigText, Files, by_file_name, config_text, values_of
from jeeves_runner.reconcile.folder_defaults import FolderDefaults
from jeeves_runner.reconcile.parallel_reader import ParallelReader
from jeeves_runner.reconcile.setup import planner_setup
from jeeves_runner.schemas_text import manifest_schema
from jeeves_runner.sources.contract import Snapshot

_LARGEST: Final = 256 << 10
"""Bytes of a manifest from which on it is not read for this: to do so takes tenths of a second."""

_KEPT: Final = 64
"""Explanations that are kept, each as long as its files stay as they are."""


class AppliedValues(NamedTuple):
    """The values of a live job."""

    keys: tuple[ExplainedKey, ...]
    """All of them, in the order of the reference."""
    places: Mapping[tuple[str, KeyPath], Position]
    """Where what is said stands: line and column from 1, by the file and the way to it."""
    is_said: bool
    """Whether the files of now say just this. Else they say something else, or cannot be read, and where the
    values once stood is not known."""


class _Job(NamedTuple):
    """What decides on an explanation of a job, besides its files."""

    id: str
    """The job."""
    namespace: str
    """What ``H`` in its schedule is spread by."""
    spec_text: str
    """All that was applied of it."""


def explain_applied(config: Config, row: JobRow) -> AppliedValues:
    """The values of a job and where each stands. It looks at files, so not in the event loop."""
    setup, job = planner_setup(config), _Job(row.id, row.namespace, row.spec_text)
    try:
        snapshot, text = setup.source.look_at(row.file), config_text(config)
    except (OSError, JeevesError):
        return _unsaid(setup.context, job)
    if sum(len(file.data) for file in (*snapshot.files, *snapshot.defaults)) > _LARGEST:
        return _unsaid(setup.context, job)
    return _explained(setup.context, setup.salt, snapshot, text, job) or _unsaid(setup.context, job)


def explain_without_files(config: Config, row: JobRow) -> AppliedValues:
    """The same where files cannot be looked at."""
    return _unsaid(planner_setup(config).context, _Job(row.id, row.namespace, row.spec_text))


@lru_cache(maxsize=_KEPT)
def _explained(
    context: ProjectContext, salt: bytes, snapshot: Snapshot, config: ConfigText | None, job: _Job
) -> AppliedValues | None:
    """None unless the files say what was applied."""
    (manifest,) = snapshot.files
    names = Namespaces({job.id: job.namespace}, None)
    try:
        files = Files(config, snapshot, _reader(context), names)
        above = FolderDefaults(snapshot, ParallelReader(manifest_schema(), context), salt).above(
            manifest.path
        )
        found = explain(
            files.reader,
            manifest.path,
            manifest.data,
            above.layers,
            job.id,
            files.settings,
            complete=above.broken is None,
            names=names,
        )
        if found is None or found.text != job.spec_text:
            return None
        places = files.positions(found.keys)
    except YamlError:  # the config file, which is read again at the next start
        return None
    return AppliedValues(tuple(by_file_name(key, places) for key in found.keys), places, is_said=True)


def _unsaid(context: ProjectContext, job: _Job) -> AppliedValues:
    values = values_of(job.id, job.spec_text)
    return AppliedValues(explain_live(values, _reader(context).rules), {}, is_said=False)


@lru_cache(maxsize=2)
def _reader(context: ProjectContext) -> ManifestReader:
    return ManifestReader(manifest_schema(), context)
