"""What is wrong with no job is told when it lasts, once, and its end too."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.core.plan import Held, Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.withheld import Withheld
from jeeves_runner.db.writer import Writer
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.runner.alert_watch import AlertWatch, held_manifests, tell_of_gap

WELL = SyncStatus(state="in_sync")
PROBLEM = Problem(
    severity="error",
    code="unknown_key",
    file="jobs.d/a.yaml",
    line=3,
    column=1,
    message="unknown key `schedul`",
    hint="did you mean schedule?",
)
FILE = "jobs.d/a.yaml"
HELD = SyncStatus(
    state="held",
    plan=Plan(
        held=tuple(Held(kind="job", id=each, file=FILE, message="its file is broken") for each in "ab"),
        problems=(PROBLEM, PROBLEM._replace(line=9, message="later")),
        complete=False,
    ),
)
BLOCKED = SyncStatus(
    state="blocked",
    reason="12 of 14 jobs would be deleted",
    withheld=(Withheld(by="guard", keys=(), reason="x", command="jeeves-runner apply --allow-deletes 12"),),
)


class Watched:
    """A watch, what it sees, and what it has put into the outbox."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder / "runner.sqlite")
        self.status = WELL
        self.shortage: str | None = None
        self.tell: tuple[str, ...] = ("C0000001",)

    def play(self, acts: Callable[["Watched", AlertWatch], Awaitable[None]]) -> None:
        async def playing() -> None:
            async with Writer(self.ledger.path, self.ledger.clock) as writer:
                await acts(self, self.watch(writer))

        asyncio.run(playing())

    def watch(self, writer: Writer) -> AlertWatch:
        return AlertWatch(
            conn=self.ledger.conn,
            writer=writer,
            clock=self.ledger.clock,
            sync=lambda: self.status,
            shortage=lambda: self.shortage,
            tell=self.tell,
        )

    def said(self) -> list[tuple[str, str, str]]:
        """``(said, cause, words)`` of all rows."""
        rows = self.ledger.conn.execute("SELECT said, cause, facts ->> '$.words' FROM outbox ORDER BY id")
        return [tuple(row) for row in rows]

    def facts(self, key: str) -> Any:
        return self.ledger.conn.execute("SELECT facts ->> ('$.' || ?) FROM outbox LIMIT 1", (key,)).get


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_manifest_that_is_held_for_five_minutes_is_told_once_with_its_line(watched: Watched) -> None:
    began = watched.ledger.now

    async def acts(world: Watched, watch: AlertWatch) -> None:
        world.status = HELD
        await watch.look()
        world.ledger.clock.advance(minutes=4, seconds=59)
        await watch.look()
        assert world.said() == []
        world.ledger.clock.advance(seconds=1)
        for _ in range(3):
            await watch.look()
        assert world.said() == [("opened", "held", "is held back: unknown key `schedul`")]
        world.status = WELL
        await watch.look()
        await watch.look()

    watched.play(acts)
    assert [said for said, _, _ in watched.said()] == ["opened", "recovered"]
    assert watched.facts("opened_at") == to_text(began)
    assert watched.facts("subject") == "jobs.d/a.yaml"
    assert watched.facts("lines") == (
        '[["Place","jobs.d/a.yaml:3:1"],["Hint","did you mean schedule?"],'
        '["Errors","2, of which this is the first"],["Run on as before","a, b"]]'
    )


@pytest.mark.parametrize("wrong", ["jobs.d/etl/_defaults.yaml", "jobs.d/etl"])
def test_what_holds_all_manifests_of_a_folder_is_told_once(wrong: str) -> None:
    files = ("jobs.d/etl/a.yaml", "jobs.d/etl/deep/b.yaml")
    held = tuple(Held(kind="job", id=each[-6], file=each, message=f"{wrong} is broken") for each in files)
    faults = (PROBLEM._replace(file=wrong), PROBLEM)
    plan = Plan(held=held, problems=faults, complete=False)
    assert {each.subject: each.facts["lines"][-1] for each in held_manifests(plan)} == {
        wrong: ["Run on as before", "a, b"],
        FILE: ["Hint", "did you mean schedule?"],
    }


def test_a_manifest_that_is_not_read_because_of_its_defaults_is_not_over(watched: Watched) -> None:
    fault = PROBLEM._replace(file="jobs.d/_defaults.yaml", message="bad defaults")
    hidden = SyncStatus(state="held", plan=replace(HELD.plan, problems=(fault,)))

    async def acts(world: Watched, watch: AlertWatch) -> None:
        for world.status in (HELD, hidden, HELD, WELL):
            await watch.look()
            world.ledger.clock.advance(minutes=5)
            await watch.look()

    watched.play(acts)
    assert watched.said() == [
        ("opened", "held", "is held back: unknown key `schedul`"),
        ("opened", "held", "is held back: bad defaults"),
        ("recovered", "held", "is held back: bad defaults"),
        ("recovered", "held", "is held back: unknown key `schedul`"),
    ]


def test_one_that_is_mended_in_time_is_not_told(watched: Watched) -> None:
    async def acts(world: Watched, watch: AlertWatch) -> None:
        for _ in range(10):
            world.status = HELD
            await watch.look()
            world.ledger.clock.advance(minutes=4)
            world.status = WELL
            await watch.look()

    watched.play(acts)
    assert watched.said() == []


def test_a_blocked_plan_says_how_it_is_confirmed(watched: Watched) -> None:
    async def acts(world: Watched, watch: AlertWatch) -> None:
        world.status = BLOCKED
        await watch.look()
        world.ledger.clock.advance(minutes=5)
        await watch.look()

    watched.play(acts)
    assert watched.said() == [("opened", "blocked", "are not applied: 12 of 14 jobs would be deleted")]
    assert watched.facts("lines") == '[["To apply it","jeeves-runner apply --allow-deletes 12"]]'


def test_a_full_disk_is_told_at_once(watched: Watched) -> None:
    async def acts(world: Watched, watch: AlertWatch) -> None:
        world.shortage = "less than 256MiB is free where /data is"
        await watch.look()
        world.shortage = None
        await watch.look()

    watched.play(acts)
    assert watched.said() == [
        ("opened", "disk_full", "is full: less than 256MiB is free where /data is; no run starts"),
        ("recovered", "disk_full", "is full: less than 256MiB is free where /data is; no run starts"),
    ]


def test_a_runner_that_starts_again_goes_on_where_the_last_one_was(watched: Watched) -> None:
    async def acts(world: Watched, watch: AlertWatch) -> None:
        world.status = HELD
        await watch.look()
        world.ledger.clock.advance(minutes=5)
        await watch.look()

    watched.play(acts)

    async def starting(world: Watched, watch: AlertWatch) -> None:
        world.status = SyncStatus(state="starting")
        await watch.look()
        assert len(world.said()) == 1
        world.status = WELL
        await watch.look()

    watched.play(starting)
    assert [said for said, _, _ in watched.said()] == ["opened", "recovered"]


def test_what_was_wrong_before_there_was_anybody_to_tell_is_told(watched: Watched) -> None:
    async def acts(world: Watched, watch: AlertWatch) -> None:
        world.status = HELD
        await watch.look()
        world.ledger.clock.advance(minutes=5)
        await watch.look()
        await watch.look()

    watched.tell = ()
    watched.play(acts)
    assert watched.said() == []
    watched.tell = ("C0000001",)
    watched.play(acts)
    watched.play(acts)
    assert [said for said, _, _ in watched.said()] == ["opened"]
    assert watched.facts("times") == 1


def test_what_was_over_before_anybody_was_told_counts_anew(watched: Watched) -> None:
    async def before(world: Watched, watch: AlertWatch) -> None:
        world.shortage = "too little"
        await watch.look()

    async def after(world: Watched, watch: AlertWatch) -> None:
        for shortage in (None, "too little"):
            world.shortage = shortage
            await watch.look()

    watched.tell = ()
    watched.play(before)
    watched.tell = ("C0000001",)
    watched.play(after)
    assert [said for said, _, _ in watched.said()] == ["opened"]
    assert watched.facts("times") == 1


def test_a_disk_has_room_again_whatever_can_be_said_of_the_manifests(watched: Watched) -> None:
    async def acts(world: Watched, watch: AlertWatch) -> None:
        world.shortage = "too little"
        await watch.look()
        world.status = SyncStatus(state="error", reason="jobs.d is missing")
        world.shortage = None
        await watch.look()

    watched.play(acts)
    assert [said for said, _, _ in watched.said()] == ["opened", "recovered"]


def test_what_lasts_is_reminded_of(watched: Watched) -> None:
    async def acts(world: Watched, watch: AlertWatch) -> None:
        world.shortage = "too little"
        await watch.look()
        world.ledger.clock.advance(hours=5, minutes=59)
        await watch.look()
        assert len(world.said()) == 1
        world.ledger.clock.advance(minutes=1)
        await watch.look()
        await watch.look()

    watched.play(acts)
    assert [said for said, _, _ in watched.said()] == ["opened", "reminder"]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=119), None),
        (timedelta(minutes=90), "was down 11:30-13:00 (1h 30m)"),
        (timedelta(days=2), "was down 2026-02-27 13:00-13:00 (2d)"),
        (None, None),
    ],
)
def test_a_time_without_a_runner_is_told_if_it_was_long(
    watched: Watched, length: timedelta | None, words: str | None
) -> None:
    since = None if length is None else watched.ledger.now - length

    async def telling() -> None:
        async with Writer(watched.ledger.path, watched.ledger.clock) as writer:
            await tell_of_gap(writer, ("C0000001",), since, "Europe/Berlin")

    asyncio.run(telling())
    assert [each[2] for each in watched.said()] == ([] if words is None else [words])
