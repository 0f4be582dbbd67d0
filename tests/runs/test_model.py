"""Whatever happens in whatever order: what must hold of runs at every moment, and at the end."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.runs import SECONDLY, Place, Rig, job, running

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import JobSpec, OverlapPolicy, Retries
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db import overrides
from jeeves_runner.errors import Conflict, Fenced, NoServer, NotFound

LIMIT = 3
STEPS = 60

COMMANDS = ("true", "exit 1", "sleep 0.05", "sleep 0.05; exit 1", "sleep 60 & sleep 0.02", "exec sleep 60")
RETRIES = Retries(limit=2, delay_ms=20, on=("error", "timeout", "interrupted"))
FIELDS: dict[str, dict[str, Any]] = {
    "skip": {},
    "retry": {"retries": RETRIES},
    "allow": {"overlap_policy": OverlapPolicy.ALLOW},
    "queue": {"overlap_policy": OverlapPolicy.QUEUE, "retries": RETRIES},
    "replace": {"overlap_policy": OverlapPolicy.REPLACE, "pool": "small"},
    "timeout": {"timeout_ms": 30, "pool": "small", "priority": 5},
}


class Story:
    """A random sequence of events, and what is due in it."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.dice = Random(seed)
        self.enabled = dict.fromkeys(FIELDS, True)
        self.due: dict[str, list[datetime]] = {name: [] for name in FIELDS}
        self.violations: list[str] = []
        self.changed = asyncio.Event()
        self.started = place.clock.now().replace(microsecond=0) - timedelta(seconds=2)
        place.apply(*(self._spec(name) for name in FIELDS))

    def watch(self) -> None:
        """Called after every commit of the runner."""
        self.changed.set()
        running = list(
            self.place.conn.execute(
                "SELECT job_id, forced OR trigger = 'retry' FROM runs WHERE status = 'running'"
            )
        )
        if len(running) > LIMIT:
            self.violations.append(f"{len(running)} run at once")
        by_rule = [name for name, free in running if not free and name != "allow"]
        if len(by_rule) > len(set(by_rule)):
            self.violations.append(f"overlap: {by_rule}")
        in_pool = [name for name, _ in running if name in ("replace", "timeout")]
        if len(in_pool) > 1:
            self.violations.append(f"in the pool of one: {in_pool}")

    async def step(self, rig: Rig) -> None:
        name = self.dice.choice(list(FIELDS))
        actions = {
            self._occur: 8,
            self._trigger: 3,
            self._cancel: 2,
            self._pause_or_resume: 2,
            self._edit: 2,
            self._request: 1,
            self._breathe: 4,
        }
        (action,) = self.dice.choices(list(actions), list(actions.values()))
        await action(rig, name)

    async def _occur(self, rig: Rig, name: str) -> None:
        if not self.enabled[name]:
            return
        when = (self.due[name][-1] if self.due[name] else self.started) + timedelta(seconds=1)
        if self.due[name] and self.dice.random() < 0.2:
            when = self.dice.choice(self.due[name])  # a second time, as after a clock was set back
        else:
            self.due[name].append(when)
        with suppress(Fenced, NoServer):
            await rig.runs.submit(Due(job_id=name, schedule=SECONDLY, first=when, latest=when, count=1))

    async def _trigger(self, rig: Rig, name: str) -> None:
        with suppress(Conflict, Fenced, NoServer, NotFound):
            await rig.runs.request(name, None, self.dice.random() < 0.3)

    async def _request(self, rig: Rig, name: str) -> None:
        with suppress(Conflict, NotFound):
            self.place.request(name)
        await rig.runs.look()

    async def _cancel(self, rig: Rig, name: str) -> None:
        ids = [run.id for run in self.place.runs() if not run.status.is_final]
        if ids:
            await rig.runs.cancel(self.dice.choice(ids))

    async def _pause_or_resume(self, rig: Rig, name: str) -> None:
        until = self.dice.choice([None, self.place.clock.now() + timedelta(seconds=0.05)])
        with self.place.write() as tx:
            if not overrides.resume(tx, name, by=Actor("test")):
                end = None if until is None else End(until)
                with suppress(NotFound):
                    overrides.pause(tx, name, until=end, reason=None, by=Actor("test"))
        await rig.runs.look()

    async def _edit(self, rig: Rig, name: str) -> None:
        kind = self.dice.choice(["change", "disable", "delete"])
        self.enabled[name] = kind == "change"
        specs, gone = ((), (name,)) if kind == "delete" else ((self._spec(name),), ())
        await rig.runs.on_plan(self.place.apply(*specs, delete=gone))

    async def _breathe(self, rig: Rig, name: str) -> None:
        await asyncio.sleep(self.dice.choice([0, 0, 0.001, 0.02]))

    def _spec(self, name: str) -> JobSpec:
        return job(
            name,
            self.dice.choice(COMMANDS),
            enabled=self.enabled[name],
            kill_grace_ms=100,
            schedule=("* * * * * *",),
            **FIELDS[name],
        )

    def let_go(self) -> None:
        """Nothing stands in the way of what waits any more, and nothing runs for long."""
        self.enabled = dict.fromkeys(FIELDS, True)
        with self.place.write() as tx:
            for name in FIELDS:
                overrides.resume(tx, name, by=Actor("test"))
        self.place.apply(*(job(name, "true", **FIELDS[name]) for name in FIELDS))


async def tell(place: Place, story: Story) -> None:
    """Two runners: the second takes over while the first is in the midst of its work."""
    async with running(place, max_concurrency=LIMIT, pools={"small": 1}, watch=story.watch) as first:
        for _ in range(STEPS):
            await story.step(first)
        async with running(place, max_concurrency=LIMIT, pools={"small": 1}, watch=story.watch) as second:
            for _ in range(STEPS // 2):
                await story.step(second)
            story.let_go()
            await second.runs.on_plan(list(FIELDS))
            await second.runs.look()
            for run in place.runs():
                if run.status == "running":
                    await second.runs.cancel(run.id)
            async with asyncio.timeout(20):
                while place.value("SELECT count(*) FROM runs WHERE finished_at IS NULL"):
                    story.changed.clear()
                    await story.changed.wait()


@pytest.mark.parametrize("seed", range(6))
def test_random_stories(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    place = Place(tmp_path)
    story = Story(place, seed)
    asyncio.run(tell(place, story))
    assert story.violations == []
    assert [r.message for r in caplog.records if r.exc_info] == []
    assert_every_occurrence_has_one_row(place, story)
    assert_no_occurrence_started_twice(place)
    assert marks_in_use(place) == []


def assert_every_occurrence_has_one_row(place: Place, story: Story) -> None:
    for name, times in story.due.items():
        rows = place.conn.execute(
            "SELECT scheduled_for, coalesce(last_for, scheduled_for) FROM runs"
            " WHERE job_id = ? AND trigger IN ('schedule', 'catch_up')",
            (name,),
        )
        spans = [(from_text(first), from_text(last)) for first, last in rows]
        for when in times:
            assert sum(first <= when <= last for first, last in spans) == 1, (name, to_text(when))


def assert_no_occurrence_started_twice(place: Place) -> None:
    twice = place.conn.execute(
        "SELECT job_id, scheduled_for FROM runs WHERE scheduled_for IS NOT NULL AND started_at IS NOT NULL"
        " AND attempt = 1 GROUP BY 1, 2 HAVING count(*) > 1"
    )
    assert list(twice) == []


def marks_in_use(place: Place) -> list[str]:
    """Marks of this place's runs that some process bears."""
    marks = {mark.encode() for (mark,) in place.conn.execute("SELECT mark FROM runs WHERE mark IS NOT NULL")}
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            environment = environ.read_bytes()
            found += [environ.parent.name for mark in marks if mark in environment]
    return found
