"""The ``_defaults.yaml`` files of a folder of manifests: which of them each manifest is read with."""

import posixpath
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from jeeves_runner.core.manifest.context import Layer
from jeeves_runner.core.plan import WaitingFile
from jeeves_runner.core.problem import Problem
from jeeves_runner.reconcile.parallel_reader import ParallelReader
from jeeves_runner.sources.contract import Snapshot, SourceFile
from jeeves_runner.sources.names import DEFAULTS_NAMES


class DefaultsAbove(NamedTuple):
    """The defaults that reach the manifests of one folder."""

    layers: tuple[Layer, ...]
    """What each file says, outermost first."""
    key: bytes
    """Keys the hash of a manifest: it differs where other defaults, or another setup, give it its meaning."""
    broken: str | None
    """The path of a file that is broken, and then neither layers nor key; None: there is none."""


class FolderDefaults:
    """All ``_defaults.yaml`` files that one look found, and their ``problems``.

    ``salt`` is what else gives a manifest its meaning.
    """

    def __init__(self, snapshot: Snapshot, reader: ParallelReader, salt: bytes) -> None:
        self.problems: list[Problem] = []
        self._layers: dict[str, Layer] = {}
        self._texts: dict[str, bytes] = {}
        self._broken: dict[str, str] = {}
        self._salt = salt
        self._above: dict[str, DefaultsAbove] = {}
        for problem in snapshot.unreadable:
            folder, name = posixpath.split(problem.file)
            if name in DEFAULTS_NAMES:
                self._broken[folder] = problem.file
        for file in snapshot.defaults:
            self._take(file, reader)

    def _take(self, file: SourceFile, reader: ParallelReader) -> None:
        folder = posixpath.dirname(file.path)
        layer, problems = reader.read_defaults(file)
        self.problems.extend(problems)
        if folder in self._layers:
            self.problems.append(_second_defaults(file.path))
            self._broken[folder] = file.path
        elif layer is None or any(p.is_error for p in problems):
            self._broken[folder] = file.path
        else:
            self._layers[folder] = layer
            self._texts[folder] = file.data

    def above(self, path: str) -> DefaultsAbove:
        """The defaults for the manifest at ``path``."""
        folder = path.rpartition("/")[0]
        found = self._above.get(folder)
        if found is None:
            found = self._above[folder] = self._collect(folder)
        return found

    def _collect(self, folder: str) -> DefaultsAbove:
        parts = folder.split("/") if folder else []
        places = ["", *("/".join(parts[: n + 1]) for n in range(len(parts)))]
        key = blake2b(self._salt, digest_size=32)
        layers = []
        for place in places:
            if place in self._broken:
                return DefaultsAbove((), b"", self._broken[place])
            if place in self._layers:
                layers.append(self._layers[place])
                key.update(place.encode() + b"\0" + self._texts[place] + b"\0")
        return DefaultsAbove(tuple(layers), key.digest(), None)


def waiting_manifests(snapshot: Snapshot) -> Iterator[WaitingFile]:
    """The manifests whose changes are to wait: also those below a ``_defaults.yaml`` that does."""
    for waiting in snapshot.waiting:
        folder, _, name = waiting.file.rpartition("/")
        if name not in DEFAULTS_NAMES:
            yield waiting
            continue
        below = f"{folder}/" if folder else ""
        for file in snapshot.files:
            if file.path.startswith(below):
                yield WaitingFile(file.path, waiting.message)


def _second_defaults(path: str) -> Problem:
    """A folder holds both spellings; in order of path this is the ``.yml``."""
    return Problem(
        severity="error",
        code="defaults",
        file=path,
        line=1,
        column=1,
        message=f"the folder has a {DEFAULTS_NAMES[0]} as well, and one of them must go",
        hint="put all defaults of the folder into one file, and remove the other",
    )
