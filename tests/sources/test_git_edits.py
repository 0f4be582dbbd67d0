"""Real git, real hooks: manifests that a command puts back to the index's text wait, and no others do."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.git_tree import git

from jeeves_runner.sources.contract import Trace
from jeeves_runner.sources.folder.source import FolderSource

COMMITTED = "run: echo committed\n" + "# filler\n" * 20 + "timeout: 1m\n"
PARTLY = COMMITTED.replace("1m", "2m")
EDITED = PARTLY.replace("committed", "edited")

HIDING_HOOK = """#!/bin/sh
tree=$(git write-tree)
git diff-index --ignore-submodules --binary --no-color --no-ext-diff "$tree" -- > "{notes}/patch"
git -c submodule.recurse=0 checkout -- .
echo > "{notes}/hidden"
read _ < "{notes}/go"
if test -s "{notes}/patch"; then git apply --whitespace=nowarn "{notes}/patch"; fi
"""
"""Hides the unstaged edits from the checks of a commit by the commands of the pre-commit framework."""


class Folder:
    """A project in git that a person works in, and the looks at it."""

    def __init__(self, root: Path, notes: Path) -> None:
        self.root = root
        self.jobs = root / "jobs.d"
        self.notes = notes
        self.now = 0.0
        self._trace: Trace = None
        notes.mkdir()

    def start(self) -> None:
        self.write("a.yaml", COMMITTED)
        self.write("b.yaml", "run: echo b\n")
        git(self.root, "init", "-q")
        self.commit("Declare two jobs")

    def commit(self, subject: str) -> None:
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", subject)

    def write(self, name: str, text: str) -> None:
        """As editors save: another file takes the place of the first."""
        (self.jobs / name).parent.mkdir(parents=True, exist_ok=True)
        draft = self.jobs / ".draft"
        draft.write_text(text)
        draft.rename(self.jobs / name)

    def read(self, name: str) -> str:
        return (self.jobs / name).read_text()

    def waiting(self) -> list[str]:
        """What waits at one look more, a second after the one before."""
        self.now += 1
        source = FolderSource(folder=self.jobs, root=self.root)
        seen = source.weigh(source.look(), self._trace, self.now)
        self._trace = seen.trace
        return [waiting.file for waiting in seen.waiting]

    @contextmanager
    def committing(self, *words: str, said: str = "") -> Iterator[None]:
        """While the hook of a commit has hidden what is not staged."""
        for name in ("hidden", "go"):
            os.mkfifo(self.notes / name)
        hook = Path(git(self.root, "rev-parse", "--path-format=absolute", "--git-path", "hooks/pre-commit"))
        hook.parent.mkdir(parents=True, exist_ok=True)
        hook.write_text(HIDING_HOOK.format(notes=self.notes))
        hook.chmod(0o755)
        who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        process = subprocess.Popen(
            ["git", *who, "-C", self.root, "commit", "-q", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(said)
        process.stdin.close()
        (self.notes / "hidden").read_text()
        yield
        (self.notes / "go").write_text("\n")
        assert process.wait(30) == 0
        for name in ("hidden", "go"):
            (self.notes / name).unlink()


@pytest.fixture(params=["repository", "worktree", "submodule"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "project", tmp_path / "notes")
    folder.start()
    if request.param == "worktree":
        git(folder.root, "worktree", "add", "-q", str(tmp_path / "tree"))
        folder.root = tmp_path / "tree"
    elif request.param == "submodule":
        outer = tmp_path / "outer"
        outer.mkdir()
        git(outer, "init", "-q")
        git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(folder.root), "sub")
        folder.root = outer / "sub"
    folder.jobs = folder.root / "jobs.d"
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "project", tmp_path / "notes")
    folder.start()
    return folder


def staged_another(folder: Folder) -> tuple[str, ...]:
    folder.write("b.yaml", "run: echo B\n")
    git(folder.root, "add", "jobs.d/b.yaml")
    return ("-m", "Change b")


def staged_in_part(folder: Folder) -> tuple[str, ...]:
    folder.write("a.yaml", PARTLY)
    git(folder.root, "add", "jobs.d/a.yaml")
    folder.write("a.yaml", EDITED)
    return ("-m", "Change a in part")


def amended(folder: Folder) -> tuple[str, ...]:
    return (*staged_another(folder), "--amend")


def of_one_file(folder: Folder) -> tuple[str, ...]:
    folder.write("b.yaml", "run: echo B\n")
    return ("-m", "Change b", "jobs.d/b.yaml")


WAYS = [staged_another, staged_in_part, amended, of_one_file]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_a_commit_hook_hides_waits_until_it_is_back(
    folder: Folder, way: Callable[[Folder], tuple[str, ...]]
) -> None:
    folder.write("a.yaml", EDITED)
    assert folder.waiting() == []
    words = way(folder)
    with folder.committing(*words):
        assert folder.read("a.yaml") != EDITED
        assert folder.waiting() == ["jobs.d/a.yaml"]
        assert folder.waiting() == ["jobs.d/a.yaml"]
    assert folder.read("a.yaml") == EDITED
    assert folder.waiting() == []
    with folder.committing("--allow-empty", "-m", "Once more"):
        assert folder.waiting() == ["jobs.d/a.yaml"]
    assert folder.waiting() == []


def test_a_commit_of_parts_that_are_chosen_meanwhile(plain: Folder) -> None:
    plain.write("a.yaml", EDITED)
    assert plain.waiting() == []
    with plain.committing("-p", "-m", "Change a in part", said="n\ny\n"):
        assert plain.read("a.yaml") == PARTLY
        assert plain.waiting() == ["jobs.d/a.yaml"]
    assert plain.read("a.yaml") == EDITED
    assert plain.waiting() == []


def test_a_commit_of_all_hides_nothing(plain: Folder) -> None:
    plain.write("a.yaml", EDITED)
    assert plain.waiting() == []
    with plain.committing("-a", "-m", "Change a"):
        assert plain.read("a.yaml") == EDITED
        assert plain.waiting() == []
    assert plain.waiting() == []


def test_a_file_that_was_removed_waits_while_it_is_back(plain: Folder) -> None:
    (plain.jobs / "a.yaml").unlink()
    assert plain.waiting() == []
    with plain.committing(*staged_another(plain)):
        assert plain.waiting() == ["jobs.d/a.yaml"]
    assert plain.waiting() == []


def test_defaults_wait_as_manifests_do(plain: Folder) -> None:
    plain.write("_defaults.yaml", "defaults: {timeout: 1m}\n")
    plain.commit("Set a default")
    plain.write("_defaults.yaml", "defaults: {timeout: 2m}\n")
    assert plain.waiting() == []
    with plain.committing("--allow-empty", "-m", "Nothing"):
        assert plain.waiting() == ["jobs.d/_defaults.yaml"]
    assert plain.waiting() == []


def test_a_stash_waits_for_a_minute_or_for_its_pop(plain: Folder) -> None:
    plain.write("a.yaml", EDITED)
    assert plain.waiting() == []
    git(plain.root, "stash")
    assert plain.waiting() == ["jobs.d/a.yaml"]
    git(plain.root, "stash", "pop")
    assert plain.waiting() == []
    git(plain.root, "stash")
    assert plain.waiting() == ["jobs.d/a.yaml"]
    plain.now += 59
    assert plain.waiting() == []


def test_a_rebase_that_stashes_by_itself(plain: Folder) -> None:
    git(plain.root, "checkout", "-q", "-b", "topic")
    plain.write("b.yaml", "run: echo topic\n")
    plain.commit("Change b")
    git(plain.root, "checkout", "-q", "main")
    (plain.root / "notes.txt").write_text("x")
    plain.commit("Add notes")
    git(plain.root, "checkout", "-q", "topic")
    plain.write("a.yaml", EDITED)
    assert plain.waiting() == []
    with pytest.raises(subprocess.CalledProcessError):
        git(plain.root, "rebase", "-q", "--autostash", "--exec", "false", "main")
    assert plain.read("a.yaml") == COMMITTED
    assert plain.waiting() == ["jobs.d/a.yaml"]
    git(plain.root, "rebase", "--continue")
    assert plain.read("a.yaml") == EDITED
    assert plain.waiting() == []


def test_a_checkout_of_another_branch_waits_for_nothing(folder: Folder) -> None:
    git(folder.root, "branch", "other")
    folder.write("a.yaml", EDITED)
    assert folder.waiting() == []
    git(folder.root, "commit", "-qam", "Change a")
    git(folder.root, "checkout", "-q", "other")
    assert folder.read("a.yaml") == COMMITTED
    assert folder.waiting() == []
    git(folder.root, "checkout", "-q", "-")
    assert folder.read("a.yaml") == EDITED
    assert folder.waiting() == []


def test_a_commit_that_brings_the_text_waits_for_nothing(plain: Folder) -> None:
    git(plain.root, "checkout", "-q", "-b", "release")
    plain.write("a.yaml", COMMITTED.replace("committed", "released"))
    plain.commit("Change a")
    git(plain.root, "checkout", "-q", "main")
    plain.write("a.yaml", EDITED)
    assert plain.waiting() == []
    git(plain.root, "reset", "-q", "--hard", "release")
    assert plain.waiting() == []


def test_an_old_commit_of_the_same_text_excuses_nothing(plain: Folder) -> None:
    """A job that is switched off for the third time has the text that it had in some commit."""
    plain.write("a.yaml", EDITED)
    plain.commit("Change a")
    plain.write("a.yaml", COMMITTED)
    plain.commit("Change it back")
    plain.write("a.yaml", EDITED)
    assert plain.waiting() == []
    with plain.committing("--allow-empty", "-m", "Nothing"):
        assert plain.waiting() == ["jobs.d/a.yaml"]


def test_an_ordinary_edit_waits_for_nothing(plain: Folder) -> None:
    assert plain.waiting() == []
    for text in (EDITED, PARTLY, EDITED):
        plain.write("a.yaml", text)
        assert plain.waiting() == []
        git(plain.root, "status")
    plain.commit("Change a")
    assert plain.waiting() == []


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_hashes_of_both_lengths_also_while_git_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    folder = Folder(tmp_path / "project", tmp_path / "notes")
    folder.root.mkdir()
    git(folder.root, "init", "-q", f"--object-format={form}")
    folder.start()
    folder.write("a.yaml", EDITED)
    assert folder.waiting() == []
    git(folder.root, "stash")
    assert folder.waiting() == ["jobs.d/a.yaml"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert folder.waiting() == ["jobs.d/a.yaml"]
    folder.write("a.yaml", EDITED)
    assert folder.waiting() == []


def test_a_commit_that_its_hook_refuses_has_saved_no_edit(plain: Folder) -> None:
    plain.write("a.yaml", EDITED)
    hook = plain.root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\ncp .git/index.lock .git/held; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        git(plain.root, "commit", "-am", "Refused")
    (plain.root / ".git/held").rename(plain.root / ".git/index.lock")
    assert plain.waiting() == []
    (plain.root / ".git/index.lock").unlink()
    hook.unlink()
    with plain.committing("--allow-empty", "-m", "Nothing"):
        assert plain.waiting() == ["jobs.d/a.yaml"]


@pytest.mark.parametrize("way", ["a clone within", "a link to another repository", "a link within this one"])
def test_folders_in_the_folder_that_belong_to_others_or_are_linked(
    plain: Folder, tmp_path: Path, way: str
) -> None:
    team = plain.jobs / "team"
    if way == "a clone within":
        other = Folder(team, tmp_path / "others")
    elif way == "a link to another repository":
        other = Folder(tmp_path / "other", tmp_path / "others")
        team.symlink_to(other.root)
    else:
        other = Folder(plain.root / "shared", tmp_path / "others")
        team.symlink_to("../shared")
    other.write("c.yaml", COMMITTED)
    if way == "a link within this one":
        plain.commit("Declare a job")
    else:
        other.start()
    other.write("c.yaml", EDITED)
    if way != "a link within this one":
        other.commit("Declare a job")
        other.write("c.yaml", PARTLY)
    plain.write("a.yaml", EDITED)
    assert plain.waiting() == []
    git(other.root, "checkout", "--", ".")
    assert plain.waiting() == ["jobs.d/team/jobs.d/c.yaml"]
    git(plain.root, "checkout", "--", ".")
    assert plain.waiting() == ["jobs.d/a.yaml", "jobs.d/team/jobs.d/c.yaml"]


def test_without_git_nothing_waits(plain: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain.write("a.yaml", EDITED)
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        assert plain.waiting() == []
        plain.write("a.yaml", COMMITTED)
        assert plain.waiting() == []
    shutil.rmtree(plain.root / ".git")
    plain.write("a.yaml", EDITED)
    assert plain.waiting() == []
    (plain.root / ".git").write_text("gitdir: nowhere\n")
    assert plain.waiting() == []
