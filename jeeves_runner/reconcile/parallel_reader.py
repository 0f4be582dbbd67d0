"""Reads many manifests, in several processes where that is allowed and worth it."""

import logging
import os
import pickle
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jeeves_runner.core.manifest.budget import MAX_DECLARED
from jeeves_runner.core.manifest.context import Layer, ProjectContext
from jeeves_runner.core.manifest.file_result import FileResult
from jeeves_runner.core.manifest.payload_schemas import Content
from jeeves_runner.core.namespaces import BY_ID, Namespaces
from jeeves_runner.core.problem import KeyPath, Problem
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import SourceError
from jeeves_runner.reconcile.schema_files import file_content
from jeeves_runner.sources.contract import SourceFile

if TYPE_CHECKING:
    from jeeves_runner.core.manifest.reader import ManifestReader
    from jeeves_runner.core.manifest.yaml_places import Places

log = logging.getLogger(__name__)
log.addHandler(logging.NullHandler())  # a command sets up no log, and its user is shown the problem

WORTH_A_PROCESS = 200_000
"""Bytes of YAML from which on a further process saves more time than it costs."""


class ManifestInput(NamedTuple):
    """A manifest to read."""

    path: str
    """Relative to the project root, with ``/``."""
    data: bytes
    """The file as it is."""
    defaults: Sequence[Layer]
    """The defaults of its folders, outermost first."""
    now: datetime | None = None
    """When it is read; aware, UTC. As in ``ManifestReader.read``."""
    names: Namespaces = BY_ID
    """The namespaces of jobs."""
    content: Content = file_content
    """Reads the files of payload schemas."""


class ParallelReader:
    """Reads manifests by one schema, in up to ``processes`` processes.

    The parser and the validator are loaded with the first of them.
    """

    def __init__(self, schema: Mapping[str, Any], context: ProjectContext, processes: int = 1) -> None:
        self._schema = schema
        self._context = context
        self._processes = processes

    def read_defaults(self, file: SourceFile) -> tuple[Layer | None, list[Problem]]:
        """As ``ManifestReader.read_defaults``."""
        try:
            return self._reader.read_defaults(file.path, file.data)
        except Exception as error:  # noqa: BLE001 - holds the jobs below, and no others
            return None, [_unexpected(file.path, error)]

    def read(self, manifests: Sequence[ManifestInput]) -> list[FileResult]:
        """One result for each manifest, in their order; SourceError for more than ``MAX_DECLARED``."""
        size = sum(len(manifest.data) for manifest in manifests)
        shares = min(self._processes, size // WORTH_A_PROCESS + 1, len(manifests))
        if shares < 2 or sys.platform != "linux":
            return _read(self._reader, manifests)
        reader = self._reader  # loaded before the forks, which then have it already
        reader.warm_up()
        # Taken in turns, so that a folder of large files does not end up in one share.
        parts = [manifests[n::shares] for n in range(shares)]
        children = [_ForkedReader(reader, part) for part in parts[1:]]
        found = [_read(reader, parts[0]), *(child.results() for child in children)]
        results: list[FileResult | None] = [None] * len(manifests)
        for n, part in enumerate(found):
            results[n::shares] = part
        return [result for result in results if result is not None]

    def locate(self, data: bytes, paths: Iterable[KeyPath]) -> "Places":
        """As ``ManifestReader.locate``."""
        return self._reader.locate(data, paths)

    @cached_property
    def _reader(self) -> "ManifestReader":
        # Loading parser and validator takes longer than a look at a folder that has not changed.
        from jeeves_runner.core.manifest.reader import ManifestReader

        return ManifestReader(self._schema, self._context)


def check_declared(size: int) -> None:
    """SourceError if all manifests together declare more than is taken."""
    if size > MAX_DECLARED:
        raise SourceError(
            f"all manifests together declare more than {MAX_DECLARED:,} bytes of jobs, queues and nodes",
            hint="shorten texts and defaults that many jobs have, or divide the jobs among several runners",
        )


def _read(reader: "ManifestReader", manifests: Sequence[ManifestInput]) -> list[FileResult]:
    results, size = [], 0
    for manifest in manifests:
        results.append(_read_one(reader, manifest))
        size += results[-1].size
        check_declared(size)  # at each: what is beyond it would be built for nothing
    return results


def _read_one(reader: "ManifestReader", manifest: ManifestInput) -> FileResult:
    try:
        return reader.read(*manifest)
    except Exception as error:  # noqa: BLE001 - holds what is in this file; all others go on
        problem = _unexpected(manifest.path, error)
        return FileResult(path=manifest.path, problems=(problem,), broken=True)


def _unexpected(path: str, error: Exception) -> Problem:
    """An error of this program, as a problem of the file that was being read."""
    log.error("reading %s failed", path, exc_info=error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {brief(str(error))} ({Path(frame.filename).name}:{frame.lineno})"
    return Problem(
        severity="error",
        code="internal",
        file=path,
        line=1,
        column=1,
        message=f"reading this file failed unexpectedly: {what}",
        hint="this is a bug: please report it with the file; what it declares stays as it is",
    )


class _ForkedReader:
    """A fork that reads one share and answers through a pipe.

    A fork has all that is loaded already; a new interpreter would have to load it again. The child
    touches nothing but its share, and exits without cleaning up what belongs to the parent.
    """

    def __init__(self, reader: "ManifestReader", manifests: Sequence[ManifestInput]) -> None:
        self._reader = reader
        self._manifests = manifests
        self._answer, answer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                with os.fdopen(answer, "wb") as stream:
                    pickle.dump(self._answered(), stream, protocol=pickle.HIGHEST_PROTOCOL)
            finally:
                os._exit(0)
        os.close(answer)

    def _answered(self) -> list[FileResult] | SourceError:
        try:
            return _read(self._reader, self._manifests)
        except SourceError as error:
            return error

    def results(self) -> list[FileResult]:
        """The share's results; read here if the child could not deliver them. SourceError for too much."""
        with os.fdopen(self._answer, "rb") as stream:
            data = stream.read()
        os.waitpid(self._pid, 0)
        try:
            answer: list[FileResult] | SourceError = pickle.loads(data)
        except (EOFError, pickle.UnpicklingError):
            return _read(self._reader, self._manifests)
        if isinstance(answer, SourceError):
            raise answer
        return answer
