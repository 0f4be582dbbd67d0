"""What a change of files is: another name, size or time, in a folder, a file or a pattern."""

import os
from pathlib import Path

import pytest

from jeeves_runner.runner import fingerprints
from jeeves_runner.runner.fingerprints import fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_text("1")
    (folder / "deep" / "b.csv").write_text("2")
    return folder


def test_names_sizes_and_times_count(folder: Path) -> None:
    seen = [fingerprint(str(folder)).digest]

    def has_changed() -> bool:
        seen.append(fingerprint(str(folder)).digest)
        return seen[-1] != seen[-2]

    assert not has_changed()
    (folder / "deep" / "c.csv").write_text("3")
    assert has_changed()
    os.utime(folder / "deep" / "c.csv", ns=(1, 1))
    assert has_changed()
    (folder / "deep" / "c.csv").write_text("four")
    os.utime(folder / "deep" / "c.csv", ns=(1, 1))
    assert has_changed()
    (folder / "deep" / "c.csv").rename(folder / "deep" / "d.csv")
    assert has_changed()
    (folder / "deep" / "d.csv").unlink()
    assert has_changed()
    assert seen[-1] == seen[0]


def test_a_pattern_sees_what_it_meets_alone(folder: Path) -> None:
    pattern = str(folder / "**" / "*.csv")
    before = fingerprint(pattern)
    (folder / "note.txt").write_text("x")
    assert fingerprint(pattern) == before
    (folder / "deep" / "c.csv").write_text("3")
    assert fingerprint(pattern) != before


def test_a_file_that_is_not_there_is_seen_once_it_is(tmp_path: Path) -> None:
    before = fingerprint(str(tmp_path / "mark"))
    (tmp_path / "mark").touch()
    assert fingerprint(str(tmp_path / "mark")) != before


def test_links_are_not_walked_into_and_may_lead_nowhere_or_in_a_circle(folder: Path) -> None:
    (folder / "self").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "missing")
    (folder / "circle").symlink_to(folder / "circle")
    assert fingerprint(str(folder)) == fingerprint(str(folder))


def test_what_cannot_be_asked_is_an_error_and_no_change(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(PermissionError):
        fingerprint(str(folder))


def test_of_a_very_large_place_the_rest_is_not_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fingerprint(str(folder)).is_whole
    monkeypatch.setattr(fingerprints, "MOST", 2)
    assert not fingerprint(str(folder)).is_whole
