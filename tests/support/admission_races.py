"""Events that come while others are being committed: the result must be that of some order of them."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum, auto
from itertools import chain, combinations, pairwise
from pathlib import Path
from typing import Any

import apsw
from support.admission_acts import Act, Ask, EndOf, at_doors, in_model
from support.admission_events import Comes, Event, World
from support.admission_model import AdmissionModel
from support.admission_play import Play, in_a_world, line_of
from support.admission_state import JobState, Row
from support.clock import NOON
from support.doors import LOST, Doors, SeenRow, read_rows, read_watermarks

from jeeves_runner.core.model import OverlapPolicy, RunStatus, Trigger


class Then(Enum):
    """What there is time for before the next event: nothing, a decision, or its commit as well."""

    NOTHING = auto()
    DECIDED = auto()
    COMMITTED = auto()


_OF_WHAT_IS_SKIPPED = """
SELECT runs.id FROM overrides JOIN runs ON runs.job_id = overrides.job_id AND is_occurrence
  AND overrides.scheduled_for BETWEEN runs.scheduled_for AND coalesce(runs.last_for, runs.scheduled_for)
WHERE overrides.kind = 'skip' AND overrides.ended_at IS NULL AND runs.reason IS NOT 'skip'
"""


@dataclass(frozen=True)
class Fired:
    """An event whose effect is not waited for."""

    event: Event
    then: Then = Then.NOTHING


class Race(Play):
    """First one event after the other, then several at once, then all that is open may come to its end."""

    def __init__(self, world: World, doors: Doors) -> None:
        super().__init__(world, doors)
        self.violations: list[str] = []
        self._asked: list[asyncio.Future[Any]] = []
        self._newest: list[int] = []  # the newest id whenever several events were about to come at once

    async def watch(self) -> None:
        """Note what must not be after any commit of the runner."""
        await self.doors.writer.watch_commits(self._look_at_commit)

    def _look_at_commit(self, conn: apsw.Connection) -> None:
        self.violations += broken_rules(self.world, read_rows(conn), read_watermarks(conn))
        self.violations += [
            f"run {number} is of what is skipped" for (number,) in conn.execute(_OF_WHAT_IS_SKIPPED)
        ]

    async def at_once(self, batch: Sequence[Fired], *, one_by_one: bool) -> None:
        """Compare with the orders in which the events may have had their effect.

        ``one_by_one``: no two writes share a commit; else those that wait do.
        """
        fired = await self._fire(batch)
        if one_by_one:
            await self.doors.writer.commit_one_by_one()
        await self.doors.writer.release()
        rows = self.doors.rows()
        found = sorted(_facts(row) for row in rows)
        for model in self._outcomes(fired):
            if sorted(map(_facts, model.rows)) == found:
                self._check_rest(rows, model.jobs, self._story(batch))
                return
        raise AssertionError(f"no order of these ends like this:\n{self._story(batch)}")

    async def through_a_restart(
        self, before: Sequence[Fired], after: Sequence[Fired], *, dies: bool, committed: bool
    ) -> None:
        """The runner goes while it is at work. ``committed``: what it had decided by then has been."""
        written = sum(row.trigger is Trigger.MANUAL for row in self.doors.rows())
        await self._fire(before)
        if committed:
            await self.doors.writer.commit()
        if dies:
            self.doors.abandon()
        else:
            await self.doors.shut_down()
        await self.doors.start()
        await self.watch()
        for job_id, until in self.doors.watermarks().items():
            self._handed_over[job_id] = until or NOON
        await self._fire([*(Fired(Comes(rules.id)) for rules in self.world.jobs), *after])
        await self.doors.writer.release()
        rows = self.doors.rows()
        story = self._story([*before, *after], f"restart: {dies=} {committed=} before {len(after)}")
        self._check_rest(rows, self.model.jobs, story)
        taken = sum(each.done() and each.exception() is None for each in self._asked)
        lost = sum(not each.done() or isinstance(each.exception(), LOST) for each in self._asked)
        asked = sum(row.trigger is Trigger.MANUAL for row in rows) - written
        assert taken <= asked <= taken + lost, story

    async def _fire(self, batch: Sequence[Fired]) -> list[list[Act]]:
        """The acts of each event, which the product has begun with; their commits are still held back."""
        self._newest.append(max((row.id for row in self.doors.rows()), default=0))
        self.doors.writer.holds = True
        fired: list[list[Act]] = []
        for each in batch:
            fired.append([])
            for act in self.acts(each.event):
                if isinstance(act, EndOf) and not self.doors.executor.is_live(act.run):
                    continue
                fired[-1].append(act)
                answer = at_doors(self.doors, act, self.world.jobs)
                if isinstance(act, Ask) and answer is not None:
                    self._asked.append(answer)
            if each.then is not Then.NOTHING:
                await self.doors.rest()
            if each.then is Then.COMMITTED:
                await self.doors.writer.commit()
        await self.doors.rest()
        return fired

    def _outcomes(self, fired: Sequence[Sequence[Act]]) -> Iterator[AdmissionModel]:
        """What the model makes of what was fired, in this order and in all others.

        A run that is asked for its end while its start is being committed may end before it has begun. One
        that is being replaced may end by itself before it is asked to.
        """
        before = {row.id for row in self.model.running()}
        ends = [act for acts in fired for act in acts if isinstance(act, EndOf)]
        for unasked in chain.from_iterable(combinations(ends, number) for number in range(len(ends) + 1)):
            acts = tuple(
                tuple(replace(act, unasked=True) if act in unasked else act for act in each) for each in fired
            )
            for model in orders(self.model, acts, set()):
                yield model
                while unbegun := [row for row in model.running() if row.cause and row.id not in before]:
                    model.end(unbegun[0].id, RunStatus.CANCELLED)
                    yield model

    def _check_rest(self, rows: Sequence[SeenRow], jobs: Mapping[str, JobState], story: str) -> None:
        model = as_model(self.world, rows, jobs, self.clock.now())
        model.pauses = self.model.pauses
        for row in model.waiting():
            assert any(model.obstacles(row)), f"{row.id} could start:\n{story}"
            reasons = model.true_reasons(row)
            assert row.reason in reasons, f"{row.id} gives a reason that is none of {reasons}:\n{story}"
        assert left_victims(model, self._newest) == [], story
        assert self.unasked(model.running()) == [], story

    async def let_go(self) -> None:
        """Nothing stands in the way any more: all that is open comes to its end."""
        for rules in self.world.jobs:
            self.doors.resume(rules.id)
            await self.doors.rest()
        for _ in range(100):
            for run_id in sorted(self.doors.executor.live):
                self.doors.end(run_id, 0)
            await self.doors.rest()
            if not self.doors.executor.live:
                self.clock.advance(seconds=100)
                await self.doors.rest()
        assert [row for row in self.doors.rows() if not row.status.is_final] == [], self._story([])
        assert self.violations == [], self._story([])

    def _story(self, batch: Sequence[Fired], *more: str) -> str:
        lines = [self.world, *self.told, "at once:", *batch, *more, "rows:", *map(line_of, self.doors.rows())]
        return "\n".join(map(str, lines))


def orders(
    model: AdmissionModel, left: tuple[tuple[Act, ...], ...], seen: set[tuple[object, ...]]
) -> Iterator[AdmissionModel]:
    """The model after all orders of what is left, where the acts of one event keep theirs."""
    state = (sorted(map(str, left)), [_facts(row) for row in model.rows], [row.id for row in model.unseen])
    if (key := (str(state), str(model.jobs))) in seen:
        return
    seen.add(key)
    if not any(left):
        yield model
    for number, acts in enumerate(left):
        if acts:
            following = deepcopy(model)
            in_model(following, acts[0])
            yield from orders(following, (*left[:number], acts[1:], *left[number + 1 :]), seen)


def _facts(row: SeenRow | Row) -> str:
    """What does not depend on the order in which rows were written."""
    status = row.status
    left_out = {"id", "chain", "last_for", "reason", "cause"}
    if status is RunStatus.CANCELLED:
        left_out.add("started")
    facts = [f"{f.name}={getattr(row, f.name)}" for f in fields(SeenRow) if f.name not in left_out]
    facts.append(f"last_for={row.last_for if row.occurrences > 1 else None}")
    if status is RunStatus.CANCELLED:
        facts.append(f"why={row.reason or row.cause}")
    elif status is RunStatus.RUNNING:
        facts.append(f"asked={bool(row.cause)}")
    elif status is not RunStatus.SCHEDULED:
        facts.append(f"reason={row.reason}")
    return " ".join(facts)


def as_model(
    world: World, rows: Sequence[SeenRow], jobs: Mapping[str, JobState], now: datetime
) -> AdmissionModel:
    """A model in the state that these rows tell of."""
    model = AdmissionModel.of(world.jobs, limit=world.limit, pools=dict(world.pools), now=now)
    model.jobs = dict(jobs)
    model.rows = [Row(**{f.name: getattr(row, f.name) for f in fields(SeenRow)}) for row in rows]
    return model


def left_victims(model: AdmissionModel, newest: Sequence[int]) -> list[str]:
    """Runs that should have ended because another one replaces them.

    Of two runs that are not forced one replaces the other, whichever was decided about first. A forced one
    replaces nothing, so that the order counts, and ids do not tell the order of what came at once: another
    program's request has its row before the decision, an occurrence has it after. ``newest`` are the newest
    ids of moments at which all that had come had been decided about.
    """
    found = []
    for row in model.waiting():
        if row.forced or row.is_retry or model.jobs[row.job].rules.overlap is not OverlapPolicy.REPLACE:
            continue
        for other in model.rows:
            if other is row or other.job != row.job or not (other.waits or (other.runs and not other.cause)):
                continue
            first = model.row(other.chain or other.id)
            if not first.forced or any(first.id <= id_then < row.id for id_then in newest):
                found.append(f"{other.id} is in the way of {row.id}")
    return found


def broken_rules(
    world: World, rows: Sequence[SeenRow], watermarks: Mapping[str, datetime | None]
) -> list[str]:
    """What does not hold of all that must hold after every commit."""
    running = [row for row in rows if row.status is RunStatus.RUNNING]
    found = [f"{len(running)} run at once"] if len(running) > world.limit else []
    for pool, size in world.pools:
        users = [row for row in running for rules in world.jobs if (rules.id, rules.pool) == (row.job, pool)]
        found += [f"{len(users)} run in {pool}"] if len(users) > size else []
    for rules in world.jobs:
        own = [row for row in rows if row.job == rules.id]
        unforced = [row for row in running if row.job == rules.id and not row.forced]
        if rules.overlap is not OverlapPolicy.ALLOW and len(unforced) > 1:
            found.append(f"{len(unforced)} runs of {rules.id} overlap")
        found += _broken_rules_of_rows(own, watermarks[rules.id])
    return found


def _broken_rules_of_rows(own: Sequence[SeenRow], watermark: datetime | None) -> list[str]:
    """The rules of one job's chains and occurrences."""
    found = []
    open_chains = [row.chain or row.id for row in own if not row.status.is_final]
    if len(open_chains) > len(set(open_chains)):
        found.append("a chain has two open attempts")
    replaced = {(row.chain or row.id, row.attempt) for row in own if "replaced" in (row.reason, row.cause)}
    if any((row.chain, row.attempt - 1) in replaced for row in own if not row.status.is_final):
        found.append("a replaced run is tried again")
    spans = sorted(
        (row.scheduled_for, row.last_for or row.scheduled_for)
        for row in own
        if row.scheduled_for is not None and row.trigger in (Trigger.SCHEDULE, Trigger.CATCH_UP)
    )
    if any(first[1] >= second[0] for first, second in pairwise(spans)):
        found.append("an occurrence has two rows")
    if spans and (watermark is None or watermark < spans[-1][1]):
        found.append("a watermark is behind its rows")
    return found


def race(
    world: World,
    template: Path,
    prelude: Sequence[Event],
    batch: Sequence[Fired],
    *,
    one_by_one: bool = False,
) -> None:
    """One event after the other, then several at once, then everything is let go."""

    async def scenario(it: Play) -> None:
        assert isinstance(it, Race)
        await it.watch()
        await it.one_after_the_other(prelude)
        await it.at_once(batch, one_by_one=one_by_one)
        await it.let_go()

    in_a_world(world, template, scenario, Race)


def race_through_a_restart(
    world: World,
    template: Path,
    batches: tuple[Sequence[Event], Sequence[Fired], Sequence[Fired]],
    *,
    dies: bool,
    committed: bool,
) -> None:
    """The same with a restart in the middle of what happens at once."""
    prelude, before, after = batches

    async def scenario(it: Play) -> None:
        assert isinstance(it, Race)
        await it.watch()
        await it.one_after_the_other(prelude)
        await it.through_a_restart(before, after, dies=dies, committed=committed)
        await it.let_go()

    in_a_world(world, template, scenario, Race)
