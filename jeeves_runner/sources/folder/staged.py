"""What the next commit would have of a project: read from git's index, while files stay as they are.

A hook that asks for this hides no edit from a server that watches the folder.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from jeeves_runner.core.manifest.budget import MAX_SIZE
from jeeves_runner.core.problem import Problem
from jeeves_runner.errors import SourceError
from jeeves_runner.sources.contract import Kind, Snapshot, SourceFile
from jeeves_runner.sources.folder.places import MANY_LINKS, is_folder, real_path
from jeeves_runner.sources.folder.source import FolderSource
from jeeves_runner.sources.folder.walk import Walk, read_manifest, unreadable_file
from jeeves_runner.sources.git_command import ask
from jeeves_runner.sources.names import (
    DEFAULTS_NAMES,
    SUFFIXES,
    is_passed_over,
    is_text,
    lost_link,
    named_as_manifest,
    not_utf8,
)

_PATIENCE: Final = 30.0
_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
_EXECUTABLE: Final = "100755"


class _Entry(NamedTuple):
    mode: str
    text: str
    """The name of the blob."""


class Staged:
    """The index of the repository around a folder of manifests; SourceError if git cannot read it.

    Paths within are relative to the top of the working tree. The empty one is the top.
    """

    def __init__(self, source: FolderSource) -> None:
        self._source = source
        self._top, self._variables = _repository(source)
        self._entries = self._read_index()
        self._children: dict[str, set[str]] = {"": set()}
        for path in self._entries:
            self._enter(path)

    def kind_of(self, path: str) -> Kind:
        """What the index has at an absolute path."""
        place = self._place_of(path)
        if place is None:
            return "outside"
        if place in self._children:
            return "folder"
        entry = self._entries.get(place)
        if entry is None:
            return "missing"
        return "executable" if entry.mode == _EXECUTABLE else "file"

    def content_of(self, path: str) -> bytes:
        """What the index has of a file at an absolute path."""
        (data,) = self._blobs([self._entries[self._place_of(path) or ""].text]).values()
        return data

    def _place_of(self, path: str) -> str | None:
        folder, name = os.path.split(path)
        return self._resolve(self._below_top(os.path.join(os.path.realpath(folder), name)))  # noqa: PTH118

    def look(self) -> Snapshot:
        """The manifests as they are staged; SourceError if the index has no such folder."""
        folder = self._source.folder
        place = self._resolve(self._below_top(os.path.realpath(folder)))
        if place not in self._children:
            raise SourceError(f"git's index has nothing in {folder}", hint="git add the manifests")
        look = _Look(self, self._source.prefix)
        look.everything(place)
        blobs = self._blobs([text for _, text in look.wanted])
        for path, text in look.wanted:
            look.take(path, blobs[text])
        return Snapshot.of(files=look.files, defaults=look.defaults, unreadable=look.unreadable, trace=None)

    def names_in(self, folder: str) -> list[str]:
        return sorted(self._children[folder])

    def entry(self, path: str) -> _Entry | None:
        """The file, link or submodule at a path; None for a folder."""
        return self._entries.get(path)

    def target_of(self, path: str) -> str | None:
        """Where a path leads; None if that is outside."""
        return self._resolve(path)

    def is_folder(self, path: str) -> bool:
        return path in self._children

    def text_of_link(self, path: str) -> str:
        (data,) = self._blobs([self._entries[path].text]).values()
        return os.fsdecode(data)

    def on_disk(self, path: str) -> Path:
        return self._top / path

    def _below_top(self, path: str) -> str | None:
        relative = os.path.relpath(path, self._top)
        if relative == os.pardir or relative.startswith("../"):
            return None
        return "" if relative == os.curdir else relative

    def _resolve(self, path: str | None) -> str | None:
        """The path without links; None if it leads outside, or into a submodule."""
        if path is None:
            return None
        rest, at, links = path.split("/")[::-1], "", 0
        while rest:
            name = rest.pop()
            if name == "..":
                if not at:
                    return None
                at = at.rpartition("/")[0]
            if name in ("", ".", ".."):
                continue
            place = f"{at}/{name}" if at else name
            entry = self._entries.get(place)
            if entry is None or entry.mode not in (_LINK, _SUBMODULE):
                at = place
                continue
            target = "/" if entry.mode == _SUBMODULE else self.text_of_link(place)
            links += 1
            if target.startswith("/"):
                return None
            if links > MANY_LINKS:
                return place
            rest.extend(target.split("/")[::-1])
        return at

    def _read_index(self) -> dict[str, _Entry]:
        said = self._git("ls-files", "--stage", "-z")
        found = {}
        for line in said.split(b"\0")[:-1]:
            facts, _, raw = line.partition(b"\t")
            mode, text, stage = facts.decode().split()
            path = os.fsdecode(raw)
            if stage != "0":
                raise SourceError(
                    f"git's index has a conflict in {path}", hint="resolve it, and `git add` the file"
                )
            found[path] = _Entry(mode, text)
        return found

    def _enter(self, path: str) -> None:
        while path:
            folder, _, name = path.rpartition("/")
            is_known = folder in self._children
            self._children.setdefault(folder, set()).add(name)
            if is_known:
                return
            path = folder

    def _blobs(self, names: list[str]) -> dict[str, bytes]:
        rest = self._git("cat-file", "--batch", given="".join(f"{name}\n" for name in names).encode())
        found = {}
        for name in names:
            head, _, rest = rest.partition(b"\n")
            size = int(head.split()[-1])
            found[name], rest = rest[:size], rest[size + 1 :]
        return found

    def _git(self, *words: str, given: bytes | None = None) -> bytes:
        said = ask(self._top, *words, patience=_PATIENCE, given=given, variables=self._variables)
        if said is None:
            raise SourceError(f"git cannot read the index of {self._top}", hint="`git status` there says why")
        return said


class _Look:
    """The manifests in the index. ``wanted``: ``(path, name of the blob)`` of each that is to be read."""

    def __init__(self, staged: Staged, prefix: str) -> None:
        self._staged = staged
        self._prefix = prefix
        self._links: list[tuple[str, str]] = []
        self._seen: set[str] = set()
        self.wanted: list[tuple[str, str]] = []
        self.files: list[SourceFile] = []
        self.defaults: list[SourceFile] = []
        self.unreadable: list[Problem] = []

    def everything(self, folder: str) -> None:
        """As ``Walk.everything``: each folder once, linked ones after the others."""
        self._folder(folder, self._prefix)
        while self._links:
            links, self._links = sorted(self._links), []
            for path, folder in links:
                self._folder(folder, path + "/")

    def take(self, path: str, data: bytes) -> None:
        is_default = path.rpartition("/")[2] in DEFAULTS_NAMES
        (self.defaults if is_default else self.files).append(SourceFile(path=path, data=data[: MAX_SIZE + 1]))

    def _folder(self, folder: str, prefix: str) -> None:
        if folder in self._seen:
            return
        self._seen.add(folder)
        for name in self._staged.names_in(folder):
            if not is_passed_over(name):
                self._take_entry(f"{folder}/{name}" if folder else name, prefix + name)

    def _take_entry(self, place: str, path: str) -> None:
        name, entry = path.rpartition("/")[2], self._staged.entry(place)
        is_link = entry is not None and entry.mode in (_LINK, _SUBMODULE)
        target = self._staged.target_of(place) if is_link else place
        if target is None:
            self._outside(self._staged.on_disk(place), path)
        elif self._staged.is_folder(target):
            if not is_text(name):
                self.unreadable.append(not_utf8(path))
            elif name.endswith(SUFFIXES):
                self.unreadable.append(named_as_manifest(path))
            elif is_link:
                self._links.append((path, target))
            else:
                self._folder(target, path + "/")
        elif (found := self._staged.entry(target)) is None or found.mode == _LINK:
            self.unreadable.append(lost_link(path, self._staged.text_of_link(place)))
        elif name.endswith(SUFFIXES):
            if is_text(name):
                self.wanted.append((path, found.text))
            else:
                self.unreadable.append(not_utf8(path))

    def _outside(self, place: Path, path: str) -> None:
        """What a link out of the repository or a submodule holds is no part of the commit: as it stands."""
        if is_folder(place):
            walk = Walk(path + "/")
            walk.everything(str(place))
            self.files += walk.files
            self.defaults += walk.defaults
            self.unreadable += walk.unreadable
        elif path.endswith(SUFFIXES):
            try:
                self.take(path, read_manifest(str(place)))
            except OSError as error:
                self.unreadable.append(unreadable_file(path, str(place), error))


def _repository(source: FolderSource) -> tuple[Path, dict[str, str]]:
    """The top of the working tree, and the variables by which git finds the index of the commit."""
    folder = real_path(source.folder)
    place = next(above for above in (folder, *folder.parents) if is_folder(above))
    said = ask(place, "rev-parse", "--show-toplevel", "--absolute-git-dir", patience=_PATIENCE)
    if said is None:
        raise SourceError(
            f"{source.folder} is in no git repository that can be read",
            hint="--staged reads git's index: use it in a repository, and see what `git status` says there",
        )
    top, git = (Path(os.fsdecode(line)) for line in said.splitlines())
    return real_path(top), dict(_index_of_the_commit(top, git))


def _index_of_the_commit(top: Path, git: Path) -> Iterator[tuple[str, str]]:
    """For the hook of a commit, git says which index it is to look at; it may be another one than usual."""
    given = os.environ.get("GIT_INDEX_FILE")
    if given is not None:
        file = Path(os.path.realpath(top / given))
        if real_path(git) in file.parents:
            yield "GIT_INDEX_FILE", str(file)
