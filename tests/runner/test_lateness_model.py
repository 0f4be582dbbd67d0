"""Whenever runs are looked at, and by which runner: each counts once for what it was."""

import asyncio
import itertools
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from support.alerts import AlertLedger

from jeeves_runner.clock import to_text
from jeeves_runner.core.alert_spec import Expect
from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import run_ends
from jeeves_runner.db.lateness import BITS
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.lateness_watch import LatenessWatch

MINUTE = 60_000
EXPECT = Expect(start_within_ms=5 * MINUTE, finish_within_ms=12 * MINUTE)
INTERVAL = 10


class Planned(NamedTuple):
    """What becomes of one occurrence; in minutes."""

    late: int
    took: int
    status: str


ENDS = ("ok", "ok", "ok", "error", "timeout", "cancelled", "skipped", "interrupted")
PLANS = st.lists(
    st.builds(Planned, late=st.integers(0, 9), took=st.integers(0, 25), status=st.sampled_from(ENDS)),
    min_size=3,
    max_size=8,
)
ACTS = st.lists(st.sampled_from(["", "", "look", "look", "restart"]), min_size=1, max_size=12)
"""Minute by minute, over and over."""
WELL = Planned(late=0, took=1, status="ok")


class Play:
    """The runs of a job that may overlap, minute by minute."""

    def __init__(self, ledger: AlertLedger, plans: list[Planned]) -> None:
        self.ledger = ledger
        self.plans = [*plans, *([WELL] * 4)]  # the last one begins when all others have ended
        self.begin = ledger.now
        self.ids: dict[int, int] = {}

    def pass_a_minute(self) -> None:
        """What comes due is decided about before anything ends: a run outlasts the time to the next one only
        once that has come."""
        for number in range(len(self.plans)):
            due = self._due(number)
            if self.ledger.now == due:
                self.ids[number] = self.ledger.add_run(
                    "a", "scheduled", trigger="schedule", scheduled_for=to_text(due)
                )
                self.ledger.conn.execute("UPDATE jobs SET decided_until = ?", (to_text(due),))
        for number, plan in enumerate(self.plans):
            due = self._due(number)
            if self.ledger.now == due + timedelta(minutes=plan.late):
                self.ledger.conn.execute(
                    "UPDATE runs SET status = 'running', started_at = ? WHERE id = ?",
                    (to_text(self.ledger.now), self.ids[number]),
                )
            if self.ledger.now == due + timedelta(minutes=plan.late + plan.took):
                self._end(self.ids[number], plan)
        self.ledger.clock.advance(minutes=1)

    def _due(self, number: int) -> datetime:
        return self.begin + timedelta(minutes=number * INTERVAL)

    def _end(self, run_id: int, plan: Planned) -> None:
        with self.ledger.tx() as tx:
            record = RunRecord(duration_ms=plan.took * MINUTE)
            run_ends.end_running(tx, run_id, Outcome(RunStatus(plan.status)), record, None)

    def must(self, plan: Planned) -> set[Cause]:
        """What counts even if no look has ever seen it."""
        found = {Cause.LATE} if plan.late > 5 else set()
        if plan.status in ("ok", "error", "timeout"):
            found |= self.may(plan)
        return found

    def may(self, plan: Planned) -> set[Cause]:
        """What counts if it was seen."""
        found = {Cause.LATE} if plan.late > 5 else set()
        if plan.took > 12:
            found.add(Cause.OVERRUN)
        if plan.took >= INTERVAL:
            found.add(Cause.OUTLASTS)
        return found


@example([Planned(late=0, took=10, status="ok"), WELL, WELL], [""])
@pytest.mark.slow
@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(PLANS, ACTS)
def test_each_run_counts_once_for_what_it_was(plans: list[Planned], acts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = AlertLedger(Path(folder) / "runner.sqlite")
        ledger.add_told_job("a", expect=EXPECT, schedule=("*/10 * * * *",), overlap_policy="allow")
        play = Play(ledger, plans)
        asyncio.run(_played(play, acts))
        for number, plan in enumerate(play.plans):
            noted = ledger.conn.execute("SELECT noted FROM runs WHERE id = ?", (play.ids[number],)).get
            found = {cause for cause, bit in BITS.items() if noted & bit}
            assert play.must(plan) <= found <= play.may(plan)
        for cause, bit in BITS.items():
            times = ledger.conn.execute("SELECT sum(count) FROM incidents WHERE cause = ?", (cause,)).get
            assert (times or 0) == ledger.count("runs", f"noted & {bit}")
            said = ledger.conn.execute("SELECT said FROM outbox WHERE cause = ? ORDER BY id", (cause,))
            words = [str(word) for (word,) in said.fetchall()]
            assert words == ["opened", "recovered"] * (len(words) // 2) + ["opened"] * (len(words) % 2)
            assert len(words) % 2 == 0
        ledger.conn.close()


async def _played(play: Play, acts: list[str]) -> None:
    ledger = play.ledger
    async with Writer(ledger.path, ledger.clock) as writer:
        watch = LatenessWatch(conn=ledger.conn, writer=writer, clock=ledger.clock)
        for act in itertools.islice(itertools.cycle(acts), len(play.plans) * INTERVAL):
            play.pass_a_minute()
            if act == "restart":
                watch = LatenessWatch(conn=ledger.conn, writer=writer, clock=ledger.clock)
            if act:
                await watch.look()
