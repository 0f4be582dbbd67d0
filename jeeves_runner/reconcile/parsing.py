"""Reads many manifests, in several processes where that is allowed and worth it."""

import logging
import os
import pickle
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jeeves_runner.core.manifest.context import Context
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.wording import brief
from jeeves_runner.sources.folder import SourceFile

if TYPE_CHECKING:
    from jeeves_runner.core.manifest.reader import FileResult, ManifestReader

log = logging.getLogger(__name__)
log.addHandler(logging.NullHandler())  # a command sets up no log, and its user is shown the problem

WORTH_A_PROCESS = 200_000
"""Bytes of YAML from which on a further process saves more time than it costs."""


class Request(NamedTuple):
    """A manifest to read, with the defaults of its folders, outermost first."""

    path: str
    data: bytes
    defaults: Sequence[Mapping[str, Any]]


class Reading:
    """Reads manifests by one schema. What it needs for that is loaded with the first of them."""

    def __init__(self, schema: Mapping[str, Any], context: Context, processes: int = 1) -> None:
        self._schema = schema
        self._context = context
        self._processes = processes

    def read_defaults(self, file: SourceFile) -> tuple[Mapping[str, Any] | None, list[Problem]]:
        """As ``ManifestReader.read_defaults``."""
        try:
            return self._reader.read_defaults(file.path, file.data)
        except Exception as error:  # noqa: BLE001 - holds the jobs below, and no others
            return None, [_unexpected(file.path, error)]

    def read(self, requests: Sequence[Request]) -> "list[FileResult]":
        """One result for each request, in their order."""
        size = sum(len(request.data) for request in requests)
        shares = min(self._processes, size // WORTH_A_PROCESS + 1, len(requests))
        if shares < 2 or sys.platform != "linux":
            return self._read(requests)
        self._reader.warm_up()
        # Taken in turns, so that a folder of large files does not end up in one share.
        parts = [requests[n::shares] for n in range(shares)]
        children = [_Child(self, part) for part in parts[1:]]
        found = [self._read(parts[0]), *(child.results() for child in children)]
        results: list[FileResult | None] = [None] * len(requests)
        for n, part in enumerate(found):
            results[n::shares] = part
        return [result for result in results if result is not None]

    def _read(self, requests: Sequence[Request]) -> "list[FileResult]":
        return [self._read_one(request) for request in requests]

    def _read_one(self, request: Request) -> "FileResult":
        reader = self._reader
        try:
            return reader.read(request.path, request.data, request.defaults)
        except Exception as error:  # noqa: BLE001 - holds what is in this file; all others go on
            from jeeves_runner.core.manifest.reader import FileResult

            problem = _unexpected(request.path, error)
            return FileResult(path=request.path, problems=(problem,), broken=True)

    @cached_property
    def _reader(self) -> "ManifestReader":
        from jeeves_runner.core.manifest.reader import ManifestReader

        return ManifestReader(self._schema, self._context)


def _unexpected(path: str, error: Exception) -> Problem:
    """A mistake of this program met in one file, in the place of what the file declares."""
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


class _Child:
    """A fork that reads one share and answers through a pipe.

    Forking takes what is loaded along, which starting an interpreter would not; the child touches
    nothing but its share and leaves without any clean-up of the parent's things.
    """

    def __init__(self, reading: Reading, requests: Sequence[Request]) -> None:
        self._reading = reading
        self._requests = requests
        self._answer, answer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                with os.fdopen(answer, "wb") as stream:
                    pickle.dump(reading._read(requests), stream, protocol=pickle.HIGHEST_PROTOCOL)  # noqa: SLF001
            finally:
                os._exit(0)
        os.close(answer)

    def results(self) -> "list[FileResult]":
        """The share's results; read here if the child could not deliver them."""
        with os.fdopen(self._answer, "rb") as stream:
            data = stream.read()
        os.waitpid(self._pid, 0)
        try:
            results: list[FileResult] = pickle.loads(data)
        except (EOFError, pickle.UnpicklingError):
            return self._reading._read(self._requests)  # noqa: SLF001
        return results
