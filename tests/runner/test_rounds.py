"""Work at intervals: what fails for a while is told once, and is made up for."""

import asyncio
import logging

import pytest

from jeeves_runner.errors import DatabaseError
from jeeves_runner.runner.rounds import in_rounds

log = logging.getLogger(__name__)


class Work:
    """Rounds that end so, one after the other; then it is cancelled."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)

    async def do(self) -> None:
        if not self.ends:
            raise asyncio.CancelledError
        if (end := self.ends.pop(0)) is not None:
            raise end


def lines(caplog: pytest.LogCaptureFixture, work: Work, **more: tuple[type[Exception], ...]) -> list[str]:
    """What is told until it is cancelled."""
    with caplog.at_level(logging.INFO), pytest.raises(asyncio.CancelledError):
        asyncio.run(in_rounds(work.do, 0, log, failed="it failed", over="it is done again", **more))
    return caplog.messages


def test_a_failure_that_lasts_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(None, DatabaseError("disk"), DatabaseError("disk"), None, None, DatabaseError("lock"))
    assert lines(caplog, work) == ["it failed: disk", "it is done again", "it failed: lock"]


def test_only_what_passes_is_gone_on_from(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, Work(OSError("full"), None), passing=(OSError,)) == [
        "it failed: full",
        "it is done again",
    ]
    with pytest.raises(OSError, match="full"):
        asyncio.run(in_rounds(Work(OSError("full")).do, 0, log, failed="it failed", over="over"))
