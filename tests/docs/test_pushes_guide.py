"""The guide to taking up pushes, followed in a clone: what another clone has pushed is live."""

import subprocess
from pathlib import Path

import pytest
from support.docs import DOCS, Block, blocks
from support.learner import Learner

pytestmark = pytest.mark.service


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_the_guide_to_pushes_works(tmp_path: Path) -> None:
    git(tmp_path, "init", "--bare", "origin.git")
    there, here = tmp_path / "there", tmp_path / "here"
    git(tmp_path, "clone", "origin.git", "there")
    (there / "jobs.d").mkdir()
    (there / "jeeves-runner.yaml").write_text("port: 0\n")
    (there / "jobs.d" / "work.yaml").write_text("run: echo\ntimeout: 1m\n")
    git(there, "add", ".")
    git(there, "commit", "--message", "Begin")
    git(there, "push", "origin", "HEAD")
    git(tmp_path, "clone", "origin.git", "here")
    learner = Learner(here)
    try:
        for block in blocks(DOCS / "how-to/take-up-pushes.md"):
            if block.info[1:] != ("apart",):
                learner.do(block)
        (there / "jobs.d" / "pushed.yaml").write_text("run: echo\ntimeout: 1m\n")
        git(there, "add", ".")
        git(there, "commit", "--message", "Push a job")
        git(there, "push")
        learner.do(Block("here", 1, ("sh",), "jeeves-runner trigger pull --wait\n"))
        assert "ended ok" in learner.output
        learner.do(Block("here", 2, ("sh", "until", "pushed"), "jeeves-runner jobs\n"))
    finally:
        learner.stop()
