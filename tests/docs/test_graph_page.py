"""The page on the graph shows what the command prints of the manifests that it shows."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.docs import DOCS, Block, blocks, code, only_code, read, table

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.node_spec import NodeKind

PAGE = "explanation/graph.md"
ASKED = [block for block in blocks(DOCS / PAGE) if block.info == ("text", "graph")]
PROGRAM = [sys.executable, "-m", "jeeves_runner"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with these manifests, applied."""
    root = tmp_path_factory.mktemp("project")
    (root / "jobs.d").mkdir()
    (root / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    for block in blocks(DOCS / PAGE):
        if block.info[0] == "yaml":
            (root / block.info[1]).write_text(block.text)
    subprocess.run([*PROGRAM, "apply"], cwd=root, check=True, capture_output=True)
    return root


@pytest.mark.parametrize("block", ASKED, ids=lambda block: block.text.split("\n")[0][2:])
def test_what_is_shown_is_what_the_command_prints(project: Path, block: Block) -> None:
    command, _, shown = block.text.partition("\n")
    prompt, program, *words = command.split()
    assert (prompt, program) == ("$", "jeeves-runner")
    answer = subprocess.run([*PROGRAM, *words], cwd=project, check=True, capture_output=True, text=True)
    assert shown == answer.stdout


def test_its_manifests_are_valid_without_a_warning(project: Path) -> None:
    (project / "scripts").mkdir()
    for name in ("fetch", "sort", "index", "report", "learn"):
        (project / "scripts" / f"{name}.py").touch()
    command = [*PROGRAM, "validate", "--strict"]
    answer = subprocess.run(command, check=False, cwd=project, capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == "Valid: 1 manifest, 5 jobs, 1 queue, 6 nodes declared, 0 errors, 0 warnings.\n"


def test_the_tree_fits_a_terminal() -> None:
    assert len(ASKED) == 3
    assert max(len(line) for block in ASKED for line in block.text.splitlines()) <= 80


def test_the_kinds_and_relations_described_are_those_there_are() -> None:
    assert [only_code(kind) for kind, _ in table(read(PAGE), "kind")] == list(NodeKind)
    assert [word for key, *_ in table(read(PAGE), "key of a job") for word in code(key)] == list(Relation)
