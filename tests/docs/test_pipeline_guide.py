"""The guide to pipelines: its graph is what the command prints, and its jobs do what it says."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.docs import DOCS, blocks
from support.server import Server, new_project, until

PAGE = DOCS / "how-to/build-a-pipeline.md"
PROGRAM = [sys.executable, "-m", "jeeves_runner"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of the guide, applied."""
    new_project(tmp_path)
    (manifest,) = (block for block in blocks(PAGE) if block.info[0] == "yaml")
    (tmp_path / manifest.info[1]).write_text(manifest.text)
    (tmp_path / "inbox").mkdir()
    call(tmp_path, "apply")
    return tmp_path


@pytest.fixture
def server(project: Path) -> Iterator[Server]:
    found = Server(project)
    yield found
    found.stop()


def call(project: Path, *words: str) -> str:
    return subprocess.run([*PROGRAM, *words], cwd=project, check=True, capture_output=True, text=True).stdout


def test_its_graph_is_what_the_command_prints(project: Path) -> None:
    (block,) = (block for block in blocks(PAGE) if block.info == ("text", "graph"))
    command, _, shown = block.text.partition("\n")
    assert command == "$ jeeves-runner graph"
    assert shown == call(project, "graph")


def test_its_manifest_has_nothing_to_warn_of(project: Path) -> None:
    assert "0 errors, 0 warnings" in call(project, "validate")


@pytest.mark.service
def test_letters_are_counted_once_by_jobs_that_follow_one_another(project: Path, server: Server) -> None:
    for number in range(3):
        (project / "inbox" / f"{number}.txt").write_text("two words")
    find(project)
    site = project / "site.txt"
    until(lambda: site.exists() and site.read_text() == "6 words\n")
    assert server.get("/queues/letters/status")["failed"] == 0
    assert {run["trigger"] for run in server.get("/runs?job=report")["runs"]} == {"after"}


@pytest.mark.service
def test_a_letter_that_cannot_be_read_takes_no_other_along(project: Path, server: Server) -> None:
    (project / "inbox" / "0.txt").write_bytes(b"\xff")
    for number in range(1, 4):
        (project / "inbox" / f"{number}.txt").write_text("two words")
    find(project)
    until(lambda: server.get("/queues/letters/status")["failed"])
    status = server.get("/queues/letters/status")
    assert (status["depth"], status["claimed"], status["failed"]) == (0, 0, 1)
    site = project / "site.txt"
    until(lambda: site.exists() and site.read_text() == "6 words\n")


@pytest.mark.service
def test_without_letters_there_is_nothing_to_count(project: Path, server: Server) -> None:
    find(project)
    assert server.get("/queues/letters/peek")["items"] == []


def find(project: Path) -> None:
    """Run the first job, as the guide says."""
    (block,) = (block for block in blocks(PAGE) if block.info == ("console",))
    words = block.text.split()
    assert words[:2] == ["$", "jeeves-runner"]
    call(project, *words[2:])
