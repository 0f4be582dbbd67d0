"""What jobs require on this machine, working folders and secrets, is looked for before anything is due."""

from pathlib import Path

import pytest
from support.project import Project, summary

MANIFEST = """\
jobs:
  - id: a
    run: echo a
    timeout: 1m
    cwd: {cwd}
    env:
      PLAIN: text
      TOKEN: {{file: {file}}}
      KEY: {{from_env: JEEVES_TEST_KEY}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """All that the job requires is there."""
    project = Project(tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "token").write_text("a secret\n")
    monkeypatch.setenv("JEEVES_TEST_KEY", "another")
    project.write("a.yaml", MANIFEST.format(cwd="work", file="token"))
    return project


def found(project: Project) -> list[tuple[str, str, int, int, str]]:
    return [(p.severity, p.code, p.line, p.column, p.message) for p in project.plan().problems]


def test_nothing_is_said_of_what_is_there(project: Project) -> None:
    assert found(project) == []


def test_a_missing_secret_is_a_warning_and_holds_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "token").unlink()
    monkeypatch.delenv("JEEVES_TEST_KEY")
    path = project.root / "token"
    assert found(project) == [
        ("warning", "secret", 8, 14, f"`env.TOKEN`: the secret file does not exist: {path}"),
        ("warning", "secret", 9, 12, "`env.KEY`: the environment has no variable JEEVES_TEST_KEY"),
    ]
    assert summary(project.plan()) == ["+job a"]


def test_a_secret_file_must_be_a_file(project: Project) -> None:
    project.write("a.yaml", MANIFEST.format(cwd="work", file="work"))
    assert found(project)[0][4] == f"`env.TOKEN`: the secret file is not a file: {project.root / 'work'}"


def test_a_missing_folder_of_the_project_is_an_error_and_holds_the_job(project: Project) -> None:
    project.apply()
    project.write("a.yaml", MANIFEST.format(cwd="elsewhere", file="token"))
    path = project.root / "elsewhere"
    assert found(project) == [("error", "cwd", 5, 10, f"`cwd`: the working folder does not exist: {path}")]
    assert summary(project.plan()) == ["=job a"]


def test_a_missing_folder_elsewhere_is_a_warning(project: Project) -> None:
    project.write("a.yaml", MANIFEST.format(cwd="/no/such/folder", file="token"))
    assert [problem[:2] for problem in found(project)] == [("warning", "cwd")]


def test_a_working_folder_must_be_a_folder(project: Project) -> None:
    project.write("a.yaml", MANIFEST.format(cwd="token", file="token"))
    assert [problem[:2] for problem in found(project)] == [("error", "cwd")]


def test_a_warning_goes_with_its_cause_although_the_manifest_did_not_change(project: Project) -> None:
    token = project.root / "token"
    token.unlink()
    project.apply()
    assert len(found(project)) == 1
    token.write_text("a secret\n")
    assert found(project) == []
    assert summary(project.plan()) == []


def test_what_comes_from_defaults_is_placed_at_the_job(project: Project) -> None:
    project.write("_defaults.yaml", "defaults: {cwd: nowhere}\n")
    project.write("a.yaml", "id: a\nrun: echo a\ntimeout: 1m\n")
    assert [problem[:4] for problem in found(project)] == [("error", "cwd", 1, 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"12345\n", "the secret is too short to be masked in the output"),
        (b" 1234", "the secret is too short to be masked in the output"),
        (b"\n", "the secret is blank and cannot be masked in the output"),
        (b" \t " * 9, "the secret is blank and cannot be masked in the output"),
        (b"\xffbinary-secret", "the secret file cannot be read: {path}: it is not UTF-8"),
        (b"binary\0secret", "the secret file cannot be read: {path}: it holds a NUL, which no variable can"),
        (b"x" * 65_537, "the secret file cannot be read: {path}: it holds over 64 KiB"),
    ],
)
def test_a_secret_that_no_output_would_hide_is_a_warning(
    project: Project, content: bytes, reason: str
) -> None:
    path = project.root / "token"
    path.write_bytes(content)
    assert found(project) == [("warning", "secret", 8, 14, f"`env.TOKEN`: {reason.format(path=path)}")]
    assert summary(project.plan()) == ["+job a"]


def test_so_is_a_short_variable(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JEEVES_TEST_KEY", "pin")
    message = "`env.KEY`: the secret is too short to be masked in the output"
    assert found(project) == [("warning", "secret", 9, 12, message)]


@pytest.mark.parametrize(
    ("script", "severity"), [("checks/mail.sh", "error"), ("/no/such/check.sh", "warning")]
)
def test_the_script_of_a_precheck_is_looked_for_as_that_of_a_job(
    project: Project, script: str, severity: str
) -> None:
    project.write("a.yaml", f"run: echo a\ntimeout: 1m\nprecheck: {{script: {script}}}\n")
    path = project.root / script
    (problem,) = found(project)
    assert problem == (
        severity,
        "script",
        3,
        20,
        f"`precheck.script`: the script does not exist: {path}",
    )
    assert summary(project.plan()) == (["+job a"] if severity == "warning" else [])
    if severity == "error":
        path.parent.mkdir()
        path.write_text("exit 10\n")
        assert found(project) == []


@pytest.mark.parametrize("gone", ["check.sh", "main.sh"])
def test_a_script_that_goes_is_told_of_although_the_manifest_did_not_change(
    project: Project, gone: str
) -> None:
    """Each of the two that a job names."""
    for name in ("check.sh", "main.sh"):
        (project.root / name).write_text("exit 0\n")
    project.write("a.yaml", "script: main.sh\ntimeout: 1m\nprecheck: {script: check.sh}\n")
    project.apply()
    assert found(project) == []
    (project.root / gone).unlink()
    assert [problem[:2] for problem in found(project)] == [("error", "script")]
    (project.root / gone).write_text("exit 0\n")
    assert found(project) == []


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("https://hc-ping.com/hunter2\n", None),
        ("hunter2", "`heartbeat`: the URL in the secret does not begin with http:// or https://"),
        ("https://me:hunter2@box", "`heartbeat`: the URL in the secret has a user name or password in it"),
        ("", "`heartbeat`: the URL in the secret does not begin with http:// or https://"),
    ],
)
def test_a_heartbeat_in_a_file_must_be_a_url(project: Project, secret: str, said: str | None) -> None:
    (project.root / "ping").write_text(secret)
    project.write("a.yaml", "run: x\ntimeout: 1m\nheartbeat: {file: ping}\n")
    told = project.plan().problems
    assert [(each.severity, each.line, each.column) for each in told] == [("warning", 3, 12)] * bool(said)
    assert all((said or "") in each.message for each in told)
    assert "hunter2" not in str(told)
