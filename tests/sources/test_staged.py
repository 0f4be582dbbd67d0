"""What the next commit would have, by real git: manifests, scripts and folders in the index."""

import shutil
import subprocess
from pathlib import Path

import pytest
from support.git_tree import git

from jeeves_runner.core.manifest.budget import MAX_SIZE
from jeeves_runner.errors import SourceError
from jeeves_runner.sources.contract import Snapshot
from jeeves_runner.sources.folder.source import FolderSource
from jeeves_runner.sources.folder.staged import Staged


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs = root / "jobs.d"
        self.jobs.mkdir(parents=True)
        git(root, "init", "-q")
        self.write("jobs.d/a.yaml", "run: echo a\n")
        self.stage()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def stage(self) -> None:
        git(self.root, "add", "-A")

    @property
    def source(self) -> FolderSource:
        return FolderSource(folder=self.jobs, root=self.root)

    @property
    def staged(self) -> Staged:
        return Staged(self.source)

    def texts(self) -> dict[str, str]:
        return {file.path: file.data.decode() for file in self.staged.look().files}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def shown(seen: Snapshot) -> list[object]:
    """All but the trace. Problems have no order."""
    return [seen.files, seen.defaults, sorted(seen.unreadable)]


def test_of_files_that_are_staged_as_they_are_it_has_the_same_as_the_folder(
    project: Project, tmp_path: Path
) -> None:
    for name in ("b.yml", "team/c.yaml", "team/deep/d.yaml", ".e.yaml", "_f.yaml", "_old/g.yaml", "h.txt"):
        project.write(f"jobs.d/{name}", f"run: echo {name}\n")
    for name in ("_defaults.yaml", "team/_defaults.yml", "_old/_defaults.yaml", "odd.yaml/i.yaml"):
        project.write(f"jobs.d/{name}", "defaults: {}\n")
    project.write("jobs.d/big.yaml", "x" * (MAX_SIZE + 100))
    project.write("shared/s.yaml", "run: echo s\n")
    project.write("jobs.d/n\udcff.yaml", "run: echo n\n")
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "o.yaml").write_text("run: echo o\n")
    for link, target in {
        "linked.yaml": "team/c.yaml",
        "twice.yaml": "linked.yaml",
        "lost.yaml": "nowhere",
        "lost": "nowhere",
        "shared": "../shared",
        "again": "team",
        "notes": "h.txt",
        "outside": "../../out",
        "outside.yaml": str(tmp_path / "out" / "deep" / "o.yaml"),
        "gone.yaml": str(tmp_path / "out" / "gone.yaml"),
    }.items():
        (project.jobs / link).symlink_to(target)
    project.stage()
    assert shown(project.staged.look()) == shown(project.source.look())


def test_edits_that_are_not_staged_do_not_count(project: Project) -> None:
    project.write("jobs.d/a.yaml", "run: echo edited\n")
    project.write("jobs.d/b.yaml", "run: echo b\n")
    assert project.texts() == {"jobs.d/a.yaml": "run: echo a\n"}
    git(project.root, "add", "jobs.d/a.yaml")
    project.write("jobs.d/a.yaml", "run: echo edited again\n")
    assert project.texts() == {"jobs.d/a.yaml": "run: echo edited\n"}


def test_what_is_removed_renamed_and_added(project: Project) -> None:
    project.write("jobs.d/b.yaml", "run: echo b\n")
    project.stage()
    git(project.root, "rm", "-q", "--cached", "jobs.d/a.yaml")
    git(project.root, "mv", "jobs.d/b.yaml", "jobs.d/c.yaml")
    assert project.texts() == {"jobs.d/c.yaml": "run: echo b\n"}
    (project.jobs / "c.yaml").unlink()
    assert project.texts() == {"jobs.d/c.yaml": "run: echo b\n"}


def test_a_folder_that_is_not_there_may_be_staged(project: Project) -> None:
    shutil.rmtree(project.jobs)
    assert project.texts() == {"jobs.d/a.yaml": "run: echo a\n"}


def test_a_folder_with_nothing_staged_is_an_error_and_not_empty(project: Project) -> None:
    git(project.root, "rm", "-q", "-r", "--cached", "jobs.d")
    with pytest.raises(SourceError, match="nothing in"):
        project.staged.look()


def test_a_worktree_has_an_index_of_its_own(project: Project, tmp_path: Path) -> None:
    git(project.root, "commit", "-qm", "Declare a job")
    git(project.root, "worktree", "add", "-q", str(tmp_path / "tree"))
    project.write("jobs.d/a.yaml", "run: echo elsewhere\n")
    project.stage()
    tree = FolderSource(folder=tmp_path / "tree" / "jobs.d", root=tmp_path / "tree")
    assert [file.data for file in Staged(tree).look().files] == [b"run: echo a\n"]


def test_paths_start_at_the_project_wherever_it_is_in_the_repository(project: Project) -> None:
    project.write("deploy/runner/jobs.d/a.yaml", "run: echo below\n")
    project.stage()
    root = project.root / "deploy" / "runner"
    below = Staged(FolderSource(folder=root / "jobs.d", root=root))
    assert [(file.path, file.data) for file in below.look().files] == [
        ("jobs.d/a.yaml", b"run: echo below\n")
    ]


def test_the_hook_of_a_commit_says_which_index_counts(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(project.root, "commit", "-qm", "Declare a job")
    project.write("jobs.d/a.yaml", "run: echo edited\n")
    shutil.copy(project.root / ".git/index", project.root / ".git/next-index-1.lock")
    project.stage()
    (project.root / ".git/index").rename(project.root / ".git/other")
    shutil.copy(project.root / ".git/next-index-1.lock", project.root / ".git/index")
    assert project.texts() == {"jobs.d/a.yaml": "run: echo a\n"}
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/other")
    assert project.texts() == {"jobs.d/a.yaml": "run: echo edited\n"}


def test_an_index_of_another_repository_is_passed_over(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Project(tmp_path / "other")
    project.write("jobs.d/b.yaml", "run: echo b\n")
    project.stage()
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git/index"))
    assert sorted(project.texts()) == ["jobs.d/a.yaml", "jobs.d/b.yaml"]


def test_a_conflict_and_a_folder_outside_of_git_are_errors(project: Project, tmp_path: Path) -> None:
    git(project.root, "commit", "-qm", "Declare a job")
    for branch in ("one", "two"):
        git(project.root, "checkout", "-q", "-B", branch, "main")
        project.write("jobs.d/a.yaml", f"run: echo {branch}\n")
        git(project.root, "commit", "-qam", branch)
    with pytest.raises(subprocess.CalledProcessError):
        git(project.root, "merge", "one")
    with pytest.raises(SourceError, match=r"conflict in jobs\.d/a\.yaml"):
        _ = project.staged
    (tmp_path / "plain" / "jobs.d").mkdir(parents=True)
    with pytest.raises(SourceError, match="in no git repository"):
        Staged(FolderSource(folder=tmp_path / "plain" / "jobs.d", root=tmp_path / "plain"))


def test_what_the_commit_has_at_a_path(project: Project, tmp_path: Path) -> None:
    project.write("scripts/plain.sh", "true\n")
    project.write("scripts/run", "#!/bin/sh\n").chmod(0o755)
    (project.root / "scripts" / "link.sh").symlink_to("plain.sh")
    (project.root / "tools").symlink_to("scripts")
    (project.root / "scripts" / "out.sh").symlink_to("/bin/sh")
    project.stage()
    project.write("scripts/new.sh", "true\n")
    (project.root / "scripts" / "plain.sh").unlink()
    staged = project.staged
    kinds = {
        "scripts": "folder",
        ".": "folder",
        "scripts/plain.sh": "file",
        "scripts/link.sh": "file",
        "tools/plain.sh": "file",
        "scripts/run": "executable",
        "scripts/new.sh": "missing",
        "scripts/plain.sh/x": "missing",
        "scripts/out.sh": "outside",
        "../elsewhere": "outside",
    }
    assert {path: staged.kind_of(str(project.root / path)) for path in kinds} == kinds


def test_a_submodule_is_no_part_of_the_commit(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "other")
    git(other.root, "commit", "-qm", "Declare a job")
    git(
        project.root,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(other.root),
        "jobs.d/sub",
    )
    assert project.texts() == {
        "jobs.d/a.yaml": "run: echo a\n",
        "jobs.d/sub/jobs.d/a.yaml": "run: echo a\n",
    }
    assert project.staged.kind_of(str(project.jobs / "sub" / "jobs.d" / "a.yaml")) == "outside"
