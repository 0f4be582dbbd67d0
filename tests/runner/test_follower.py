"""The follower: looks when nudged, once for many nudges, and by itself where no nudge comes."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.ledger import Store
from support.runs import Place, job

from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides
from jeeves_runner.db.connection import connect
from jeeves_runner.errors import DatabaseError
from jeeves_runner.runner import follower
from jeeves_runner.runner.follower import Follower

NEVER = 3600.0


class Looks:
    """A follower of a database, and how often it has found a commit."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.written = 0
        self.came = asyncio.Event()
        self.amid: Callable[[], None] = lambda: None
        self.follower = Follower(connect(path), changed=self._changed, written=self._written)

    async def _changed(self, revision: int, ids: Sequence[str]) -> None:
        raise AssertionError(f"{revision} was never applied: {ids}")

    async def _written(self) -> None:
        self.written += 1
        amid, self.amid = self.amid, lambda: None
        amid()
        self.came.set()

    def write(self) -> None:
        with self.store.tx() as tx:
            overrides.pause(tx, None, until=None, reason=None, by=Actor("test"))


async def following(path: Path, nudges: int) -> int:
    """How many looks found something after one commit and so many nudges."""
    looks = Looks(path)
    task = asyncio.create_task(looks.follower.run())
    looks.write()
    await asyncio.gather(*(looks.follower.nudge() for _ in range(nudges)))
    async with asyncio.timeout(30):
        await looks.came.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return looks.written


@pytest.mark.parametrize("nudges", [1, 100])
def test_a_nudge_is_a_look_and_many_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nudges: int
) -> None:
    monkeypatch.setattr(follower, "INTERVAL", NEVER)
    assert asyncio.run(following(tmp_path / "runner.sqlite", nudges)) == 1


def test_a_commit_nobody_told_of_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "INTERVAL", 0.01)
    assert asyncio.run(following(tmp_path / "runner.sqlite", 0)) == 1


def test_a_nudge_returns_before_its_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who commits while a nudge is not answered relies on it."""
    monkeypatch.setattr(follower, "INTERVAL", NEVER)

    async def scenario() -> int:
        looks = Looks(tmp_path / "runner.sqlite")
        task = asyncio.create_task(looks.follower.run())
        await looks.follower.nudge()
        looks.write()  # in the very turn of the loop in which the nudge is answered
        async with asyncio.timeout(30):
            await looks.came.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return looks.written

    assert asyncio.run(scenario()) == 1


def test_a_commit_that_falls_into_the_work_for_another_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "INTERVAL", 0.01)

    async def scenario() -> None:
        looks = Looks(tmp_path / "runner.sqlite")
        looks.amid = looks.write
        task = asyncio.create_task(looks.follower.run())
        looks.write()
        async with asyncio.timeout(30):
            while looks.written < 2:
                await looks.came.wait()
                looks.came.clear()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())


def test_a_look_that_failed_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun again, it passes on what the failed look has found, although there are no more commits."""
    monkeypatch.setattr(follower, "INTERVAL", 0.01)
    place = Place(tmp_path)
    place.apply(job("old"))
    passed: list[tuple[str, list[str]]] = []

    async def changed(_revision: int, ids: Sequence[str]) -> None:
        passed.append(("changed", sorted(ids)))
        if len(passed) == 1:
            raise DatabaseError("the disk is full")

    async def written() -> None:
        passed.append(("written", []))
        if len(passed) == 3:
            raise DatabaseError("the disk is full")
        raise asyncio.CancelledError

    async def scenario() -> None:
        follows = Follower(connect(place.path), changed=changed, written=written)
        place.apply(job("new"))
        async with asyncio.timeout(30):
            for _ in range(2):
                with pytest.raises(DatabaseError):
                    await follows.run()
            with pytest.raises(asyncio.CancelledError):
                await follows.run()

    asyncio.run(scenario())
    assert passed == [("changed", ["new"]), ("changed", ["new"]), ("written", []), ("written", [])]


def test_all_that_others_have_applied_since_is_passed_on_at_once(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.apply(job("old"))
    passed: list[tuple[int, list[str]]] = []

    async def changed(revision: int, ids: Sequence[str]) -> None:
        passed.append((revision, sorted(ids)))

    async def written() -> None:
        raise AssertionError("it was not told to look for commits")

    async def scenario() -> None:
        follows = Follower(connect(place.path), changed=changed, written=written)
        place.apply(job("a"))
        place.apply(job("b"))
        await follows.catch_up()
        await follows.catch_up()

    asyncio.run(scenario())
    assert passed == [(3, ["a", "b"])]
