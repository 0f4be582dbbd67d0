"""Killed at any step of a rename, the next runner finishes it: nothing is lost, nothing is doubled."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from support.killed_at import Step, killed
from support.server import Server, command, database, new_project, serving, until

RUNS = 1_500
LOGS = 40
TICK = """\
id: {id}
{renamed}
schedule: "* * * * * *"
catch_up: all
run: echo "$JR_NAMESPACE"
timeout: 10m
overlap_policy: allow
"""
FLAKY = """\
id: {id}
{renamed}
run: exit 1
timeout: 10m
retries: {{limit: 3, delay: 1h}}
"""
BAD = """\
id: {id}
{renamed}
run: exit 1
timeout: 10m
on_failure: webhook:nowhere
"""
HELD = """\
id: {id}
{renamed}
schedule: "0 0 1 1 *"
run: echo held
timeout: 10m
"""
ALL = {"tick": TICK, "flaky": FLAKY, "bad": BAD, "held": HELD}
COMMITTED = "jeeves_runner.db.nudge:Nudges.send"
RENAME = "jeeves_runner.db.renames:rename"
OFTEN = [
    Step("jeeves_runner.runs.runs:follow_renames", "before"),
    Step("jeeves_runner.db.carried_runs:carry", "after", 2),
    Step("os:rename", "after", 5),
]
SELDOM = [
    Step(RENAME, "before"),
    Step(RENAME, "after"),
    Step("jeeves_runner.core.live:Delta.of", "before"),
    Step("jeeves_runner.runner.scheduler:Scheduler.on_plan", "after"),
    Step("jeeves_runner.db.carried_runs:carry", "before"),
    Step("jeeves_runner.db.carried_runs:carry", "after", 4),
    Step("jeeves_runner.runner.carrier:move_files", "before"),
    Step("jeeves_runner.runner.carrier:move_files", "after"),
]
"""Each takes a quarter of a minute: the campaign plays these as well."""


def pairs() -> Iterator[Any]:
    """Where the server is killed that gives the new ids, and where the one that gives the old ones back."""
    back = Step(RENAME, "after")
    carried, moved = OFTEN[1:]
    yield pytest.param(carried, back, id=f"{carried}, {back}")
    for first, second in [
        *((each, back) for each in (*OFTEN, *SELDOM) if each is not carried),
        (carried, carried),
        (moved, moved),
        (moved, Step("os:rename", "after", 2)),
    ]:
        yield pytest.param(first, second, marks=pytest.mark.campaign, id=f"{first}, {second}")


THERE_AND_BACK = list(pairs())


def played(often: list[Step], seldom: list[Step]) -> list[Any]:
    marked = (pytest.param(step, marks=pytest.mark.campaign, id=str(step)) for step in seldom)
    return [*(pytest.param(step, id=str(step)) for step in often), *marked]


def manifests(root: Path, end: str, before: str | None) -> None:
    """The jobs, with these ends of their ids; it is one file, so that one apply has all of them."""
    texts = []
    for name, text in ALL.items():
        renamed = "" if before is None else f"renamed_from: {name}{before}"
        lines = text.format(id=f"{name}{end}", renamed=renamed).splitlines()
        texts.append("  - " + "\n    ".join(line for line in lines if line))
    whole = "jobs:\n" + "\n".join(texts) + "\n"
    (root / "next.yaml").write_text(whole)
    (root / "next.yaml").rename(root / "jobs.d/all.yaml")


def rows(root: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(apsw.Connection(str(database(root)))) as conn:
        conn.set_busy_timeout(60_000)
        return conn.execute(query, values).fetchall()


def prepare(root: Path) -> None:
    """A server's life before the rename: old runs with logs, a retry that waits, a pause, a mute, a skip."""
    new_project(root, "port: 0\nnotifications: {webhooks: {nowhere: {url: 'http://127.0.0.1:9/'}}}\n")
    manifests(root, "-a", None)
    assert command(root, "apply").returncode == 0
    rows(
        root,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO runs (job_id, status, trigger, created_at, started_at, finished_at, end_seq)"
        " SELECT 'tick-a', 'ok', 'manual', at, at, at, 1 FROM n, (SELECT applied_at AS at FROM revisions)",
        RUNS,
    )
    logs = root / "data/logs/tick-a"
    logs.mkdir(parents=True)
    for number in range(1, LOGS + 1):
        (logs / f"{number}.log").write_text(f"kept {number}\n")
    with serving(root) as server:
        for name in ("flaky-a", "bad-a"):
            server.post(f"/jobs/{name}/run?wait=0s")
        for words in (("skip", "held-a"), ("pause", "held-a"), ("mute", "flaky-a", "--for", "2h")):
            assert command(root, *words).returncode == 0, words
        until(lambda: rows(root, "SELECT 1 FROM runs WHERE job_id = 'tick-a' AND scheduled_for IS NOT NULL"))
        until(lambda: rows(root, "SELECT 1 FROM runs WHERE status = 'scheduled' AND attempt = 2"))
        until(lambda: rows(root, "SELECT 1 FROM incidents"))


def check(root: Path, end: str, gone: str) -> None:
    """All is there once, and belongs to the ids with this end; none to those with the other."""
    with serving(root) as server:
        until(lambda: server.job(f"tick{end}") and not server.job(f"tick{gone}"))
        until(lambda: not rows(root, "SELECT 1 FROM carries"))
        newest = rows(root, "SELECT max(id) FROM runs")[0][0]
        until(lambda: rows(root, "SELECT 1 FROM runs WHERE id > ? AND status = 'ok'", newest))
        until(lambda: not (root / f"data/logs/tick{gone}").exists())
        assert server.job(f"held{end}")["paused"]
    listed = command(root, "runs", f"tick{end}", "--limit", "10000", "--json")
    found = [run["id"] for run in json.loads(listed.stdout)["runs"]]
    mine = rows(root, "SELECT id FROM runs WHERE job_id = ? ORDER BY id DESC", f"tick{end}")
    assert found[-RUNS:] == list(range(RUNS, 0, -1))
    assert found == [number for (number,) in mine]
    ran = rows(root, "SELECT DISTINCT job_id FROM runs ORDER BY 1")
    assert ran == [(f"{name}{end}",) for name in ("bad", "flaky", "tick")]
    check_occurrences(root)
    for number in (1, LOGS // 2, LOGS):
        assert command(root, "logs", str(number)).stdout == f"kept {number}\n"
    last = rows(root, "SELECT max(id) FROM runs WHERE status = 'ok'")[0][0]
    assert command(root, "logs", str(last)).stdout == "tick-a\n"
    overrides = rows(root, "SELECT kind, job_id FROM overrides WHERE ended_at IS NULL ORDER BY 1")
    assert overrides == [("mute", f"flaky{end}"), ("pause", f"held{end}"), ("skip", f"held{end}")]
    waiting = rows(root, "SELECT job_id, attempt FROM runs WHERE status = 'scheduled' AND attempt > 1")
    assert waiting == [(f"flaky{end}", 2)]
    assert rows(root, "SELECT job_id FROM incidents WHERE closed_at IS NULL") == [(f"bad{end}",)]
    namespaces = rows(root, "SELECT id, namespace FROM jobs WHERE deleted_at IS NULL ORDER BY 1")
    assert namespaces == [(f"{name}{end}", f"{name}-a") for name in sorted(ALL)]


def check_occurrences(root: Path) -> None:
    """Each second between the first and the last is in one row."""
    due = rows(
        root,
        "SELECT scheduled_for, coalesce(last_for, scheduled_for), occurrences FROM runs"
        " WHERE scheduled_for IS NOT NULL AND attempt = 1 ORDER BY 1",
    )
    second = timedelta(seconds=1)
    following = None
    for first, last, count in due:
        begin, end = (datetime.fromisoformat(each).astimezone(UTC) for each in (first, last))
        assert following in (None, begin)
        assert (end - begin) / second + 1 == count
        following = end + second


@pytest.mark.parametrize(
    "step", played([Step(COMMITTED, "before")], [Step(RENAME, "before"), Step(RENAME, "after")])
)
def test_a_command_that_is_killed(tmp_path: Path, step: Step) -> None:
    prepare(tmp_path)
    manifests(tmp_path, "-b", "-a")
    killed(tmp_path, step, "apply")
    check(tmp_path, "-b", "-a")


@pytest.mark.parametrize("step", played(OFTEN, SELDOM))
def test_a_server_that_is_killed(tmp_path: Path, step: Step) -> None:
    prepare(tmp_path)
    server = Server(tmp_path, step.program("serve"))
    manifests(tmp_path, "-b", "-a")
    assert server.wait() == -9, server.log.read_text()
    check(tmp_path, "-b", "-a")


@pytest.mark.parametrize(("first", "second"), THERE_AND_BACK)
def test_ids_that_come_back_while_servers_are_killed(tmp_path: Path, first: Step, second: Step) -> None:
    prepare(tmp_path)
    server = Server(tmp_path, first.program("serve"))
    manifests(tmp_path, "-b", "-a")
    assert server.wait() == -9, server.log.read_text()
    manifests(tmp_path, "-a", "-b")
    killed(tmp_path, second, "serve")
    check(tmp_path, "-a", "-b")
