"""The executors whose contract is tested. Sessions, whose work is no program, have tests of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contract import MAKERS, Make


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    with MAKERS[request.param](tmp_path) as make:
        yield make
