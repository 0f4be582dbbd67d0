"""What a commit has of a project, for those who compare files with it."""

import os
from typing import Final

from jeeves_runner.core.wording import brief
from jeeves_runner.errors import SourceError
from jeeves_runner.sources.contract import Snapshot
from jeeves_runner.sources.folder.git_files import GitEntry, GitFiles, Repository
from jeeves_runner.sources.folder.source import FolderSource

_HINT: Final = "--against takes `database`, `empty`, or what git knows: use that in a repository"


class Committed(GitFiles):
    """The tree of a commit of the repository around a folder of manifests.

    SourceError if git cannot read it, or knows no such commit.
    """

    commit: str
    """Its full name."""

    def __init__(self, source: FolderSource, name: str) -> None:
        """``name``: a branch, a tag, or whatever else git takes for a commit."""
        repository = Repository.around(source, _HINT)
        self.commit = _commit(repository, name)
        what = f"the commit {brief(name)}"
        super().__init__(source, repository, what=what, entries=_entries(repository, self.commit))

    def look(self) -> Snapshot:
        """The manifests that it has; none where it has no such folder yet."""
        if self.has_folder:
            return super().look()
        return Snapshot.of(files=[], defaults=[], unreadable=[], trace=None)


def _commit(repository: Repository, name: str) -> str:
    # What begins with a hyphen git would take for an option; no branch or tag can have such a name.
    said = None if name.startswith("-") else repository.ask("rev-parse", "--verify", f"{name}^{{commit}}")
    if said is None:
        raise SourceError(
            f"git knows no commit {brief(name)} in {repository.top}",
            hint="name a branch, a tag or a commit; in a clone that is not whole, `git fetch` it first",
        )
    return said.decode().strip()


def _entries(repository: Repository, commit: str) -> dict[str, GitEntry]:
    said = repository.read(f"the commit {commit}", "ls-tree", "-r", "-z", "--full-tree", commit)
    found = {}
    for line in said.split(b"\0")[:-1]:
        facts, _, raw = line.partition(b"\t")
        mode, _, text = facts.decode().split()
        found[os.fsdecode(raw)] = GitEntry(mode, text)
    return found
