"""``validate`` has shells read the texts of jobs, and looks for the programs that they name."""

import json
import os
import shutil
from pathlib import Path

import pytest
from support.cli import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "jobs.d").mkdir()
    return Shell(tmp_path)


def problems(shell: Shell, manifest: str) -> list[tuple[str, int, int, str]]:
    (shell.folder / "jobs.d" / "a.yaml").write_text(f"timeout: 1m\n{manifest}")
    told = json.loads(shell.run("validate", "--json").stdout)
    assert all(each["hint"] for each in told["problems"])
    return [(each["severity"], each["line"], each["column"], each["message"]) for each in told["problems"]]


def test_a_text_that_the_shell_cannot_read_is_an_error_in_its_line(shell: Shell) -> None:
    found = problems(shell, "run: |\n  echo a\n  if true; then\n    echo b\n  done\n")
    assert found == [
        ("error", 6, 3, '`run`: the shell cannot read line 4: "done" unexpected (expecting "fi")')
    ]


def test_an_end_that_comes_too_soon_is_told_in_the_last_line(shell: Shell) -> None:
    ((severity, line, _column, message),) = problems(shell, "run: |\n  if true; then\n    echo b\n\n")
    assert (severity, line) == ("error", 4)
    assert "end of file unexpected" in message


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_shell_of_the_first_line_reads_the_text(shell: Shell) -> None:
    assert (
        problems(shell, "run: |\n  #!/usr/bin/env bash\n  if [[ a == b ]]; then echo c; fi\n  d=(1 2)\n")
        == []
    )
    ((severity, line, _, message),) = problems(shell, "run: |\n  #!/usr/bin/env bash\n  d=(1 2\n  fi )(\n")
    assert (severity, line) == ("error", 5)
    assert "syntax error" in message
    ((_, line, _, message),) = problems(shell, "run: |\n  #!/usr/bin/env bash\n  if [[ a ; then\n")
    assert (line, "unexpected token" in message) == (4, True)


def test_nothing_of_a_text_is_run(shell: Shell, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    problems(shell, f"run: |\n  touch '{trace}'\n  if x; then\n")
    assert not trace.exists()


def test_programs_that_are_not_there_are_warned_of_where_they_stand(shell: Shell) -> None:
    assert problems(shell, "run: |\n  echo a\n  A=1 nonesuch --all | gzip > x\n") == [
        ("warning", 4, 7, "`run`: the program nonesuch is not in the PATH")
    ]
    assert problems(shell, "command: [nonesuch, a]\n") == [
        ("warning", 2, 11, "`command`: the program nonesuch is not in the PATH")
    ]
    assert problems(shell, "run: |\n  #!/opt/nonesuch\n  x\n") == [
        ("warning", 3, 3, "`run`: the program /opt/nonesuch does not exist")
    ]
    assert problems(shell, "precheck: {run: nonesuch}\ncommand: [sh, a]\n") == [
        ("warning", 2, 17, "`precheck.run`: the program nonesuch is not in the PATH")
    ]


def test_a_relative_program_is_looked_for_where_it_would_be_run(shell: Shell, tmp_path: Path) -> None:
    ((_, _, _, message),) = problems(shell, "command: [bin/tool]\n")
    assert message == f"`command`: the program bin/tool does not exist, looked for from {tmp_path} on"
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    ((_, _, _, message),) = problems(shell, "command: [bin/tool]\n")
    assert "is not executable" in message
    tool.chmod(0o755)
    assert problems(shell, "command: [bin/tool]\n") == []
    assert problems(shell, "cwd: bin\ncommand: [./tool]\n") == []


def test_the_path_of_the_job_is_the_one_that_counts(shell: Shell, tmp_path: Path) -> None:
    tool = tmp_path / "nonesuch"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    paths = f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"
    assert problems(shell, f'env: {{PATH: "{paths}"}}\nrun: nonesuch\n') == []


def test_the_programs_of_the_runner_are_there_as_they_are_for_a_run(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert problems(shell, "run: jeeves-runner queue push a 1\n") == []
    assert problems(shell, "env: {PATH: /bin}\nrun: jeeves-runner queue push a 1\n") == []


def test_jobs_of_a_list_have_their_own_lines(shell: Shell) -> None:
    text = "defaults: {timeout: 1m}\njobs:\n  - {id: a, run: echo}\n  - id: b\n    run: nonesuch\n"
    (shell.folder / "jobs.d" / "a.yaml").write_text(text)
    ((line, column),) = [
        (p["line"], p["column"]) for p in json.loads(shell.run("validate", "--json").stdout)["problems"]
    ]
    assert (line, column) == (5, 10)
