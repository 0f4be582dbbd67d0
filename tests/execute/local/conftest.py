"""What the tests of the local executor share."""

from collections.abc import Iterator

import pytest
from support.launches import open_descriptors, own_children
from support.processes import Spawner

from jeeves_runner.clock import SystemClock
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.starter import Starter


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """After each test: no child more, dead or alive, and no descriptor more."""
    children, descriptors = own_children(), open_descriptors()
    yield
    assert own_children() - children == set()
    assert open_descriptors() == descriptors


@pytest.fixture(params=["pidfd", "thread", "starter"])
def executor(request: pytest.FixtureRequest, nothing_left_behind: None) -> Iterator[Launcher]:
    """Of each kind; the descriptors and children of a starter are gone before they are counted."""
    clock = SystemClock()
    direct = DirectSpawner(clock, use_pidfd=request.param != "thread")
    if request.param != "starter":
        yield Launcher(drain=0.3, spawner=direct)
        return
    starter = Starter(clock, direct)
    yield Launcher(drain=0.3, spawner=starter)
    starter.close()


@pytest.fixture
def spawn() -> Iterator[Spawner]:
    """Processes beside the runs, ended after the test."""
    spawner = Spawner()
    yield spawner
    spawner.end()
