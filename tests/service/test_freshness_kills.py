"""Stale data under a server that is killed at any step: one incident, told once, and ended once."""

from contextlib import closing
from pathlib import Path

import pytest
from support.killed_at import Step, killed
from support.server import Server, command, database, new_project, save, serving, until

from jeeves_runner.db.connection import connect

JOBS = """\
jobs:
  - id: fetch
    run: sleep 1
    timeout: 10m
    writes: [datastore:mail]
    retries: {limit: 3, delay: 1s, on: [interrupted]}
    on_failure: webhook:nowhere
    alert: {on: [stale]}
nodes:
  - {id: mail, kind: datastore, fresh_within: 1h}
"""
CONFIG = "port: 0\nnotifications: {webhooks: {nowhere: {url: 'http://127.0.0.1:9/'}}}\n"
LOOK = "jeeves_runner.runner.freshness_watch:stale"
NOTE = "jeeves_runner.db.freshness:note"
REPORT = "jeeves_runner.db.alerting:report"
WELL = "jeeves_runner.db.alerting:went_well"
WRITTEN = "jeeves_runner.db.freshness:written"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose data is stale from the start."""
    root = new_project(tmp_path, CONFIG)
    save(root, "fetch.yaml", JOBS)
    assert command(root, "apply").returncode == 0
    with closing(connect(database(root))) as conn:
        conn.execute("UPDATE nodes SET created_at = '2026-01-01T00:00:00.000Z'")
    return root


def incidents(root: Path) -> list[bool]:
    """Of each incident of the data, whether it is over."""
    with closing(connect(database(root))) as conn:
        rows = conn.execute("SELECT closed_at IS NOT NULL FROM incidents WHERE cause = 'stale' ORDER BY id")
        return [bool(is_over) for (is_over,) in rows]


def said(root: Path) -> list[str]:
    """What people are told of it."""
    with closing(connect(database(root))) as conn:
        return [
            str(word) for (word,) in conn.execute("SELECT said FROM outbox WHERE cause = 'stale' ORDER BY id")
        ]


@pytest.mark.parametrize(
    ("step", "is_told"),
    [
        (Step(LOOK, "before"), False),
        (Step(NOTE, "before"), False),
        (Step(REPORT, "before"), False),
        (Step(REPORT, "after"), False),
        (Step(NOTE, "after"), False),
        (Step(LOOK, "before", 2), True),
    ],
    ids=str,
)
def test_what_is_stale_is_told_once(root: Path, step: Step, is_told: bool) -> None:
    killed(root, step, "serve")
    assert incidents(root) == [False] * is_told
    ends(root)


@pytest.mark.parametrize(
    "step",
    [
        Step(WRITTEN, "before"),
        Step(WRITTEN, "after"),
        Step(NOTE, "before"),
        Step(WELL, "before"),
        Step(WELL, "after"),
        Step(NOTE, "after"),
    ],
    ids=str,
)
def test_a_run_that_wrote_ends_it_once(root: Path, step: Step) -> None:
    with serving(root):
        until(lambda: incidents(root))
    server = Server(root, step.program("serve"))
    server.post("/jobs/fetch/run?wait=0s")
    assert server.wait() == -9, server.log.read_text()
    assert incidents(root) == [False]
    ends(root)


def ends(root: Path) -> None:
    """The next server: the data is stale, if it was, and one run that writes it ends that."""
    with serving(root) as server:
        until(lambda: incidents(root))
        server.post("/jobs/fetch/run")
        until(lambda: incidents(root) == [True])
    assert said(root) == ["opened", "recovered"]
