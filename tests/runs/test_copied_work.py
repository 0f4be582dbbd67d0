"""A copy of a database holds the runs of the original: it takes over none of its work, and ends none."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.db import child, expect
from support.engine import RUNNER, EngineExecutor, engine
from support.runs import Place, job, until_there, with_runner

from jeeves_runner.core.model import RunStatus


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """With a runner that was killed while the engine works."""
    with engine(tmp_path / "socket"):
        place = Place(tmp_path)
        root = place.root
        place.apply(job("work", f"touch {root}/begun; {until_there(root / 'go')}"))
        with child(RUNNER, root) as runner:
            expect(runner, "working")
            runner.send_signal(signal.SIGKILL)
        yield place


def executor(place: Place) -> EngineExecutor:
    return EngineExecutor(place.root / "socket")


@pytest.mark.parametrize("noted", [True, False], ids=["handle noted", "handle lost"])
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_copy_leaves_the_work_to_the_original(
    place: Place, tmp_path: Path, noted: bool, is_cancelled: bool
) -> None:
    if not noted:
        place.conn.execute('UPDATE runs SET handle = \'{"executor": "engine"}\'')
    (tmp_path / "copy").mkdir()
    place.conn.execute("VACUUM INTO ?", (str(tmp_path / "copy" / "runner.sqlite"),))
    copy = Place(tmp_path / "copy")
    if is_cancelled:
        copy.conn.execute("UPDATE runs SET cancel_cause = 'cancel', cancel_requested_at = started_at")

    end = "cancelled" if is_cancelled else "interrupted"
    with_runner(copy, lambda rig: rig.until_story("work", end), executor=executor(place))
    (of_copy,) = copy.runs("work")
    assert f"it was started from {place.path}, whose work is left alone" in str(of_copy.message)

    (place.root / "go").touch()
    with_runner(place, lambda rig: rig.until_story("work", "ok"), executor=executor(place))


def test_a_database_that_was_moved_leaves_it_as_well(place: Place, tmp_path: Path) -> None:
    place.conn.close()
    (tmp_path / "moved").mkdir()
    for file in tmp_path.glob("runner.sqlite*"):
        file.rename(tmp_path / "moved" / file.name)
    moved = Place(tmp_path / "moved")
    with_runner(moved, lambda rig: rig.until_story("work", "interrupted"), executor=executor(place))
    (run,) = moved.runs("work")
    assert run.status is RunStatus.INTERRUPTED
    handle = asyncio.run(executor(place).ask(op="look", work=moved.value("SELECT mark FROM runs")))
    assert handle["state"] == "running"
