"""What the files of now say of one job, and from which place each of its values comes."""

import posixpath
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.config import Config
from jeeves_runner.config_path import bytes_of
from jeeves_runner.core.explanation import (
    Explained,
    ExplainedKey,
    Explanation,
    Origin,
    State,
    Statement,
    explain,
    explain_live,
)
from jeeves_runner.core.field_changes import FieldChange, changed_fields
from jeeves_runner.core.live import Live
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.manifest.yaml_places import Places
from jeeves_runner.core.manifest.yaml_text import YamlError
from jeeves_runner.core.namespaces import Namespaces
from jeeves_runner.core.plan import Action, Change, Plan
from jeeves_runner.core.problem import KeyPath, Position, Problem
from jeeves_runner.core.values import from_json
from jeeves_runner.db import jobs
from jeeves_runner.db.jobs import JobRow
from jeeves_runner.errors import NotFound
from jeeves_runner.reconcile.apply import read_live, with_fields
from jeeves_runner.reconcile.folder_defaults import FolderDefaults
from jeeves_runner.reconcile.parallel_reader import ParallelReader
from jeeves_runner.reconcile.planner import Planner
from jeeves_runner.reconcile.setup import planner_setup
from jeeves_runner.sources.contract import Snapshot

_SETTINGS: Final[Mapping[str, KeyPath]] = {
    "timezone": ("timezone",),
    "on_failure": ("notifications", "default_on_failure"),
    "on_success": ("notifications", "default_on_success"),
}
"""The settings that are the default of a job's key."""


class _Found(NamedTuple):
    """The manifest that has the job; or that seems to, and cannot be read: then without ``explained``."""

    path: str
    explained: Explained | None
    broken_defaults: str | None


class _Standing(NamedTuple):
    """How the job's files stand to what is live."""

    state: State
    message: str | None = None
    fields: tuple[FieldChange, ...] = ()


def explain_job(config: Config, conn: apsw.Connection | None, job_id: str) -> Explanation:
    """The job by its files as they are now. ``conn``: None where there is no database yet.

    NotFound for a job that neither a file nor the database knows.
    """
    setup = planner_setup(config)
    snapshot = setup.source.look()
    live = Live.nothing() if conn is None else read_live(conn)
    plan = Planner(setup).compare(snapshot, live)
    change = next((each for each in plan.changes if each.key == ("job", job_id)), None)
    row = None if conn is None else jobs.job_row(conn, job_id if change is None else change.live_id)
    if row is not None and row.deleted_at is not None:
        row = None
    files = Files(config_text(config), snapshot, ManifestReader(setup.schema, setup.context), live.names())
    defaults = FolderDefaults(snapshot, ParallelReader(setup.schema, setup.context), setup.salt)
    found = _find(files, defaults, job_id, _likely(change, row))
    if row is None and found is None:
        if conn is not None:
            raise jobs.unknown_job(conn, job_id)
        raise NotFound(
            f"no manifest declares a job {job_id}", hint="`jeeves-runner validate` looks at all of them"
        )
    standing = _standing(conn, plan, job_id, change, row, found)
    explained = None if found is None else found.explained
    file = found.path if found is not None else None if row is None else row.file
    if found is None or explained is None:
        spec = {} if row is None else values_of(job_id, row.spec_text)
        keys, position, text = explain_live(spec, files.reader.rules), (1, 1), None
    else:
        keys, position, text = explained.keys, files.position(found.path, explained.place), explained.text
    positions = files.positions(keys)
    return Explanation(
        job_id=job_id,
        state=standing.state,
        message=standing.message,
        file=file,
        position=position,
        keys=tuple(by_file_name(key, positions) for key in keys),
        places=positions,
        problems=_problems(plan, standing.state, (file, None if found is None else found.broken_defaults)),
        fields=standing.fields,
        revision_id=None if row is None else row.revision_id,
        is_valid=text is not None,
    )


def _problems(plan: Plan, state: State, files: Container[str | None]) -> tuple[Problem, ...]:
    if state not in (State.HELD, State.BROKEN):
        return ()
    return tuple(problem for problem in plan.problems if problem.is_error and problem.file in files)


def _likely(change: Change | None, row: JobRow | None) -> str | None:
    """The manifest that has the job, most likely: others are looked at where it has not."""
    if change is not None and change.action is not Action.DELETE:
        return change.file
    return None if row is None else row.file


def _candidates(manifests: Mapping[str, bytes], job_id: str, likely: str | None) -> Iterator[str]:
    """The manifests that may have the job."""
    if likely is not None and likely in manifests:
        yield likely
    for path, data in manifests.items():
        if path != likely and (job_id.encode() in data or _stem(path) == job_id):
            yield path


def _find(files: "Files", defaults: FolderDefaults, job_id: str, likely: str | None) -> _Found | None:
    unread = None
    for path in _candidates(files.manifests, job_id, likely):
        above = defaults.above(path)
        explained = explain(
            files.reader,
            path,
            files.manifests[path],
            above.layers,
            job_id,
            files.settings,
            complete=above.broken is None,
            names=files.names,
        )
        if explained is not None:
            return _Found(path, explained, above.broken)
        if unread is None and (path == likely or files.may_hide(path, job_id)):
            unread = _Found(path, None, above.broken)
    return unread


def _standing(
    conn: apsw.Connection | None,
    plan: Plan,
    job_id: str,
    change: Change | None,
    row: JobRow | None,
    found: _Found | None,
) -> _Standing:
    text = None if found is None or found.explained is None else found.explained.text
    held = next((each for each in plan.held if (each.kind, each.id) == ("job", job_id)), None)
    if held is not None:
        fields = changed_fields(row.spec_text, text) if row is not None and text is not None else ()
        return _Standing(State.HELD, held.message, tuple(fields))
    if change is None:
        return _unchanged(plan, job_id, row)
    if change.action is Action.DELETE:
        return _Standing(State.UNDECLARED, "an apply deletes it")
    if conn is not None:
        change = with_fields(conn, replace(plan, changes=(change,))).changes[0]
    message = "it was changed by hand in the database" if change.drift else None
    if change.renamed_from is not None:
        message = f"it is renamed from {change.renamed_from}"
    return _Standing(State.PENDING, message, change.fields)


def _unchanged(plan: Plan, job_id: str, row: JobRow | None) -> _Standing:
    if row is None:
        return _Standing(State.BROKEN)
    if ("job", job_id) in plan.suspended:
        return _Standing(State.UNDECLARED, "it is deleted once no manifest is broken")
    for change in plan.changes:
        if change.renamed_from == job_id:
            return _Standing(State.UNDECLARED, f"an apply renames it to {change.id}")
    return _Standing(State.APPLIED)


def values_of(job_id: str, spec_text: str) -> Mapping[str, Any]:
    """What was last applied of a job."""
    values: Mapping[str, Any] = from_json(spec_text, f"what was applied of job {job_id}")
    return values


class ConfigText(NamedTuple):
    """The config file as it is now."""

    name: str
    """Its name, in the folder of the project."""
    data: bytes
    """What stands in it."""


def config_text(config: Config) -> ConfigText | None:
    """None where the project has no config file; ConfigError where it cannot be read."""
    return None if config.path is None else ConfigText(config.path.name, bytes_of(config.path))


class Files:
    """The texts in which something is said of jobs, and where that stands in them."""

    def __init__(
        self, config: ConfigText | None, snapshot: Snapshot, reader: ManifestReader, names: Namespaces
    ) -> None:
        self.reader = reader
        self.names = names
        self.manifests = {file.path: file.data for file in snapshot.files}
        self._texts = self.manifests | {file.path: file.data for file in snapshot.defaults}
        self.settings: dict[str, Statement] = {}
        if config is not None:
            self._texts[config.name] = config.data
            self._take_settings(config.name)

    def _take_settings(self, name: str) -> None:
        context = self.reader.rules.context
        values = {
            "timezone": context.timezone,
            "on_failure": list(context.channels.on_failure),
            "on_success": list(context.channels.on_success),
        }
        places = self._located(name, _SETTINGS.values())
        for key, path in _SETTINGS.items():
            if places.own_position(path) is not None:
                self.settings[key] = Statement(values[key], Origin.CONFIG, name, path)

    def may_hide(self, path: str, job_id: str) -> bool:
        """Whether a manifest seems to have the job in what cannot be read of it."""
        data = self.manifests[path]
        written = rb"\bid[\"']?\s*:\s*[\"']?" + re.escape(job_id.encode()) + rb"(?![a-z0-9._-])"
        if _stem(path) != job_id and re.search(written, data) is None:
            return False
        result = self.reader.read(path, data)
        return result.broken or result.unreadable

    def position(self, file: str, path: KeyPath) -> Position:
        """Where something stands, or the nearest thing around it."""
        return self._located(file, [path]).position(path)

    def positions(self, keys: Iterable[ExplainedKey]) -> dict[tuple[str, KeyPath], Position]:
        """Where all that is said of these keys stands; without what its file does not have."""
        paths: dict[str, list[KeyPath]] = {}
        for each in (said for key in keys for said in (key.said, *key.overrides)):
            if each.file is not None:
                paths.setdefault(each.file, []).append(each.path)
        found: dict[tuple[str, KeyPath], Position] = {}
        for file, several in paths.items():
            places = self._located(file, several)
            for path in several:
                if path[-1] != "id" or places.own_position(path) is not None:
                    found[file, path] = places.position(path)
        return found

    def _located(self, file: str, paths: Iterable[KeyPath]) -> Places:
        try:
            return self.reader.locate(self._texts[file], paths)
        except YamlError:  # a config without settings
            return Places(())


def by_file_name(key: ExplainedKey, positions: Mapping[tuple[str, KeyPath], Position]) -> ExplainedKey:
    """A job that writes no id has the name of its file."""
    said = key.said
    if key.key != "id" or said.file is None or (said.file, said.path) in positions:
        return key
    return key._replace(said=said._replace(origin=Origin.FILE_NAME))


def _stem(path: str) -> str:
    return posixpath.basename(path).rpartition(".")[0]
