"""What git says of the manifests: the commit they stand at, and whether a command is at work."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from support.git_tree import git

from jeeves_runner.clock import SystemClock
from jeeves_runner.side_thread import SideThread
from jeeves_runner.sources.folder import git_work
from jeeves_runner.sources.folder.commit import commit_of
from jeeves_runner.sources.folder.git_work import GitWork, git_folder, head_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project all of which is committed."""
    root = tmp_path / "project"
    (root / "jobs.d").mkdir(parents=True)
    (root / "jobs.d" / "a.yaml").write_text("script: work.sh\n")
    (root / "work.sh").write_text("echo 1\n")
    (root / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    (root / ".gitignore").write_text("data/\nlocal.yaml\n*.swp\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Declare a job")
    return root


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD")


def test_a_clean_tree_stands_at_its_commit(root: Path) -> None:
    (root / "data").mkdir()
    (root / "notes.txt").write_text("of no concern")
    (root / "jobs.d" / ".a.yaml.swp").write_text("of no concern")
    commit = commit_of(root / "jobs.d", root)
    assert commit is not None
    assert (commit.sha, commit.author, commit.subject) == (
        head(root),
        "Ann <ann@example.org>",
        "Declare a job",
    )


def edited(root: Path) -> None:
    (root / "jobs.d" / "a.yaml").write_text("run: echo\n")


def not_tracked(root: Path) -> None:
    git(root, "config", "status.showUntrackedFiles", "no")
    (root / "jobs.d" / "team").mkdir()
    (root / "jobs.d" / "team" / "b.yaml").write_text("run: echo\n")


def ignored(root: Path) -> None:
    (root / "jobs.d" / "local.yaml").write_text("run: echo\n")


def script_edited(root: Path) -> None:
    (root / "work.sh").write_text("echo 2\n")


def config_edited(root: Path) -> None:
    (root / "jeeves-runner.yaml").write_text("timezone: Europe/Vienna\n")


@pytest.mark.parametrize(
    "change", [edited, not_tracked, ignored, script_edited, config_edited], ids=lambda c: c.__name__
)
def test_a_tree_that_git_does_not_have_is_dirty(root: Path, change: Callable[[Path], None]) -> None:
    change(root)
    commit = commit_of(root / "jobs.d", root)
    assert commit is not None
    assert (commit.sha, commit.author, commit.subject) == (head(root) + "+dirty", None, None)


def test_a_hook_sees_the_same_commit(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git sets these for its hooks."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other-index"))
    commit = commit_of(root / "jobs.d", root)
    monkeypatch.undo()
    assert commit is not None
    assert commit.sha == head(root)


def test_manifests_behind_a_link_stand_at_the_commit_of_where_they_are(root: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs.d").symlink_to(root / "jobs.d")
    commit = commit_of(tmp_path / "jobs.d", tmp_path)
    assert commit is not None
    assert commit.sha == head(root)


def test_outside_git_there_is_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path, tmp_path) is None


def test_the_lock_is_that_of_the_nearest_repository(root: Path, tmp_path: Path) -> None:
    assert git_folder(root / "jobs.d") == root / ".git"
    (tmp_path / "linked").symlink_to(root / "jobs.d")
    assert git_folder(tmp_path / "linked") == root / ".git"
    assert git_folder(tmp_path) is None


def test_a_worktree_has_a_lock_of_its_own(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-q", str(tmp_path / "tree"))
    expected = Path(git(tmp_path / "tree", "rev-parse", "--absolute-git-dir"))
    assert git_folder(tmp_path / "tree" / "jobs.d") == expected


def test_a_submodule_has_a_lock_of_its_own(root: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(root), "sub")
    found = git_folder(outer / "sub" / "jobs.d")
    assert found is not None
    assert found.resolve() == outer / ".git" / "modules" / "sub"


def committed(root: Path) -> None:
    git(root, "commit", "-q", "--allow-empty", "-m", "Nothing")


def committed_from_packed_refs(root: Path) -> None:
    git(root, "pack-refs", "--all")
    committed(root)


def switched(root: Path) -> None:
    git(root, "checkout", "-qb", "other")


def detached(root: Path) -> None:
    git(root, "checkout", "-q", "--detach")


@pytest.mark.parametrize(
    "move", [committed, committed_from_packed_refs, switched, detached], ids=lambda move: move.__name__
)
@pytest.mark.parametrize("place", ["project", "tree"])
def test_a_move_of_head_is_seen(root: Path, tmp_path: Path, move: Callable[[Path], None], place: str) -> None:
    git(root, "worktree", "add", "-q", str(tmp_path / "tree"))
    folder = git_folder(tmp_path / place)
    assert folder is not None
    before = head_of(folder)
    assert head_of(folder) == before
    move(tmp_path / place)
    assert head_of(folder) != before


def test_the_index_alone_does_not_count(root: Path) -> None:
    before = head_of(root / ".git")
    (root / "work.sh").write_text("echo 2\n")
    git(root, "add", "work.sh")
    git(root, "status")
    assert head_of(root / ".git") == before


class SteppedClock(SystemClock):
    """Each reading of the monotonic clock is a tenth of a second after the one before."""

    def __init__(self) -> None:
        self.readings = 0

    def monotonic(self) -> float:
        self.readings += 1
        return self.readings / 10


def test_once_head_has_moved_it_waits_until_git_rests(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_work, "_STEP", 0.0)
    clock = SteppedClock()

    async def waited(work: GitWork) -> float:
        before = clock.monotonic()
        assert await work.wait(lambda _reason: None) is None
        return clock.monotonic() - before

    async def scene() -> None:
        work = GitWork(root / "jobs.d", clock, SideThread("side"))
        assert await waited(work) < 1
        committed(root)
        assert await waited(work) >= 1
        assert await waited(work) < 1

    asyncio.run(scene())


def test_a_head_that_never_rests_holds_back_deletes_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = iter(range(1_000_000))
    monkeypatch.setattr(git_work, "_STEP", 0.0)
    monkeypatch.setattr(git_work, "head_of", lambda _git: {"HEAD": (next(moves),)})
    said: list[str] = []

    async def scene() -> None:
        work = GitWork(root / "jobs.d", SteppedClock(), SideThread("side"))
        assert await work.wait(said.append) is None
        assert await work.wait(said.append) == "deletes wait for git: HEAD goes on moving"
        assert said == ["waiting for git: HEAD has moved"]
        assert list(work.recheck) == ["HEAD"]

    asyncio.run(scene())


def test_a_lock_waited_for_in_vain_is_not_waited_for_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_work, "PATIENCE", 0.2)
    monkeypatch.setattr(git_work, "_WORTH_SAYING", 0.0)
    lock = root / ".git" / "index.lock"
    waiting = f"waiting for git: {lock} exists"
    in_vain = f"deletes wait for git: {lock} exists; if no git command is at work, remove it"
    said: list[str] = []

    async def scene() -> None:
        work = GitWork(root / "jobs.d", SystemClock(), SideThread("side"))
        assert await work.wait(said.append) is None
        lock.touch()
        assert [await work.wait(said.append) for _ in range(3)] == [in_vain] * 3
        assert said == [waiting]
        lock.unlink()
        assert await work.wait(said.append) is None
        lock.touch()
        assert await work.wait(said.append) == in_vain
        assert said == [waiting, waiting]

    asyncio.run(scene())


def test_a_clone_within_the_folder_and_a_linked_one_count_too(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_work, "PATIENCE", 0.2)
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(root), str(other))
    own, lock = root / ".git" / "index.lock", other / ".git" / "index.lock"

    async def scene() -> None:
        work = GitWork(root / "jobs.d", SystemClock(), SideThread("side"))
        assert await work.wait(lambda _: None) is None
        lock.touch()
        assert await work.wait(lambda _: None) is None
        work.retarget([str(root / "jobs.d"), str(other / "jobs.d")])
        assert str(lock) in (await work.wait(lambda _: None) or "")
        own.touch()
        assert str(own) in (await work.wait(lambda _: None) or "")
        own.unlink()
        assert list(work.recheck) == [str(own), str(lock)]
        lock.unlink()
        assert await work.wait(lambda _: None) is None

    asyncio.run(scene())


def test_a_repository_that_is_new_here_has_not_moved(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(root), str(other))
    clock = SteppedClock()

    async def scene() -> None:
        work = GitWork(root / "jobs.d", clock, SideThread("side"))
        await work.wait(lambda _: None)
        work.retarget([str(root / "jobs.d"), str(other / "jobs.d")])
        before = clock.monotonic()
        assert await work.wait(lambda _: None) is None
        assert clock.monotonic() - before < 1

    asyncio.run(scene())
