"""The manifests, scripts and folders that git has of a project, in its index or in a commit.

They are read while the files of the project stay as they are.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
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
_NONE: Final[Mapping[str, str]] = {}
_ADD: Final = "git add the manifests"
_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
_EXECUTABLE: Final = "100755"


class GitEntry(NamedTuple):
    """What git has at a path."""

    mode: str
    """Whether it is a file, a program, a link or a submodule; six digits."""
    text: str
    """The name of the blob."""


Entries = Mapping[str, GitEntry]
"""All that git has, by path from the top of the working tree."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, as commands ask it."""

    top: Path
    """The top of its working tree."""
    folder: Path
    """Git's own folder."""

    @classmethod
    def around(cls, source: FolderSource, hint: str) -> "Repository":
        """The one that the manifests lie in; SourceError with this hint if there is none."""
        folder = real_path(source.folder)
        place = next(above for above in (folder, *folder.parents) if is_folder(above))
        said = ask(place, "rev-parse", "--show-toplevel", "--absolute-git-dir", patience=_PATIENCE)
        if said is None:
            raise SourceError(f"{source.folder} is in no git repository that can be read", hint=hint)
        top, git = (Path(os.fsdecode(line)) for line in said.splitlines())
        return cls(real_path(top), git)

    def ask(
        self, *words: str, given: bytes | None = None, variables: Mapping[str, str] = _NONE
    ) -> bytes | None:
        """What git says; None if it refuses or takes too long. ``variables``: see ``git_command.ask``."""
        return ask(self.top, *words, patience=_PATIENCE, given=given, variables=variables)

    def read(
        self, what: str, *words: str, given: bytes | None = None, variables: Mapping[str, str] = _NONE
    ) -> bytes:
        """What git says; SourceError if it cannot read ``what``."""
        said = self.ask(*words, given=given, variables=variables)
        if said is None:
            raise SourceError(f"git cannot read {what} of {self.top}", hint="`git status` there says why")
        return said


class GitFiles:
    """Files that git has around a folder of manifests; SourceError if it cannot read them.

    Paths within are relative to the top of the working tree. The empty one is the top.
    """

    def __init__(self, source: FolderSource, repository: Repository, *, what: str, entries: Entries) -> None:
        """``what`` has the files, in words for messages."""
        self._source = source
        self._repository = repository
        self._what = what
        self._entries = entries
        self._children: dict[str, set[str]] = {"": set()}
        for path in self._entries:
            self._enter(path)

    def kind_of(self, path: str) -> Kind:
        """What it has at an absolute path."""
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
        """What it has of a file at an absolute path."""
        (data,) = self._blobs([self._entries[self._place_of(path) or ""].text]).values()
        return data

    def _place_of(self, path: str) -> str | None:
        folder, name = os.path.split(path)
        return self._resolve(self._below_top(os.path.join(os.path.realpath(folder), name)))  # noqa: PTH118

    @property
    def has_folder(self) -> bool:
        """Whether it has the folder of the manifests."""
        return self._folder_place in self._children

    @property
    def _folder_place(self) -> str | None:
        return self._resolve(self._below_top(os.path.realpath(self._source.folder)))

    def look(self) -> Snapshot:
        """The manifests that it has; SourceError if it has no such folder."""
        place = self._folder_place
        if place not in self._children:
            raise SourceError(f"{self._what} has nothing in {self._source.folder}", hint=_ADD)
        look = _Look(self, self._source.prefix)
        look.everything(place)
        blobs = self._blobs([text for _, text in look.wanted])
        for path, text in look.wanted:
            look.take(path, blobs[text])
        return Snapshot.of(files=look.files, defaults=look.defaults, unreadable=look.unreadable, trace=None)

    def names_in(self, folder: str) -> list[str]:
        return sorted(self._children[folder])

    def entry(self, path: str) -> GitEntry | None:
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
        return self._repository.top / path

    def _below_top(self, path: str) -> str | None:
        relative = os.path.relpath(path, self._repository.top)
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

    def _enter(self, path: str) -> None:
        while path:
            folder, _, name = path.rpartition("/")
            is_known = folder in self._children
            self._children.setdefault(folder, set()).add(name)
            if is_known:
                return
            path = folder

    def _blobs(self, names: list[str]) -> dict[str, bytes]:
        given = "".join(f"{name}\n" for name in names).encode()
        said = self._repository.read(self._what, "cat-file", "--batch", given=given)
        found = {}
        at = 0
        for name in names:
            end = said.index(b"\n", at)
            head = said[at:end]
            if head.endswith(b" missing"):
                hint = "a clone that is not whole lacks some: fetch them"
                raise SourceError(f"git lacks a file of {self._what}", hint=hint)
            at = end + 1 + int(head.split()[-1])
            found[name] = said[end + 1 : at]
            at += 1
        return found


class _Look:
    """The manifests among them. ``wanted``: ``(path, name of the blob)`` of each that is to be read."""

    def __init__(self, files: GitFiles, prefix: str) -> None:
        self._git = files
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
        for name in self._git.names_in(folder):
            if not is_passed_over(name):
                self._take_entry(f"{folder}/{name}" if folder else name, prefix + name)

    def _take_entry(self, place: str, path: str) -> None:
        name, entry = path.rpartition("/")[2], self._git.entry(place)
        is_link = entry is not None and entry.mode in (_LINK, _SUBMODULE)
        target = self._git.target_of(place) if is_link else place
        if target is None:
            self._outside(self._git.on_disk(place), path)
        elif self._git.is_folder(target):
            if not is_text(name):
                self.unreadable.append(not_utf8(path))
            elif name.endswith(SUFFIXES):
                self.unreadable.append(named_as_manifest(path))
            elif is_link:
                self._links.append((path, target))
            else:
                self._folder(target, path + "/")
        elif (found := self._git.entry(target)) is None or found.mode == _LINK:
            self.unreadable.append(lost_link(path, self._git.text_of_link(place)))
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
