"""Pages that are done as a reader would do them: the tutorial, and guides that show what commands print."""

from pathlib import Path

import pytest
from support.gateway import double
from support.learner import followed
from support.server import new_project

pytestmark = pytest.mark.service


@pytest.mark.slow
def test_the_tutorial_works(tmp_path: Path) -> None:
    assert followed("tutorial/first-job.md", tmp_path) == [0]


def test_the_readme_works(tmp_path: Path) -> None:
    assert followed("../README.md", tmp_path) == [0]


def test_the_guide_to_parameters_works(tmp_path: Path) -> None:
    assert followed("how-to/parameters.md", new_project(tmp_path, "timezone: UTC\n")) == [0]


def test_the_guide_to_secrets_works(tmp_path: Path) -> None:
    assert followed("how-to/give-a-job-a-secret.md", new_project(tmp_path, "port: 0\n")) == [0]


def test_the_guide_to_shell_jobs_works(tmp_path: Path) -> None:
    assert followed("how-to/write-a-shell-job.md", new_project(tmp_path, "port: 0\n")) == [0]


def test_the_guide_to_trying_out_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")  # the times of several jobs are those of the person who looks
    assert followed("how-to/try-out-schedules-and-limits.md", new_project(tmp_path)) == []


def test_the_guide_to_prometheus_works(tmp_path: Path) -> None:
    assert followed("how-to/watch-with-prometheus.md", new_project(tmp_path, "timezone: UTC\n")) == [0]


def test_the_guide_to_agents_works(tmp_path: Path) -> None:
    with double() as gateway:
        reads = {
            "http://127.0.0.1:18789": gateway.url,
            "that cannot wait.": 'that cannot wait. MODE:echo=["1.eml"]',
        }
        page, project = "how-to/have-agents-do-jobs.md", new_project(tmp_path)
        assert followed(page, project, reads=reads, types=f"{gateway.token}\n") == [0]
        (call,) = gateway.model_calls()
    assert call["label"].startswith("jr-triage-")
    assert "It is now. Read the mails" in call["task"]
