"""People hear of stale data once, and once that it is fresh again, whatever is begun again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger
from support.db import database

from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.db.renames import Rename, rename
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.freshness_watch import FreshnessWatch

HOUR = 3_600_000


class World(AlertLedger):
    """A ledger whose data is watched: ``fetch`` is to write ``datastore:mail`` within two hours."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.add_node("datastore:mail", fresh_within_ms=2 * HOUR)
        self.tell: tuple[str, ...] = (OPS,)

    def play(self, acts: Callable[[], Awaitable[None]]) -> None:
        async def playing() -> None:
            async with Writer(self.path, self.clock) as writer:
                self.writer = writer
                self.reads = ThreadReads(database(self.path, self.clock))
                self.begin_again()
                await acts()
                assert await self.watch.close(5)

        asyncio.run(playing())

    def begin_again(self) -> None:
        """As a runner that starts anew."""
        self.watch = FreshnessWatch(reads=self.reads, writer=self.writer, clock=self.clock, tell=self.tell)

    def apply(self) -> None:
        """As an apply that changes something else."""
        self.conn.execute(
            "INSERT INTO revisions"
            " (applied_at, applied_by, created, updated, deleted, drifted, changes, held)"
            " SELECT applied_at, applied_by, 0, 0, 0, 0, '[]', '[]' FROM revisions LIMIT 1"
        )

    async def passes(self, hours: float) -> list[str]:
        """Time passes and the data is looked at; what is said then."""
        self.clock.advance(hours=hours)
        await self.watch.look()
        await self.watch.look()
        return self.said()

    def told(self) -> list[tuple[str | None, str, str]]:
        """Job, subject and words of what was opened."""
        rows = self.conn.execute(
            "SELECT job_id, facts ->> '$.subject', facts ->> '$.words' FROM outbox WHERE said = 'opened'"
        )
        return [(job_id, str(subject), str(words)) for job_id, subject, words in rows]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "runner.sqlite")


def test_stale_data_is_told_once_and_once_that_it_is_fresh_again(world: World) -> None:
    world.add_told_job("fetch", writes=("datastore:mail",), timezone="Europe/Vienna")

    async def acts() -> None:
        world.end("fetch", "ok")
        assert await world.passes(2) == []
        assert await world.passes(1) == ["opened stale"]
        assert await world.passes(1) == []
        world.begin_again()
        assert await world.passes(1) == []
        world.end("fetch", "ok")
        assert await world.passes(0) == ["recovered stale"]
        assert await world.passes(1) == []

    world.play(acts)
    words = "is stale: last written at 2026-03-01 13:00 Europe/Vienna (12:00 UTC) (expected within 2h)"
    assert world.told() == [("fetch", "datastore:mail", words)]
    assert world.open_causes() == []


def test_data_that_nothing_has_written_is_counted_from_its_declaration(world: World) -> None:
    world.add_told_job("fetch", writes=("datastore:mail",))

    async def acts() -> None:
        assert await world.passes(3) == ["opened stale"]

    world.play(acts)
    assert world.told()[0][2] == (
        "is stale: nothing has written it since it was declared at 2026-03-01 12:00 UTC (expected within 2h)"
    )


def test_data_that_no_job_writes_is_told_where_all_else_is(world: World) -> None:
    async def acts() -> None:
        assert await world.passes(3) == ["opened stale"]
        world.add_node("datastore:mail", fresh_within_ms=10 * HOUR)
        assert await world.passes(0) == ["recovered stale"]

    world.play(acts)
    assert world.told()[0][:2] == (None, "datastore:mail")


def test_a_pause_of_its_writer_does_not_stop_it(world: World) -> None:
    world.add_told_job("fetch", writes=("datastore:mail",))
    world.pause("fetch")

    async def acts() -> None:
        assert await world.passes(3) == ["opened stale"]

    world.play(acts)


def test_a_job_that_does_not_choose_it_is_not_told_of_and_not_asked_at_each_look(world: World) -> None:
    world.add_told_job("fetch", writes=("datastore:mail",), alert=Alert(on=("failure",)))

    async def acts() -> None:
        assert await world.passes(3) == []
        before = world.conn.execute("SELECT count(*) FROM incidents").get
        version = world.conn.execute("PRAGMA data_version").get
        assert await world.passes(1) == []
        assert world.conn.execute("PRAGMA data_version").get == version
        assert before == 0
        world.add_told_job("fetch", writes=("datastore:mail",))
        world.apply()
        assert await world.passes(0) == ["opened stale"]

    world.play(acts)


def test_what_had_no_channel_is_told_once_there_is_one(world: World) -> None:
    world.add_job("fetch", writes=("datastore:mail",))

    async def acts() -> None:
        assert await world.passes(3) == []
        assert world.open_causes() == ["stale"]
        world.add_told_job("fetch", writes=("datastore:mail",))
        world.apply()
        assert await world.passes(0) == ["opened stale"]
        assert world.conn.execute('SELECT "count" FROM incidents').get == 1

    world.play(acts)


def test_nothing_is_said_of_data_of_which_nothing_is_expected_any_more(world: World) -> None:
    world.add_told_job("fetch", writes=("datastore:mail",))

    async def acts() -> None:
        assert await world.passes(3) == ["opened stale"]
        world.add_node("datastore:mail")
        assert await world.passes(0) == []
        assert world.open_causes() == []

    world.play(acts)


def test_an_incident_stays_one_when_its_job_gets_another_id_or_another_job_writes(world: World) -> None:
    world.add_told_job("fetch", writes=("datastore:mail",))

    async def acts() -> None:
        assert await world.passes(3) == ["opened stale"]
        with world.tx() as tx:
            rename(tx, [Rename("fetch", "get")], world.revision)
        world.add_told_job("get")
        world.add_told_job("sort", writes=("datastore:mail",))
        world.apply()
        assert await world.passes(0) == []
        world.end("sort", "ok")
        assert await world.passes(0) == ["recovered stale"]

    world.play(acts)
    assert world.conn.execute("SELECT job_id FROM incidents").fetchall() == [("get",)]


def test_a_mute_holds_it_back(world: World) -> None:
    world.add_told_job("fetch", writes=("datastore:mail",))

    async def acts() -> None:
        world.mute("fetch", 240)
        assert await world.passes(3) == []
        assert await world.passes(2) == []
        world.review()
        assert world.said() == ["opened stale"]

    world.play(acts)
