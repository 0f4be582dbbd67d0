"""What git has of the manifests in a folder, for ``core.git_edits`` to decide on.

Git is asked where the manifests are looked at, which is the planner's process; an answer is waited for
``_PATIENCE`` seconds.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from jeeves_runner.core.git_edits import Commits, Edits, Seen
from jeeves_runner.regular_files import open_to_read
from jeeves_runner.sources.contract import Snapshot, SourceFile
from jeeves_runner.sources.folder.git_work import git_folder
from jeeves_runner.sources.folder.places import is_file
from jeeves_runner.sources.git_command import ask
from jeeves_runner.sources.names import is_manifest

_PATIENCE: Final = 10.0
_MANY_COMMITS: Final = 3
"""More such indexes were left by commits that died."""
_LOG_TAIL: Final = 64 * 1024
"""Bytes of the log of HEAD that are read at most: some 300 moves."""
_SHORT: Final = 40
_REGULAR: Final = (b"100644", b"100755")


class GitTrace(NamedTuple):
    """What a look leaves for the next one."""

    edits: Edits
    """Which manifests git did not have, and which wait."""
    moves: Mapping[str, int]
    """The size of the log of HEAD, by its path: what is behind it has been written since."""


class Root(NamedTuple):
    """A folder that may be in a repository of its own: the one of manifests, a linked one, a clone within."""

    folder: str
    """Its real path."""
    prefix: str
    """What the paths of the manifests in it begin with in a snapshot: empty, or with a slash at the end."""


class _Tracked(NamedTuple):
    """A root that git has."""

    place: Path
    prefix: str
    git: Path
    log: Path
    """The log of HEAD."""
    moves: int
    """Its size, as it was before the index was read."""
    staged: Mapping[str, str]
    """The hashes of the manifests in the index."""


def compare(roots: Iterable[Root], seen: Snapshot, before: GitTrace | None, now: float) -> GitTrace | None:
    """The manifests of a look beside git's index; None where git does not have them.

    ``now`` is monotonic.
    """
    edits = before.edits if before else Edits()
    tracked, is_known = _tracked(roots)
    if not tracked and is_known:
        return None
    found: dict[str, Seen] = {}
    for root, files in _of_each(tracked, (*seen.files, *seen.defaults)):
        texts = _texts(files, root.staged, next(_hashes(root.staged, edits), ""))
        commits = list(_indexes_of_commits(root))
        for path in texts.keys() | root.staged.keys():
            text = texts.get(path)
            is_of_commit = text is not None and any(own.get(path) == text for own in commits)
            found[path] = Seen(text, root.staged.get(path), is_of_commit)
    last = before.moves if before else {}
    after = edits.after(found, excused=_excused(tracked, edits, found, last), now=now, is_known=is_known)
    return GitTrace(after, {str(root.log): root.moves for root in tracked} if is_known else last)


def _tracked(roots: Iterable[Root]) -> tuple[list[_Tracked], bool]:
    """The roots that git has, and whether it has said so of each that is in a repository."""
    found, is_known = [], True
    for root in roots:
        place = Path(root.folder)
        git = git_folder(place)
        if git is None:
            continue
        log = git / "logs" / "HEAD"
        moves = _size(log)
        index = _index(place, root.prefix)
        is_known = is_known and index is not None
        if index != {}:
            found.append(_Tracked(place, root.prefix, git, log, moves, index or {}))
    return found, is_known


def _of_each(
    tracked: Iterable[_Tracked], files: Iterable[SourceFile]
) -> Iterator[tuple[_Tracked, list[SourceFile]]]:
    """The files of each root: those that are in none within it."""
    left = list(files)
    for root in sorted(tracked, key=lambda root: len(root.prefix), reverse=True):
        yield root, [file for file in left if file.path.startswith(root.prefix)]
        left = [file for file in left if not file.path.startswith(root.prefix)]


def _excused(
    tracked: Iterable[_Tracked], edits: Edits, found: Mapping[str, Seen], moves: Mapping[str, int]
) -> set[str]:
    """The manifests that went back to the index's text because a commit says so."""
    suspects = edits.gone_back(found)
    excused: set[str] = set()
    for root in tracked if suspects else ():
        own = [path for path in suspects if path in root.staged]
        heads = _heads(root.log, moves.get(str(root.log), 0))
        for path, commits in _commits(root, own, heads).items():
            if commits.explain(edits.lacking[path].text, found[path].text):
                excused.add(path)
    return excused


def _hashes(index: Mapping[str, str], edits: Edits) -> Iterator[str]:
    """Hashes that are known already. A repository has long ones or short ones."""
    yield from index.values()
    yield from (wait.text for wait in edits.waits.values())


def _texts(files: Iterable[SourceFile], staged: Mapping[str, str], like: str) -> dict[str, str]:
    """The hash that git would have for each file's text, as long as ``like``.

    Git may keep lines without the carriage returns that they have in files (``core.autocrlf``, ``eol=crlf``).
    """
    new = hashlib.sha256 if len(like) > _SHORT else hashlib.sha1

    def text_of(data: bytes) -> str:
        return new(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    texts = {}
    for file in files:
        text = text_of(file.data)
        if b"\r\n" in file.data and text != staged.get(file.path):
            text = text_of(file.data.replace(b"\r\n", b"\n"))
        texts[file.path] = text
    return texts


def _indexes_of_commits(root: _Tracked) -> Iterator[dict[str, str]]:
    """The indexes that commits of given files or parts make for their hooks, while they hold the lock."""
    lock = root.git / "index.lock"
    if not is_file(lock):
        return
    for file in (lock, *sorted(root.git.glob("next-index-*.lock"))[:_MANY_COMMITS]):
        index = _index(root.place, root.prefix, GIT_INDEX_FILE=str(file))
        if index:
            yield index


def _index(place: Path, prefix: str, **variables: str) -> dict[str, str] | None:
    """The manifests that the index has, with the hashes of their texts; None where git does not say."""
    said = ask(place, "ls-files", "--stage", "-z", "--", ".", patience=_PATIENCE, variables=variables)
    if said is None:
        return None
    found = {}
    for entry in said.split(b"\0")[:-1]:
        facts, _, raw = entry.partition(b"\t")
        mode, text, stage = facts.split()
        path = os.fsdecode(raw)
        if mode in _REGULAR and stage == b"0" and is_manifest(path):
            found[prefix + path] = text.decode()
    return found


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0


def _heads(log: Path, since: int) -> list[str]:
    """The commit at which HEAD stood when the log had ``since`` bytes, and those at which it stood after."""
    lines = _written_since(log, since)
    return [lines[0].split(" ", 1)[0], *(line.split(" ", 2)[1] for line in lines)] if lines else []


def _written_since(log: Path, since: int) -> list[str]:
    """The lines behind ``since`` bytes, ``OLD NEW who when``; none where the log has been made shorter."""
    try:
        descriptor = open_to_read(log, follow=True)
    except OSError:
        return []
    try:
        size = os.fstat(descriptor).st_size
        if size <= since:
            return []
        start = max(since, size - _LOG_TAIL)
        text = os.pread(descriptor, size - start, start).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
    lines = text.splitlines()
    return [line for line in (lines if start == since else lines[1:]) if line.count(" ") > 1]


def _commits(root: _Tracked, paths: list[str], heads: list[str]) -> dict[str, Commits]:
    """Which texts of these manifests the commits have; empty if HEAD has not moved, or git does not say."""
    asked = [path for path in paths if "\n" not in path]
    if not heads or not asked:
        return {}
    names = [f"{head}:./{path.removeprefix(root.prefix)}" for path in asked for head in heads]
    said = ask(
        root.place,
        *("cat-file", "--batch-check=%(objectname)"),
        given=os.fsencode("".join(f"{name}\n" for name in names)),
        patience=_PATIENCE,
    )
    if said is None:
        return {}
    texts = [None if line.endswith(b" missing") else line.decode() for line in said.splitlines()]
    if len(texts) != len(names):
        return {}
    pieces = _pieces(texts, len(heads))
    return {path: Commits(own[0], tuple(own[1:])) for path, own in zip(asked, pieces, strict=True)}


def _pieces(texts: list[str | None], size: int) -> Iterator[list[str | None]]:
    return (texts[start : start + size] for start in range(0, len(texts), size))
