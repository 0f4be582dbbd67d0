"""Looking at a folder: which files are manifests, and what is said of those that cannot be read."""

import os
import re
from pathlib import Path

import pytest

from jeeves_runner.core.manifest.budget import MAX_SIZE
from jeeves_runner.errors import SourceError
from jeeves_runner.regular_files import open_to_read
from jeeves_runner.sources.contract import Snapshot
from jeeves_runner.sources.folder import walk
from jeeves_runner.sources.folder.source import FolderSource
from jeeves_runner.sources.folder.walk import MAX_DEPTH, FolderTrace


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    folder = tmp_path / "jobs.d"
    folder.mkdir()
    return folder


def look(jobs: Path) -> Snapshot:
    return FolderSource(folder=jobs, root=jobs.parent).look()


def test_yaml_files_are_found_at_any_depth_in_order_of_path(jobs: Path) -> None:
    for name in (
        "b.yaml",
        "a.yml",
        "team/deep/c.yaml",
        "notes.txt",
        ".hidden.yaml",
        "_draft.yaml",
        "_old/d.yaml",
    ):
        (jobs / name).parent.mkdir(parents=True, exist_ok=True)
        (jobs / name).write_text("x: 1\n")
    (jobs / "team" / "_defaults.yaml").write_text("defaults: {}\n")
    seen = look(jobs)
    assert [f.path for f in seen.files] == ["jobs.d/a.yml", "jobs.d/b.yaml", "jobs.d/team/deep/c.yaml"]
    assert [f.path for f in seen.defaults] == ["jobs.d/team/_defaults.yaml"]


def test_links_are_followed_and_each_folder_is_walked_once(jobs: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.yaml").write_text("x: 1\n")
    (elsewhere / "back").symlink_to(jobs)
    (jobs / "linked").symlink_to(elsewhere)
    (jobs / "same.yaml").symlink_to(elsewhere / "a.yaml")
    seen = look(jobs)
    assert [f.path for f in seen.files] == ["jobs.d/linked/a.yaml", "jobs.d/same.yaml"]
    assert isinstance(seen.trace, FolderTrace)
    assert str(elsewhere.resolve()) in seen.trace.folders


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist") as caught:
        look(tmp_path / "jobs.d")
    assert "jobs_dir" in (caught.value.hint or "")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the system has no /proc")
@pytest.mark.parametrize("folder", ["/dev", "/proc", "/proc/self/fd", "/sys/kernel"])
def test_a_folder_of_the_system_is_no_jobs_folder(folder: str, jobs: Path) -> None:
    (jobs / "link").symlink_to(folder)
    for path in (Path(folder), jobs / "link"):
        with pytest.raises(SourceError, match=f"jobs folder {path} belongs to the system") as caught:
            look(path)
        assert "jobs_dir" in (caught.value.hint or "")
    (problem,) = look(jobs).unreadable
    assert (problem.file, problem.code) == ("jobs.d/link", "unreadable")
    assert problem.message.endswith("where the system keeps no manifests")


def test_a_link_that_goes_while_it_is_looked_at_is_a_problem(
    jobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = jobs / "a.yaml"
    link.symlink_to("nowhere")
    real = os.stat

    def stat_and_lose(path: str, **options: bool) -> os.stat_result:
        if str(path) == str(link):
            link.unlink()
        return real(path, **options)

    monkeypatch.setattr(os, "stat", stat_and_lose)
    (problem,) = look(jobs).unreadable
    assert (problem.file, problem.message) == (
        "jobs.d/a.yaml",
        "the file cannot be read: No such file or directory",
    )


def test_what_should_be_a_manifest_and_is_none_is_a_problem(jobs: Path) -> None:
    (jobs / "folder.yaml").mkdir()
    (jobs / "dangling.yaml").symlink_to(jobs / "nowhere")
    os.mkfifo(jobs / "pipe.yaml")
    problems = {p.file: p.message for p in look(jobs).unreadable}
    assert "folder" in problems["jobs.d/folder.yaml"]
    assert "does not exist" in problems["jobs.d/dangling.yaml"]
    assert "regular" in problems["jobs.d/pipe.yaml"]


def test_a_huge_file_is_not_read_whole(jobs: Path) -> None:
    (jobs / "huge.yaml").write_bytes(b"#" * (MAX_SIZE + 500_000))
    (file,) = look(jobs).files
    assert len(file.data) == MAX_SIZE + 1


def test_a_walk_that_gets_out_of_hand_is_an_error(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part of a folder must not pass for all of it."""
    monkeypatch.setattr("jeeves_runner.sources.folder.walk.MAX_ENTRIES", 20)
    for n in range(19):
        (jobs / f"{n}.txt").touch()
    (jobs / "sub").mkdir()
    assert look(jobs).files == ()
    (jobs / "sub" / "a.yaml").touch()
    with pytest.raises(SourceError, match="holds more than 20 files and folders") as caught:
        look(jobs)
    assert "jobs_dir" in (caught.value.hint or "")


def test_manifests_of_any_number_have_a_size_together(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_FOLDER_SIZE", 3 << 20)
    for name in "abc":
        (jobs / f"{name}.yaml").write_bytes(b"#" * (1 << 20))
    assert len(look(jobs).files) == 3
    (jobs / "_defaults.yaml").write_bytes(b"#")
    with pytest.raises(SourceError, match="holds more than 3 MiB of manifests"):
        look(jobs)


def test_folders_within_one_another_without_end_are_an_error(jobs: Path) -> None:
    (jobs / "/".join("d" * MAX_DEPTH)).mkdir(parents=True)
    assert look(jobs).files == ()
    (jobs / "/".join("d" * (MAX_DEPTH + 1))).mkdir()
    with pytest.raises(SourceError, match=f"more than {MAX_DEPTH} deep"):
        look(jobs)


def test_a_folder_that_cannot_be_entered_is_named_itself(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may enter any: what the system says of a user's is set here."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match=re.escape(f"{jobs} cannot be read: Permission denied")) as caught:
        look(jobs)
    assert "chmod" in (caught.value.hint or "")


def test_a_link_that_lost_its_folder_is_a_problem(jobs: Path, tmp_path: Path) -> None:
    (jobs / "team").symlink_to(tmp_path / "unmounted")
    (jobs / ".#lock").symlink_to("nobody@nowhere")
    (problem,) = look(jobs).unreadable
    assert (problem.file, problem.code) == ("jobs.d/team", "unreadable")
    assert "unmounted, which does not exist" in problem.message


def test_a_name_that_is_no_text_is_a_problem_and_hides_nothing_else(jobs: Path) -> None:
    here = os.fsencode(jobs)
    Path(os.fsdecode(here + b"/b\xffd.yaml")).write_text("x: 1\n")
    Path(os.fsdecode(here + b"/d\xffr")).mkdir()
    Path(os.fsdecode(here + b"/n\xfftes.txt")).write_text("of no concern")
    (jobs / "a.yaml").write_text("x: 1\n")
    seen = look(jobs)
    assert [f.path for f in seen.files] == ["jobs.d/a.yaml"]
    assert sorted((p.file, p.code) for p in seen.unreadable) == [
        (r"jobs.d/b\xffd.yaml", "file_name"),
        (r"jobs.d/d\xffr", "file_name"),
    ]


@pytest.mark.parametrize("link", ["a", "z"])
def test_a_folder_reached_by_a_link_too_has_its_own_name(jobs: Path, link: str) -> None:
    (jobs / "m" / "deep").mkdir(parents=True)
    (jobs / "m" / "deep" / "a.yaml").write_text("x: 1\n")
    (jobs / "b").mkdir()
    (jobs / link).symlink_to("m")
    (jobs / "b" / link).symlink_to(jobs / "m" / "deep")
    assert [f.path for f in look(jobs).files] == ["jobs.d/m/deep/a.yaml"]


def test_the_hint_for_a_folder_named_as_defaults_does_not_advise_an_underscore(jobs: Path) -> None:
    (jobs / "_defaults.yaml").mkdir()
    (problem,) = look(jobs).unreadable
    assert (problem.file, problem.hint) == ("jobs.d/_defaults.yaml", "rename the folder")


def test_a_pipe_that_takes_the_place_of_a_manifest_is_not_waited_for(
    jobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after the walk has seen a file there, and before it is opened."""
    (jobs / "a.yaml").write_text("run: x\n")

    def swapped(path: str, *, follow: bool) -> int:
        Path(path).unlink()
        os.mkfifo(path)
        return open_to_read(path, follow=follow)

    monkeypatch.setattr(walk, "open_to_read", swapped)
    (problem,) = look(jobs).unreadable
    assert problem.message == "the file cannot be read: it is not a regular file"
