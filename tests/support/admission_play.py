"""Lets the same happen to the model and to the product, and compares them when both are at rest."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support import admission_backfills
from support.admission_acts import (
    FOR_EVER,
    SCHEDULE,
    Act,
    Arrive,
    Ask,
    BackfillOf,
    CancelOf,
    Declare,
    EndOf,
    Further,
    Hear,
    PauseUntil,
    SkipOf,
    at_doors,
    in_model,
    spec_of,
)
from support.admission_events import (
    Backfill,
    ByHand,
    ByRow,
    Cancel,
    Change,
    Comes,
    ComesAgain,
    Delete,
    Disable,
    Ends,
    Event,
    Look,
    Pause,
    Restart,
    Restore,
    Resume,
    Skip,
    Unskip,
    Wait,
    World,
)
from support.admission_model import AdmissionModel
from support.admission_state import JobRules, Row
from support.clock import NOON, HandClock
from support.doors import REFUSALS, Doors, SeenRow, make_place
from support.resting import RestingLoop, run_resting

from jeeves_runner.core.model import RunStatus

_MAY_MEET_WHAT_IS_UNSEEN = (ByRow, Pause, Resume, Change, Disable, Delete, Restart)


class Play:
    """A world, the model of it and the product; ``told`` is what has happened so far."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.clock = doors.clock
        self.model = AdmissionModel.of(
            world.jobs, limit=world.limit, pools=dict(world.pools), now=self.clock.now()
        )
        self.told: list[Event] = []
        self._handed_over: dict[str, datetime] = {}
        self._last: dict[str, tuple[datetime, ...]] = {}

    async def one_after_the_other(self, events: Sequence[Event]) -> None:
        """Compare after each."""
        for event in events:
            self.told.append(event)
            await self._happens(event)
            await self.doors.rest()
            if any(each.is_active for each in self.model.backfills):
                await self._both(Hear())
                await self._both(Further())
                admission_backfills.check(self.model)
            self.compare()

    async def _happens(self, event: Event) -> None:
        if self.model.unseen and not isinstance(event, _MAY_MEET_WHAT_IS_UNSEEN):
            await self._both(Hear())  # any commit of the runner may have it look
        if isinstance(event, Restart):
            await self._restart(event.dies)
            return
        if isinstance(event, Wait):
            await self._pass_time(event.seconds)
        elif isinstance(event, Comes):
            await self._pass_time(event.after)
        for act in self.acts(event):
            await self._both(act)

    def acts(self, event: Event) -> list[Act]:
        """What an event comes to in this moment; nothing if there is nothing that it could be about."""
        match event:
            case Comes(job) | ComesAgain(job):
                return self._occurrences(job, again=isinstance(event, ComesAgain))
            case ByHand(job, forced):
                return [Ask(job, forced)]
            case ByRow(job, forced, heard):
                return [Ask(job, forced, by_row=True), Hear()] if heard else [Ask(job, forced, by_row=True)]
            case Look():
                return [Hear()]
            case Ends(which, code):
                return [EndOf(row.id, code) for row in _one_of(self.model.running(), which)]
            case Cancel(which):
                active = [row for row in self.model.rows if row.is_open]
                return [CancelOf(row.id) for row in _one_of(active, which)]
            case _:
                return self._acts_on_a_job(event)

    def _acts_on_a_job(self, event: Event) -> list[Act]:
        match event:
            case Pause(job, seconds) if job is None or not self.model.jobs[job].deleted:
                end = FOR_EVER if seconds is None else self.clock.now() + timedelta(seconds=seconds)
                return [PauseUntil(job, end)]
            case Resume(job):
                return [PauseUntil(job, None)]
            case Skip(job, which) | Unskip(job, which):
                return [SkipOf(job, self._following(job, which), back=isinstance(event, Unskip))]
            case Change(job) if self.model.jobs[job].is_wanted:
                return [Declare(job, "change")]
            case Backfill(job, seconds, parallel):
                return self._backfill(job, seconds, parallel)
            case Disable(job) if self.model.jobs[job].is_wanted:
                return [Declare(job, "disable")]
            case Delete(job) if not self.model.jobs[job].deleted:
                return [Declare(job, "delete")]
            case Restore(job) if not self.model.jobs[job].is_wanted:
                self._handed_over[job] = self.clock.now()
                return [Declare(job, "restore")]
            case _:
                return []

    def _occurrences(self, job: str, *, again: bool) -> list[Act]:
        """What has come due since the last time, or what came then."""
        if not again:
            found = tuple(SCHEDULE.between(self._handed_over.get(job, NOON), self.clock.now()))
            self._handed_over[job] = self.clock.now()
            self._last[job] = found or self._last.get(job, ())
            return [Arrive(job, found)] if found else []
        last = self._last.get(job)
        return [Arrive(job, last)] if last else []

    def _backfill(self, job: str, seconds: int, parallel: int) -> list[Act]:
        """Of times about which the schedule has decided; nothing if there are none."""
        its, now = self.model.jobs[job], self.clock.now()
        decided = max(each for each in (NOON, its.since, its.decided_until) if each is not None)
        undecided = SCHEDULE.next_after(min(decided, now))
        times = SCHEDULE.between(now - timedelta(seconds=seconds), now)
        found = tuple(when for when in times if undecided is None or when < undecided)
        return [BackfillOf(job, found, parallel)] if found else []

    def _following(self, job: str, which: int) -> datetime:
        """One of the occurrences after what was handed over last; -1: the last of that, if there was any."""
        if which < 0 and self._last.get(job):
            return self._last[job][which]
        times = SCHEDULE.between(self._handed_over.get(job, NOON), FOR_EVER)
        return next(islice(times, max(0, which), None))

    async def _both(self, act: Act) -> None:
        taken = in_model(self.model, act)
        answer = at_doors(self.doors, act, self.world.jobs)
        await self.doors.rest()
        if isinstance(act, Ask | SkipOf | BackfillOf) and answer is not None:
            assert answer.done()
            assert isinstance(answer.exception(), REFUSALS) is not taken, (self.told, answer)

    async def _pass_time(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)
        self.model.pass_time(self.clock.now())
        await self.doors.rest()

    async def _restart(self, dies: bool) -> None:
        if dies:
            self.doors.abandon()
        else:
            await self.doors.shut_down()
        await self.doors.start()
        self.model.restart()

    def compare(self) -> None:
        """Rows, watermarks and what really runs."""
        wanted = [self.line(row) for row in self.model.rows]
        found = [self._found(row) for row in self.doors.rows()]
        assert found == wanted, f"{self.world}\n{self.told}\n{differences(found, wanted)}"
        assert self.doors.watermarks() == {name: job.decided_until for name, job in self.model.jobs.items()}
        assert set(self.doors.executor.live) == {row.id for row in self.model.running()}
        assert self.unasked(self.model.running()) == [], self.told
        asked = {row.id for row in self.model.running() if row.id in self.doors.executor.asked}
        assert asked <= {row.id for row in self.model.running() if row.cause}, self.told

    def unasked(self, running: Iterable[Row | SeenRow]) -> list[int]:
        """Runs that were not asked to end, although their rows say so."""
        return [row.id for row in running if row.cause and row.id not in self.doors.executor.asked]

    def line(self, row: Row) -> str:
        """A row of the model as a line; one that waits may give any of the reasons that hold."""
        return _line(row, sorted(self.model.true_reasons(row)) if row.waits else row.reason)

    def _found(self, row: SeenRow) -> str:
        """A row of the product as a line: like that of the model, where its reason is one that holds."""
        if row.status is RunStatus.SCHEDULED and row.id <= len(self.model.rows):
            reasons = self.model.true_reasons(self.model.row(row.id))
            if row.reason in reasons or (row.reason is None and not reasons):
                return _line(row, sorted(reasons))
        return _line(row, row.reason)


def _one_of(rows: Sequence[Row], which: int) -> list[Row]:
    return [rows[which % len(rows)]] if rows else []


def line_of(row: SeenRow) -> str:
    return _line(row, row.reason)


def _line(row: Row | SeenRow, reason: object) -> str:
    facts = [
        f"{row.id} {row.job} {row.trigger} {row.attempt}: {row.status}",
        f"({reason})" if reason else "",
        "forced" if row.forced else "",
        f"at {row.scheduled_for:%M:%S}" if row.scheduled_for else "",
        f"to {row.last_for:%M:%S} ({row.occurrences})" if row.occurrences > 1 and row.last_for else "",
        f"chain {row.chain}" if row.chain else "",
        f"from {row.not_before:%M:%S}" if row.not_before else "",
        "started" if row.started else "",
        f"asked to end: {row.cause}" if row.cause and row.status is RunStatus.RUNNING else "",
    ]
    return " ".join(filter(None, facts))


def differences(found: Sequence[str], wanted: Sequence[str]) -> str:
    lines = []
    for number in range(max(len(found), len(wanted))):
        is_there = found[number] if number < len(found) else "nothing"
        must_be = wanted[number] if number < len(wanted) else "nothing"
        same = is_there == must_be
        lines.append(f"  {is_there}" if same else f"! is      {is_there}\n! must be {must_be}")
    return "\n".join(lines)


def in_a_world(
    world: World,
    template: Path,
    what: Callable[[Play], Coroutine[Any, Any, None]],
    kind: type[Play] = Play,
    *,
    one_by_one: bool = False,
) -> None:
    """Do something with a fresh runner in a fresh folder. The template is an empty database."""
    clock = HandClock()

    async def main(loop: RestingLoop) -> None:
        place = make_place(template, Path(folder), clock, [spec_of(rules) for rules in world.jobs])
        doors = Doors(place, loop, limit=world.limit, pools=dict(world.pools), one_by_one=one_by_one)
        try:
            await doors.start()
            await doors.rest()
            await what(kind(world, doors))
        finally:
            await doors.close()
            place.conn.close()

    with TemporaryDirectory() as folder:
        run_resting(clock, main)


def with_doors(
    template: Path, scenario: Callable[[Doors], Coroutine[Any, Any, None]], *jobs: JobRules, limit: int = 4
) -> None:
    """Do something at the doors of a fresh runner that has these jobs."""
    in_a_world(World(jobs=jobs, limit=limit), template, lambda it: scenario(it.doors))


def play(world: World, template: Path, events: Sequence[Event], *, one_by_one: bool = False) -> None:
    """One event after the other, compared after each."""
    in_a_world(world, template, lambda it: it.one_after_the_other(events), one_by_one=one_by_one)
