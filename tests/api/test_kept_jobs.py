"""The list of jobs that is kept: whatever happens, and by whom, it is what would be read now."""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import NOON
from support.ledger import Ledger

from jeeves_runner.api import kept_jobs
from jeeves_runner.api.commits import Commits
from jeeves_runner.api.job_texts import JobTexts
from jeeves_runner.api.kept_jobs import KeptJobs
from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.api.responses import encode
from jeeves_runner.api.services import ApiServices
from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Timetable
from jeeves_runner.db import overrides, skipping
from jeeves_runner.db.connection import connect
from jeeves_runner.errors import JeevesError
from jeeves_runner.views.job_search import marks_of
from jeeves_runner.views.jobs import jobs_view

IDS: Final = ("a", "b", "c", "d")
BY: Final = Actor("test")
HOURLY: Final = ("0 * * * *",)


class World:
    """A database that other processes write, a timetable, and the list that a server keeps of both."""

    def __init__(self, folder: Path, running: list[int] | None = None) -> None:
        self.ledger = Ledger(folder / "runner.sqlite")
        self.clock = self.ledger.clock
        self.timetable = Timetable()
        self.late: dict[str, datetime] = {}
        self.reads = ReadPool(self.ledger.path)
        self.conn = connect(self.ledger.path)
        services = SimpleNamespace(
            conn=self.conn,
            clock=self.clock,
            next_run=self.timetable.next_of,
            moves=lambda: self.timetable.moves,
            catching_up=lambda: dict(self.late),
            runs=SimpleNamespace(running_ids=running or []),
        )
        self.commits = Commits(self.conn)
        self.jobs = KeptJobs(cast(ApiServices, services), self.reads, self.commits)
        for job_id in IDS:
            self.ledger.add_job(job_id, schedule=HOURLY, tags=("x", "ä"))
            self.timetable.put(job_id, parse_schedule(HOURLY, "UTC", job_id), NOON)

    async def list(self) -> JobTexts:
        """As a request that comes now gets it."""
        return await self.jobs.texts(self.commits.looks)

    async def check(self) -> JobTexts:
        """AssertionError unless the list, and its pages, are what is read now."""
        texts = await self.list()
        expected = jobs_view(self.ledger.conn, self.clock.now(), self.timetable.next_of, self.late)
        assert b"".join(texts.document()) == encode(expected) == texts.whole
        assert list(texts.marks) == list(map(marks_of, expected["jobs"]))
        ids = [job["id"] for job in expected["jobs"]]
        for after in ("", "b", "zz"):
            found = [job for job in expected["jobs"] if job["id"] > after]
            page: dict[str, object] = {"jobs": found[:2]}
            if len(found) > 2:
                page["next_cursor"] = found[1]["id"]
            assert b"".join(texts.document(after, 2)) == encode(page), (after, ids)
        return texts

    async def close(self) -> None:
        await self.jobs.close(cast(Any, None))
        await self.reads.close(cast(Any, None))
        self.conn.close()
        self.ledger.conn.close()


def play(act: Callable[[World], Awaitable[None]], running: list[int] | None = None) -> None:
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), running)
            await act(world)
            await world.close()

    asyncio.run(scenario())


def _sql(world: World, statement: str, *values: object) -> None:
    world.ledger.conn.execute(statement, values)


def _override(world: World, job: str | None, kind: str, minutes: int | None) -> None:
    begin = overrides.pause if kind == "pause" else overrides.mute
    end = None if minutes is None else timedelta(minutes=minutes)
    with world.ledger.tx() as tx:
        until = None if end is None else End(tx.now + end, end // timedelta(milliseconds=1))
        begin(tx, job, until=until, reason="by hand", by=BY)


def _resume(world: World, job: str | None, kind: str) -> None:
    with world.ledger.tx() as tx:
        (overrides.resume if kind == "pause" else overrides.unmute)(tx, job, by=BY)


def _skip(world: World, job: str, hours: int | None) -> None:
    """The next occurrence, or one in some hours."""
    with world.ledger.tx() as tx:
        at = None if hours is None else (tx.now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:00")
        skipping.skip(tx, job, at, reason=None, by=BY)


def _decide(world: World, job: str, minutes: int) -> None:
    at = to_text(world.clock.now() + timedelta(minutes=minutes))
    _sql(world, "UPDATE jobs SET decided_until = ? WHERE id = ?", at, job)


def _due(world: World) -> None:
    world.timetable.due(world.clock.now())


def _catch_up(world: World, job: str, minutes: int) -> None:
    world.late[job] = world.clock.now() + timedelta(minutes=minutes)


def _hold(world: World, job: str) -> None:
    _sql(world, "DELETE FROM held")
    world.ledger.hold(job, "it is broken")


_jobs = st.sampled_from(IDS)
_any_job = _jobs | st.none()
_kinds = st.sampled_from(["pause", "mute"])
_minutes = st.integers(-10, 300)
Act = Callable[[World], None]


def _act(function: Callable[..., None], *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(*arguments).map(lambda given: lambda world: function(world, *given))


_END: Final = """
UPDATE runs SET status = 'ok', finished_at = started_at, duration_ms = 0,
  end_seq = (SELECT max(end_seq) + 1 FROM runs)
WHERE job_id = ? AND status = 'running'
"""
_HAND: Final = (
    "UPDATE jobs SET description = 'other' WHERE id = ?",
    "UPDATE jobs SET enabled = NOT enabled WHERE id = ?",
    "UPDATE jobs SET timezone = 'Asia/Tokyo' WHERE id = ?",
    "UPDATE jobs SET spec = json_set(spec, '$.tags', json_array('y')) WHERE id = ?",
    "UPDATE jobs SET spec = json_set(spec, '$.exclude', json_array('2026-03-01')) WHERE id = ?",
    "UPDATE jobs SET schedule_since = '2027-01-01T00:00:00.000Z' WHERE id = ?",
    "UPDATE runs SET status = 'error' WHERE job_id = ? AND status = 'ok'",
    "UPDATE runs SET duration_ms = duration_ms + 1 WHERE job_id = ?",
    "UPDATE overrides SET until = 'whenever' WHERE job_id = ?",
    "UPDATE overrides SET until = '2026-03-01T14:00:00.000Z', length_ms = 60000 WHERE job_id = ?",
    "UPDATE overrides SET scheduled_for = '2026-03-01T15:00:00.000Z' WHERE job_id = ? AND kind = 'skip'",
    "UPDATE runs SET started_at = finished_at WHERE job_id = ?",
    "UPDATE runs SET started_at = '2026-03-01T11:30:00.000Z' WHERE job_id = ? AND status = 'running'",
    "UPDATE runs SET status = 'running', started_at = created_at WHERE job_id = ? AND status = 'scheduled'",
    _END,
    "UPDATE runs SET job_id = 'd' WHERE job_id = ?",
    "DELETE FROM runs WHERE job_id = ?",
    "DELETE FROM runs WHERE id = (SELECT min(id) FROM runs WHERE job_id = ?)",
    "DELETE FROM runs WHERE id = (SELECT max(id) FROM runs WHERE job_id = ?)",
    "DELETE FROM held WHERE id = ?",
)

_acts: Final = st.one_of(
    _act(lambda world, job, status: world.ledger.add_run(job, status), _jobs, st.sampled_from(
        ["ok", "error", "running", "scheduled", "skipped"]
    )),
    _act(_override, _any_job, _kinds, st.integers(1, 300) | st.none()),
    _act(_resume, _any_job, _kinds),
    _act(_skip, _jobs, st.integers(1, 5) | st.none()),
    _act(_decide, _jobs, _minutes),
    _act(_due),
    _act(_catch_up, _jobs, _minutes),
    _act(lambda world: world.late.clear()),
    _act(lambda world, minutes: world.clock.advance(minutes=minutes), st.integers(0, 200)),
    _act(lambda world, minutes: world.clock.set(minutes=minutes), st.integers(-300, 300)),
    _act(lambda world, job, statement: _sql(world, statement, job), _jobs, st.sampled_from(_HAND)),
    _act(lambda world, job: world.ledger.delete_job(job), _jobs),
    _act(lambda world, job: world.ledger.add_job(job, schedule=("30 * * * *",)), _jobs),
    _act(lambda world, job: world.timetable.remove(job), _jobs),
    _act(_hold, _jobs),
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(_acts, st.integers(0, 90) | st.none()), min_size=1, max_size=30))
def test_whatever_happens_the_list_is_what_would_be_read_now(acts: list[tuple[Act, int | None]]) -> None:
    async def act(world: World) -> None:
        await world.check()
        for each, minutes in acts:
            before = world.jobs._kept
            with suppress(JeevesError):  # some acts are refused where they make no sense
                each(world)
            if minutes is not None:
                texts = await world.check()
                assert before is None or (
                    texts.tag != before.texts.tag or texts.whole == before.texts.whole
                )  # a tag stands for one list
                world.clock.advance(minutes=minutes)
                await world.check()  # that time has passed is all that has happened
        await world.check()

    play(act)


def test_what_has_not_changed_is_not_read_again() -> None:
    async def act(world: World) -> None:
        first = await world.list()
        number = world.jobs._begun
        assert await world.list() is first
        assert world.jobs._begun == number

    play(act)


def test_a_commit_that_concerns_no_job_leaves_the_tag_as_it_is() -> None:
    async def act(world: World) -> None:
        first = await world.list()
        world.ledger.declare_queue("mail")
        assert (await world.list()).tag == first.tag
        assert world.jobs._begun == 2

    play(act)


def test_of_one_job_that_changes_no_other_is_encoded_again() -> None:
    async def act(world: World) -> None:
        first = await world.list()
        world.ledger.add_run("b")
        second = await world.list()
        assert [one is other for one, other in zip(first.texts, second.texts, strict=True)] == [
            True, False, True, True,
        ]  # fmt: skip
        assert first.tag != second.tag

    play(act)


def test_requests_that_come_while_a_list_is_read_share_the_next_one() -> None:
    async def act(world: World) -> None:
        await world.list()
        world.ledger.add_run("b")
        lists = await asyncio.gather(*(world.list() for _ in range(20)))
        assert len({id(each) for each in lists}) == 1
        assert world.jobs._begun <= 3

    play(act)


def test_while_anything_runs_a_list_is_as_new_as_ever_and_read_less_often() -> None:
    async def act(world: World) -> None:
        for _ in range(3):
            world.ledger.add_run("b")
            await world.check()

    play(act, running=[1])


def test_a_pause_ends_by_the_time_alone() -> None:
    async def act(world: World) -> None:
        _override(world, "a", "pause", 5)
        first = await world.check()
        world.clock.advance(minutes=4, seconds=59, milliseconds=999)
        assert (await world.check()).tag == first.tag
        world.clock.advance(milliseconds=1)
        assert (await world.check()).tag != first.tag

    play(act)


async def _come(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.005)


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_jobs, "_SETTLED", 0.0)
    monkeypatch.setattr(kept_jobs, "_REST", 0.01)


@pytest.mark.usefixtures("looks_often")
def test_the_first_request_finds_the_list_read_and_no_later_one_reads_more_than_is_new() -> None:
    async def act(world: World) -> None:
        await world.jobs.start(cast(Any, None))
        await _come(lambda: world.jobs._kept is not None)
        first = await world.list()
        assert world.jobs._begun == 1
        world.ledger.add_run("b")
        await _come(lambda: world.jobs._begun == 2)  # without a request
        texts = (await world.check()).texts
        assert [one is other for one, other in zip(first.texts, texts, strict=True)] == [
            True, False, True, True,
        ]  # fmt: skip

    play(act)


@pytest.mark.usefixtures("looks_often")
def test_a_list_that_cannot_be_read_is_told_of_once_and_tried_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(world: World) -> None:
        tried = 0
        read = world.reads.read

        async def fail(_read: object) -> None:
            nonlocal tried
            tried += 1
            raise OSError("the disk is gone")

        monkeypatch.setattr(world.reads, "read", fail)
        await world.jobs.start(cast(Any, None))
        await _come(lambda: tried > 2)
        monkeypatch.setattr(world.reads, "read", read)
        await _come(lambda: len(caplog.messages) == 2)
        await world.check()

    with caplog.at_level(logging.INFO, kept_jobs.__name__):
        play(act)
    assert caplog.messages == [
        "the list of jobs cannot be read: the disk is gone",
        "the list of jobs is read again",
    ]
