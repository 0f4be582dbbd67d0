"""``history``: what was applied, and what one apply changed."""

from pathlib import Path

import pytest
from support.cli import Shell, words
from support.project import Project


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_history_tells_what_was_applied_and_what_one_apply_changed(shell: Shell, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("a.yaml", "run: echo a\n")
    project.write("b.yaml", "run: echo b\n")
    project.apply()
    project.write("a.yaml", "run: echo c\n")
    project.apply()
    lines = [words(line) for line in shell.text("history").splitlines()]
    assert [line.split()[0] for line in lines] == ["NUMBER", "3", "2", "1"]
    assert lines[0].endswith("BY CHANGES COMMIT SUBJECT")
    assert lines[1].endswith("cli +0 ~1 -0 - -")
    assert "cli +0 ~1 -0" in lines[1]
    assert "cli +2 ~0 -0" in lines[2]
    text = shell.text("history", "3")
    assert "~ job a  jobs.d/a.yaml:1" in text
    assert 'run: "echo a" -> "echo c"' in text
    assert [row["id"] for row in shell.json("history", "--before", "3")["revisions"]] == [2, 1]
    assert shell.text("history", "--before", "1") == "Nothing is older than 1.\n"


def test_a_revision_that_is_not_there_names_the_newest(shell: Shell) -> None:
    result = shell.run("history", "7")
    assert result.exit_code == 2
    assert "there is no revision 7" in result.stderr
    assert "the newest is 1" in result.stderr


def test_one_apply_names_what_it_held(shell: Shell, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("a.yaml", "run: echo a\n")
    project.write("b.yaml", "run: echo b\n")
    project.apply()
    project.write("a.yaml", "run: [\n")
    project.write("b.yaml", "run: echo c\n")
    project.apply()
    assert shell.json("history", "3")["revision"]["held"] == ["a"]
    text = shell.text("history", "3")
    assert "= job a  held as it was: line 2: YAML cannot be read here" in text
    assert "(jobs.d/a.yaml)" in text
    assert "held" not in shell.text("history", "2")


def test_one_apply_is_shown_as_diff_showed_it_then(shell: Shell, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("a.yaml", "run: echo a\ntimeout: 5m\nschedule: '@daily'\n")
    project.write("b.yaml", "run: echo b\ntimeout: 5m\n")
    project.apply()
    project.write(
        "a.yaml", "run: echo a\ntimeout: 10m\nschedule: {every: 11m}\nexpect: {finish_by: '08:00'}\n"
    )
    project.write("b.yaml", "scheduel: x\n")
    shown = shell.run("diff").stdout
    project.apply()
    text = shell.text("history", "3")
    told = text[text.index("~ job a") :].splitlines()
    assert told == [line for line in shown.splitlines() if line in told]
    assert told[-1].startswith("= job b  held as it was: ")
    for line in (
        'schedule: "@daily" -> {every: 11m}',
        "timeout: 5m -> 10m",
        'expect.finish_by: (none) -> "08:00"',
    ):
        assert f"    {line}" in told


def test_one_apply_tells_which_variables_it_hid_and_gave_back(shell: Shell, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("other.yaml", "run: env\ntimeout: 1m\n")
    project.write("owner.yaml", "run: x\ntimeout: 1m\nenv: {A: {from_env: PASSWORD}}\n")
    shown = shell.run("diff").stdout
    project.apply()
    hidden = "PASSWORD is hidden from all other jobs: job owner takes it as a secret"
    project.write("owner.yaml", "run: x\ntimeout: 1m\n")
    project.apply()
    project.write("owner.yaml", "run: y\ntimeout: 1m\n")
    project.apply()
    again = "PASSWORD is inherited by all jobs again: none takes it as a secret any more"
    assert f"! {hidden}" in shown
    assert f"! {hidden}" in shell.text("history", "2").splitlines()
    assert f"! {again}" in shell.text("history", "3").splitlines()
    assert shell.json("history", "2")["revision"]["consequences"] == [
        {"code": "hides_variable", "variable": "PASSWORD", "message": hidden}
    ]
    assert shell.json("history", "4")["revision"]["consequences"] == []
    assert "consequences" not in shell.text("history", "4")


def test_what_an_earlier_version_did_not_record_is_said(shell: Shell, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("a.yaml", "run: x\ntimeout: 1m\n")
    project.apply()
    project.conn.execute("UPDATE revisions SET consequences = NULL WHERE id = 2")
    assert shell.json("history", "2")["revision"]["consequences"] is None
    lines = [words(line) for line in shell.text("history", "2").splitlines()]
    assert "consequences not recorded by the version of that time" in lines


@pytest.mark.parametrize("option", ["--limit", "--before"])
def test_one_apply_takes_no_option_of_the_list(shell: Shell, option: str) -> None:
    result = shell.run("history", "1", option, "1")
    assert (result.exit_code, result.stdout) == (64, "")
    assert "--limit and --before are for the list" in result.stderr
