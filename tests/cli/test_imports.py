"""What short commands load: that takes longer than their work, and is done again at every call."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server import command, serving

HEAVY = (
    *("aiohttp", "asyncio", "croniter", "dateutil", "jsonschema", "jsonschema_rs", "sqlite3", "watchfiles"),
    *(f"jeeves_runner.{room}" for room in ("api", "reconcile", "runner", "runs", "service", "sources")),
    "jeeves_runner.execute.local",
)
"""What only a server or an apply needs."""

DECISIONS = (
    *("dataclasses", "hashlib", "logging", "zoneinfo"),
    *(f"jeeves_runner.core.{name}" for name in ("outcome", "plan", "policy", "schedule", "spec_texts")),
    *(f"jeeves_runner.db.{name}" for name in ("declared", "queue_claims", "run_ends", "run_entries")),
)
"""What decides and writes in the place of a server; and libraries that nothing else brings along."""

PROGRAM = """
import atexit, sys
atexit.register(lambda: print("loaded:", *sys.modules))
from jeeves_runner.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a config, in which a server runs and one run has ended."""
    root = tmp_path_factory.mktemp("project")
    (root / "jobs.d").mkdir()
    (root / "jobs.d" / "empty.yaml").write_text("run: 'true'\ntimeout: 1m\n")
    with serving(root):
        loaded_by(root, "trigger empty --wait")
        yield root


def loaded_by(root: Path, words: str) -> set[str]:
    """All modules that are loaded when a command has done its work."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words.split()], cwd=root, capture_output=True, text=True, check=True
    )
    names = done.stdout.partition("loaded: ")[2].split()
    assert "jeeves_runner.cli" in names
    return set(names)


@pytest.mark.parametrize("words", ["trigger empty --wait", "trigger empty", "runs --json", "run 1", "logs 1"])
def test_a_run_is_asked_for_and_shown_without_what_decides_about_it(project: Path, words: str) -> None:
    assert loaded_by(project, words) & {*HEAVY, *DECISIONS} == set()


@pytest.mark.parametrize("words", ["status", "jobs", "job empty", "pause empty", "resume empty", "next"])
def test_a_look_at_jobs_loads_nothing_of_the_server(project: Path, words: str) -> None:
    assert loaded_by(project, words) & set(HEAVY) == set()


def test_an_active_run_is_cancelled_without_what_decides_about_starts(project: Path) -> None:
    (project / "jobs.d" / "long.yaml").write_text("run: sleep 600\ntimeout: 20m\n")
    command(project, "apply")
    run_id = command(project, "trigger", "long").stdout.split()[1]
    loaded = loaded_by(project, f"cancel {run_id}")
    assert loaded & {*HEAVY, "dataclasses", "jeeves_runner.core.policy"} == set()
