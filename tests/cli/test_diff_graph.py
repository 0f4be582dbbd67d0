"""``diff``: the edges that changes bring and take, and what is left over."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import Shell


def declare(shell: Shell, **jobs: str) -> None:
    """These jobs and no others; the text is what the manifest of each has besides its script and timeout."""
    folder = shell.folder / "jobs.d"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, text in jobs.items():
        (folder / f"{name}.yaml").write_text(f"run: 'true'\ntimeout: 1m\n{text}\n")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A project with a pipeline of three jobs, applied."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path)
    declare(
        shell,
        fetch="writes: [queue:mail]",
        sort="reads: [queue:mail]\nwrites: [datastore:mail]",
        report="after: [sort]\nreads: [datastore:mail]",
    )
    assert shell.run("apply").exit_code == 0
    return shell


def test_what_a_deleted_job_leaves_unread_and_unwritten_is_told(shell: Shell) -> None:
    declare(shell, fetch="writes: [queue:mail]", report="reads: [datastore:mail, datastore:old]")
    result = shell.run("diff")
    assert (
        """\
Edges: 1 gained, 3 lost:
    + report reads datastore:old
    - report after sort
    - sort reads queue:mail
    - sort writes datastore:mail
! datastore:mail is written by no job any more, and read by report
! queue:mail is read by no job any more, and written by fetch
"""
        in result.stdout
    )
    assert result.exit_code == 1


def test_the_document_has_them_as_the_graph_does(shell: Shell) -> None:
    declare(shell, sort="reads: [queue:mail]\nwrites: [datastore:mail]", report="reads: [datastore:mail]")
    found: Any = _json(shell)
    assert found == {
        "gained": [],
        "lost": [
            {
                "relation": "writes",
                "job_id": "fetch",
                "upstream": "process:fetch",
                "downstream": "queue:mail",
            },
            {
                "relation": "after",
                "job_id": "report",
                "upstream": "process:sort",
                "downstream": "process:report",
            },
        ],
        "left": [
            {
                "node": "queue:mail",
                "lacks": "writer",
                "jobs": ["sort"],
                "message": "queue:mail is written by no job any more, and read by sort",
            }
        ],
    }


def test_what_leaves_the_edges_alone_says_nothing_of_them(shell: Shell) -> None:
    path = shell.folder / "jobs.d/fetch.yaml"
    path.write_text(path.read_text().replace("1m", "2m"))
    assert "Edges" not in shell.run("diff").stdout
    assert _json(shell) == {"gained": [], "lost": [], "left": []}


def test_of_many_edges_the_first_are_named(shell: Shell) -> None:
    declare(shell, many=f"reads: [{', '.join(f'source:s{n:02}' for n in range(25))}]")
    lines = shell.run("diff", "--against", "empty").stdout.splitlines()
    assert "Edges: 25 gained, 0 lost:" in lines
    assert lines[lines.index("    + many reads source:s19") + 1] == "    and 5 more; `--json` has all"


def test_a_pull_request_gets_them_as_a_list(shell: Shell) -> None:
    declare(shell, fetch="writes: [queue:mail]", sort="writes: [datastore:mail]")
    text = shell.run("diff", "--format", "markdown").stdout
    assert "- `queue:mail is read by no job any more, and written by fetch`\n" in text
    assert "\nEdges: 0 gained, 3 lost.\n\n- `- report after sort`\n" in text


def _json(shell: Shell) -> Any:
    return json.loads(shell.run("diff", "--json").stdout)["graph"]
