"""``on_change`` by a whole server that is killed at any step: each change starts one run."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from support.killed_at import Step, killed
from support.server import command, database, new_project, save, serving, until

from jeeves_runner.db.connection import connect

SORT = """\
on_change: {of: [in/*.csv], debounce: 500ms}
run: ls in
timeout: 10m
"""
LOOK = "jeeves_runner.runner.looks:fingerprint"
TAKE = "jeeves_runner.db.change_watches:take"
SEEN = "jeeves_runner.core.changes:Watching.looked"
MAY_START = "jeeves_runner.db.change_watches:may_start"
CAUSES = "jeeves_runner.db.change_watches:_causes"
REQUEST = "jeeves_runner.db.change_watches:request_run"
START = "jeeves_runner.db.change_watches:start"
COMMITTED = "jeeves_runner.troubles:Troubles.over"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = new_project(tmp_path)
    (root / "in").mkdir()
    (root / "in/old.csv").write_text("old")
    save(root, "sort.yaml", SORT)
    assert command(root, "apply").returncode == 0
    return root


def taken(root: Path) -> list[str]:
    """What was last seen of the files, if anything was."""
    with closing(connect(database(root))) as conn:
        return [str(text) for (text,) in conn.execute("SELECT fingerprint FROM change_watches")]


def runs(root: Path) -> list[tuple[str, str, object]]:
    """Trigger, status and causes of all runs, oldest first."""
    with closing(connect(database(root))) as conn:
        rows = conn.execute("SELECT trigger, status, caused_by FROM runs ORDER BY id").fetchall()
    return [(str(trigger), str(status), json.loads(str(causes))) for trigger, status, causes in rows]


def goes_on(root: Path, count: int) -> None:
    """The next server: there are so many runs, and one more after a further change."""
    with serving(root):
        until(lambda: taken(root))
        until(lambda: [status for _, status, _ in runs(root)] == ["ok"] * count)
        before = taken(root)
        (root / "in/last.csv").write_text("last")
        until(lambda: taken(root) != before and [run[1] for run in runs(root)] == ["ok"] * (count + 1))
    assert runs(root) == [("change", "ok", {"path": "in/*.csv"})] * (count + 1)


@pytest.mark.parametrize(
    "step",
    [
        Step(LOOK, "before"),
        Step(LOOK, "after"),
        Step(TAKE, "before"),
        Step(TAKE, "after"),
        Step(LOOK, "after", 2),
    ],
    ids=str,
)
def test_the_first_look_starts_nothing(root: Path, step: Step) -> None:
    killed(root, step, "serve")
    goes_on(root, 0)


@pytest.mark.parametrize(
    "step",
    [
        Step(LOOK, "before"),
        Step(SEEN, "before"),
        Step(SEEN, "after"),
        Step(SEEN, "after", 2),
        Step(MAY_START, "before"),
        Step(START, "before"),
        Step(MAY_START, "after", 2),
        Step(CAUSES, "before"),
        Step(REQUEST, "before"),
        Step(REQUEST, "after"),
        Step(START, "after"),
        Step(COMMITTED, "before", 2),
        Step(COMMITTED, "after", 2),
    ],
    ids=str,
)
def test_a_change_starts_one_run(root: Path, step: Step) -> None:
    with serving(root):
        until(lambda: taken(root))
    before = taken(root)
    (root / "in/new.csv").write_text("new")
    killed(root, step, "serve")
    # The change is taken and its run is entered, or neither is.
    entered = step.place == COMMITTED
    assert (len(runs(root)), taken(root) != before) == (int(entered), entered)
    goes_on(root, 1)


def test_a_change_that_comes_between_two_servers_is_joined_with_the_one_before(root: Path) -> None:
    with serving(root):
        until(lambda: taken(root))
    (root / "in/new.csv").write_text("new")
    killed(root, Step(SEEN, "after"), "serve")
    (root / "in/newer.csv").write_text("newer")
    goes_on(root, 1)
