"""Whose a run is: told by machine, path and file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.execute import origin as module
from jeeves_runner.execute.origin import RunOrigin, foreign

HERE = RunOrigin("machine", "/data/runner.sqlite", "7")


def test_it_is_the_same_by_each_way_to_the_file_and_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "db"
    file.touch()
    (tmp_path / "link").symlink_to(file)
    here = RunOrigin.here(tmp_path / "link")
    assert here == RunOrigin.here(str(file))
    assert here == RunOrigin.from_json(here.as_json())
    assert foreign(here.as_json(), here) is None


def test_a_copy_is_told_apart_beside_the_file_and_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "db"
    file.touch()
    kept = RunOrigin.here(file).as_json()
    copy = tmp_path / "copy"
    copy.touch()
    assert foreign(kept, RunOrigin.here(copy)) == f"it was started from {file}, whose work is left alone"
    os.replace(copy, file)  # noqa: PTH105 - as mv does
    in_its_place = f"it was started from another file at {file}, whose work is left alone"
    assert foreign(kept, RunOrigin.here(file)) == in_its_place


@pytest.mark.parametrize(
    ("origin", "whose"),
    [
        (HERE, None),
        (HERE._replace(machine="other"), "/data/runner.sqlite on another machine"),
        (HERE._replace(machine=None), "/data/runner.sqlite on another machine"),
        (HERE._replace(database="/old/runner.sqlite"), "/old/runner.sqlite"),
        (HERE._replace(file="8"), "another file at /data/runner.sqlite"),
    ],
)
def test_the_owner_of_a_run_is_named(origin: RunOrigin, whose: str | None) -> None:
    text = None if whose is None else f"it was started from {whose}, whose work is left alone"
    assert foreign(origin.as_json(), HERE) == text


@given(
    st.none()
    | st.text()
    | st.sampled_from(["[]", "7", "{}", '{"database": 7}', '{"database": null, "machine": "m"}'])
)
def test_a_run_without_an_origin_that_can_be_read_is_taken_for_its_own(kept: str | None) -> None:
    assert foreign(kept, HERE) is None


@pytest.fixture
def machine_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this machine has its id."""
    path = tmp_path / "machine-id"
    monkeypatch.setattr(module, "_MACHINE_ID", (str(tmp_path / "none"), str(path)))
    module._machine.cache_clear()
    yield path
    module._machine.cache_clear()


@pytest.mark.parametrize("number", ["0123456789abcdef" * 2, "f" * 32])
def test_a_machine_is_told_from_others_and_its_id_is_not_told(machine_id: Path, number: str) -> None:
    others = RunOrigin.here("db")
    assert others.machine is None
    machine_id.write_text(f"{number}\n")
    module._machine.cache_clear()
    here = RunOrigin.here("db")
    assert here.machine is not None
    assert number not in here.as_json()
    assert foreign(here.as_json(), others) is not None


@pytest.mark.parametrize("text", ["", "uninitialized\n"])
def test_a_machine_that_has_no_id_yet_says_none(machine_id: Path, text: str) -> None:
    machine_id.write_text(text)
    assert RunOrigin.here("db").machine is None
