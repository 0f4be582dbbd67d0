"""Looks at files: one serves all that watch a place, and all together cost little."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from support.clock import HandClock

from jeeves_runner.core import changes
from jeeves_runner.runner import looks
from jeeves_runner.runner.fingerprints import Fingerprint
from jeeves_runner.runner.looks import Look, Looks


class Files:
    """Stands in for files: what a look finds, what it costs, and how often each place was looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count: dict[str, int] = {}
        self.cost: dict[str, float] = {}
        self.error: OSError | None = None
        monkeypatch.setattr(looks, "fingerprint", self._fingerprint)
        self._spent = 0.0
        monkeypatch.setattr(looks, "thread_seconds", lambda: self._spent)

    def _fingerprint(self, path: str) -> Fingerprint:
        self.count[path] = self.count.get(path, 0) + 1
        self._spent += self.cost.get(path, 0.0)
        if self.error is not None:
            raise self.error
        return Fingerprint(path)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    return Files(monkeypatch)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def play(clock: HandClock, scenario: Callable[[Looks], Awaitable[None]]) -> None:
    async def main() -> None:
        watched = Looks(clock)
        await scenario(watched)
        watched.close()

    asyncio.run(main())


async def attend(watched: Looks) -> None:
    """Ask what is due, and take what it answers."""
    watched.attend()
    asking = [each.asking for each in watched._places.values() if each.asking is not None]
    await asyncio.gather(*asking, return_exceptions=True)
    watched.attend()


def test_a_place_is_looked_at_as_seldom_as_it_costs(files: Files, clock: HandClock) -> None:
    files.cost["dear"] = 0.4

    async def scenario(watched: Looks) -> None:
        watched.follow(["dear", "cheap"])
        for _ in range(60):
            await attend(watched)
            clock.advance(seconds=1)

    play(clock, scenario)
    assert files.count == {"dear": 3, "cheap": 60}


def test_one_that_comes_later_has_a_look_of_its_own_and_no_more(files: Files, clock: HandClock) -> None:
    files.cost["in"] = 0.4

    async def scenario(watched: Looks) -> None:
        watched.follow(["in"])
        await attend(watched)
        clock.advance(seconds=1)
        for _ in range(3):
            watched.want("in", clock.monotonic())
            await attend(watched)
        clock.advance(seconds=1)
        await attend(watched)
        last = watched.last("in")
        assert last is not None
        assert last.began == clock.monotonic() - 1

    play(clock, scenario)
    assert files.count == {"in": 2}


def test_what_cannot_be_looked_at_is_told_once_and_asked_again_later(
    files: Files, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    files.error = PermissionError(13, "Permission denied")

    async def scenario(watched: Looks) -> None:
        watched.follow(["in"])
        for _ in range(20):
            await attend(watched)
            clock.advance(seconds=1)
        assert watched.last("in") is None
        files.error = None
        await attend(watched)
        assert isinstance(watched.last("in"), Look)

    play(clock, scenario)
    assert files.count == {"in": 3}
    assert caplog.messages == [
        "in, whose changes start jobs, cannot be looked at: [Errno 13] Permission denied",
        "in, whose changes start jobs, is looked at again",
    ]


def test_what_many_places_cost_is_counted_once_for_all_that_were_looked_at(
    files: Files, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def pauses(costs: Mapping[str, float], share: float, least: float) -> dict[str, float]:
        counted.append(len(costs))
        return changes.pauses(costs, share, least)

    monkeypatch.setattr(looks, "pauses", pauses)
    places = [f"in-{number}" for number in range(50)]

    async def scenario(watched: Looks) -> None:
        watched.follow(places)
        for _ in range(3):
            await attend(watched)
            clock.advance(seconds=1)

    play(clock, scenario)
    assert counted == [50, 50, 50]
    assert files.count == dict.fromkeys(places, 3)
