"""What the next commit would have of a project: read from git's index, while files stay as they are.

A hook that asks for this hides no edit from a server that watches the folder.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jeeves_runner.errors import SourceError
from jeeves_runner.sources.folder.git_files import GitEntry, GitFiles, Repository
from jeeves_runner.sources.folder.places import real_path
from jeeves_runner.sources.folder.source import FolderSource

_HINT: Final = "--staged reads git's index: use it in a repository, and see what `git status` says there"
_INDEX: Final = "the index"


class Staged(GitFiles):
    """The index of the repository around a folder of manifests; SourceError if git cannot read it."""

    def __init__(self, source: FolderSource) -> None:
        repository = Repository.around(source, _HINT)
        super().__init__(source, repository, what="git's index", entries=_entries(repository))


def _entries(repository: Repository) -> dict[str, GitEntry]:
    variables = dict(_index_of_the_commit(repository))
    said = repository.read(_INDEX, "ls-files", "--stage", "-z", variables=variables)
    found = {}
    for line in said.split(b"\0")[:-1]:
        facts, _, raw = line.partition(b"\t")
        mode, text, stage = facts.decode().split()
        path = os.fsdecode(raw)
        if stage != "0":
            raise SourceError(
                f"git's index has a conflict in {path}", hint="resolve it, and `git add` the file"
            )
        found[path] = GitEntry(mode, text)
    return found


def _index_of_the_commit(repository: Repository) -> Iterator[tuple[str, str]]:
    """For the hook of a commit, git says which index it is to look at; it may be another one than usual."""
    given = os.environ.get("GIT_INDEX_FILE")
    if given is not None:
        file = Path(os.path.realpath(repository.top / given))
        if real_path(repository.folder) in file.parents:
            yield "GIT_INDEX_FILE", str(file)
