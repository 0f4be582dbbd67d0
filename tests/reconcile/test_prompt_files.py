"""Prompts that stand in files: looked at with the manifests, and again while they are wrong."""

from pathlib import Path

import pytest
from support.project import Project, summary

MANIFEST = """\
id: mail
type: session
prompt_file: prompts/mail.md
timeout: 5m
params: {city: {default: Vienna}, token: {secret: true}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A prompt that is right, and a gateway in the config."""
    project = Project(tmp_path)
    (tmp_path / "jeeves-runner.yaml").write_text("gateway: {url: 'http://127.0.0.1:1'}\n")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "mail.md").write_text("Sort the mail of {{ params.city }}.\n")
    project.write("mail.yaml", MANIFEST)
    return project


def found(project: Project) -> list[tuple[str, str, int, int, str]]:
    return [(p.severity, p.code, p.line, p.column, p.message) for p in project.plan().problems]


def test_a_prompt_that_is_right_is_applied(project: Project) -> None:
    assert found(project) == []
    assert summary(project.plan()) == ["+job mail"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the prompt's file does not exist: {path}"),
        (b"", "the prompt in {path} is blank"),
        (b"x" * 262_145, "the prompt's file is no prompt: {path}: it holds over 256 KiB"),
        (b"\xff", "the prompt's file is no prompt: {path}: it is not UTF-8"),
        (b"a\0b", "the prompt in {path} holds a NUL character, which no agent can be told"),
        (b"a\nb {{ parms.x }}", "{path}:2:6: unknown name `parms`"),
        (b"{{ params.town }} {{ x }}", "{path}:1:4: the job declares no parameter `town` (and 1 more)"),
        (b"{{ params.token }}", "{path}:1:4: the parameter `token` is secret"),
        (b"a {% if", "{path}:1:3: it is no template: "),
    ],
)
def test_one_that_cannot_be_used_is_an_error_with_its_place(
    project: Project, content: bytes | None, message: str
) -> None:
    path = project.root / "prompts" / "mail.md"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    ((*place, told),) = found(project)
    assert place == ["error", "prompt_file", 3, 14]
    assert told.startswith(f"`prompt_file`: {message.format(path=path)}")
    assert summary(project.plan()) == []


def test_one_that_names_what_runs_by_themselves_are_not_given_is_an_error(project: Project) -> None:
    declared = "params: {city: {default: Vienna}, token: {secret: true}}\n"
    project.write("mail.yaml", MANIFEST.replace(declared, ""))
    assert found(project) == []
    project.write("mail.yaml", MANIFEST.replace(declared, "schedule: '@daily'\n"))
    ((*place, told),) = found(project)
    assert place == ["error", "prompt_file", 3, 14]
    assert "prompts/mail.md:1:21: the job declares no parameter `city`, and runs by themselves" in told


def test_a_folder_is_no_prompt(project: Project) -> None:
    project.write("mail.yaml", MANIFEST.replace("prompts/mail.md", "prompts"))
    assert found(project)[0][4].startswith("`prompt_file`: the prompt is not a file: ")


def test_one_missing_elsewhere_is_a_warning(project: Project) -> None:
    project.write("mail.yaml", MANIFEST.replace("prompts/mail.md", "/no/such/prompt.md"))
    assert [problem[:2] for problem in found(project)] == [("warning", "prompt_file")]
    assert summary(project.plan()) == ["+job mail"]


def test_one_that_breaks_after_it_was_applied_is_told_and_mended_by_the_file_alone(project: Project) -> None:
    project.apply()
    path = project.root / "prompts" / "mail.md"
    right = path.read_text()
    assert found(project) == []
    path.write_text("{{ x }}")
    assert [problem[:2] for problem in found(project)] == [("error", "prompt_file")]
    assert summary(project.plan()) == ["=job mail"]
    path.write_text(right)
    assert found(project) == []


def test_without_a_gateway_the_job_is_held(project: Project) -> None:
    project.apply()
    (project.root / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    assert [problem[:4] for problem in found(project)] == [("error", "no_gateway", 2, 7)]
