"""Pages that are done as a reader would do them: the tutorial, and guides that show what commands print."""

from pathlib import Path

import pytest
from support.docs import DOCS, blocks
from support.learner import Learner
from support.server import new_project


def followed(page: str, folder: Path) -> list[int | None]:
    """The exit codes of the servers that were started on the way."""
    learner = Learner(folder)
    try:
        for block in blocks(DOCS / page):
            learner.do(block)
    finally:
        learner.stop()
    return [server.returncode for server in learner.servers]


@pytest.mark.slow
def test_the_tutorial_works(tmp_path: Path) -> None:
    assert followed("tutorial/first-job.md", tmp_path) == [0]


def test_the_guide_to_parameters_works(tmp_path: Path) -> None:
    assert followed("how-to/parameters.md", new_project(tmp_path, "timezone: UTC\n")) == [0]
