"""What the tests of the local executor share."""

from collections.abc import Iterator

import pytest
from support.launches import open_descriptors, own_children

from jeeves_runner.execute.local.launcher import Launcher


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """After each test: no child more, dead or alive, and no descriptor more."""
    children, descriptors = own_children(), open_descriptors()
    yield
    assert own_children() - children == set()
    assert open_descriptors() == descriptors


@pytest.fixture(params=["pidfd", "thread"])
def executor(request: pytest.FixtureRequest) -> Launcher:
    return Launcher(drain=0.3, use_pidfd=request.param == "pidfd")
