"""What people are told, as rows: any interleaving of ends, mutes, pauses, looks and restarts."""

import re
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from support.alerts import AlertLedger
from support.db import database

from jeeves_runner.clock import from_text
from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.alerts.words import ClosedBy
from jeeves_runner.core.durations import End
from jeeves_runner.db import alerting, overrides

FOREVER = datetime.max.replace(tzinfo=UTC)

Step = tuple[str, int, int | None]
"""What is done, how many minutes after the step before, and for how many minutes if it lasts."""

ACTS = (
    *("error", "error", "error", "timeout", "ok", "skipped", "cancelled"),
    *("mute", "mute all", "unmute", "unmute", "unmute all", "unmute all", "pause", "resume", "resume"),
    *("look", "look", "look", "look", "wait", "restart", "stop"),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.sampled_from([0, 1, 5, 20, 61]),
        st.sampled_from([None, 1, 5, 20, 45, 200]),
    ),
    min_size=20,
    max_size=60,
)
MUTED_FOR_NO_TIME: list[Step] = [
    ("error", 0, None),
    ("mute", 1, 5),
    ("look", 5, None),
    ("mute", 0, 45),
    ("unmute", 0, None),
    ("look", 1, None),
]
"""A mute that is taken back at the very moment of a reminder brings another one."""
FAILED_MUTED_THEN_PAUSED: list[Step] = [
    ("mute", 0, 20),
    ("error", 1, None),
    ("pause", 1, None),
    ("wait", 0, None),
    ("wait", 20, None),
]
"""A pause holds reminders back, and not the first word of what failed before it."""
POLICIES = st.fixed_dictionaries(
    {
        "after": st.sampled_from([1, 1, 2, 3]),
        "remind_ms": st.sampled_from([None, 600_000, 3_600_000]),
        "on_recovery": st.booleans(),
    }
)


class Play:
    """One job, and what it should be told of, by what happened to it."""

    def __init__(self, ledger: AlertLedger, job_id: str, policy: dict[str, Any]) -> None:
        self.ledger = ledger
        self.clock = ledger.clock
        self.job = job_id
        self.after: int = policy["after"]
        self.on_recovery: bool = policy["on_recovery"]
        ms = policy["remind_ms"]
        self.remind = None if ms is None else timedelta(milliseconds=ms)
        self.mutes: dict[str | None, list[list[datetime]]] = {job_id: [], None: []}
        """Those of the job, and of all; each as begin and end."""
        self.pauses: list[list[datetime]] = []
        self.failures = 0
        """Since the incident opened."""
        self.closed: list[object] = []
        self.checked = 0
        ledger.add_told_job(job_id, alert=Alert(**policy))

    def step(self, act: str, since: int, length: int | None) -> None:
        self.clock.advance(minutes=since)
        target = None if act.endswith(" all") else self.job
        match act.split():
            case ["mute", *_]:
                self.end_mutes(target)
                self.ledger.mute(target, length)
                self.mutes[target].append([self.now, self.end_after(length)])
            case ["unmute", *_]:
                was_muted = any(begin <= self.now < end for begin, end in self.mutes[target])
                assert self.ledger.unmute(target) == was_muted
                self.end_mutes(target)
            case ["pause"]:
                self.resume()
                end = self.end_after(length)
                with self.ledger.tx() as tx:
                    until = None if end == FOREVER else End(end)
                    overrides.pause(tx, self.job, until=until, reason=None, by="test")
                self.pauses.append([self.now, end])
            case ["resume"]:
                self.resume()
            case ["look"]:
                self.look()
            case ["wait"]:
                self.wait_for_the_next_word()
            case ["restart"]:
                self.ledger.conn.close()
                self.ledger.conn = database(self.ledger.path, self.clock)
            case ["stop"]:
                self.stop()
            case _:
                self.end_run(act)
        self.check()

    def end_run(self, status: str) -> None:
        was_told, before = self.is_open() and bool(self.newest()), self.words()
        self.ledger.end(self.job, status)
        new = [said for _, said, _ in self.words()[len(before) :]]
        match status:
            case "ok":
                assert not self.is_open()
                assert new == ["recovered"] * (was_told and self.on_recovery and not self.is_muted())
                self.failures = 0
            case "skipped" | "cancelled":
                assert new == []
            case _:
                self.failures += 1
                is_due = self.failures >= self.after and not was_told and not self.is_muted()
                assert new == ["opened"] * is_due

    def stop(self) -> None:
        before = self.words()
        with self.ledger.tx() as tx:
            alerting.close(tx, [self.job], ClosedBy.DISABLED)
        self.failures = 0
        assert self.words() == before

    def resume(self) -> None:
        with self.ledger.tx() as tx:
            overrides.resume(tx, self.job, by="test")
        for pause in self.pauses:
            pause[1] = min(pause[1], self.now)

    def look(self) -> None:
        self.ledger.review()
        assert self.ledger.review() == 0
        due = alerting.next_review(self.ledger.conn, self.now)
        assert due is None or due > self.now
        if self.failures >= self.after and not self.is_muted():
            self.check_told()

    def wait_for_the_next_word(self) -> None:
        """Not a moment before it is due there is something to say."""
        self.look()
        due = alerting.next_review(self.ledger.conn, self.now)
        if due is not None:
            self.clock.time = due - timedelta(milliseconds=1)
            assert self.ledger.review() == 0
            self.clock.time = due
            is_known = bool(self.newest())
            is_held = self.is_muted() or (is_known and self.is_in(self.pauses))
            assert self.ledger.review() == (not is_held)

    def check_told(self) -> None:
        words = self.newest()
        assert words, "what is open and not muted has been told"
        if self.is_in(self.pauses):
            return
        last = words[-1][2]
        assert self.remind is None or self.now - last < self.remind
        assert not any(end > last for _, end in self.ended_mutes()), "it was said when the mute ended"

    def check(self) -> None:
        """What is true at every moment."""
        words = self.words()
        new, self.checked = words[self.checked :], len(words)
        assert not new or not self.is_muted()
        assert not self.is_in(self.pauses) or all(said != "reminder" for _, said, _ in new)
        for incident in dict.fromkeys(incident for incident, _, _ in words):
            self.check_words([(said, at) for its, said, at in words if its == incident])
        closed = self.incidents("closed_at IS NOT NULL")
        assert closed[: len(self.closed)] == self.closed, "what is over stays as it is"
        self.closed = closed
        counts = self.ledger.conn.execute(
            "SELECT count FROM incidents WHERE job_id = ? AND closed_at IS NULL", (self.job,)
        ).fetchall()
        assert counts == ([(self.failures,)] if self.failures else [])

    def check_words(self, words: list[tuple[str, datetime]]) -> None:
        assert re.fullmatch(r"opened( reminder)*( recovered)?", " ".join(said for said, _ in words))
        told = [at for said, at in words if said != "recovered"]
        for before, after in pairwise(told):
            is_far = self.remind is not None and after - before >= self.remind
            # A mute may begin and end at the very moment of the word before.
            ends = [end for begin, end in self.ended_mutes() if before < end or before == begin]
            assert is_far or any(end <= after for end in ends)

    # What is asked above

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def end_after(self, minutes: int | None) -> datetime:
        return FOREVER if minutes is None else self.now + timedelta(minutes=minutes)

    def end_mutes(self, target: str | None) -> None:
        for mute in self.mutes[target]:
            mute[1] = min(mute[1], self.now)

    def is_in(self, times: list[list[datetime]]) -> bool:
        return any(begin <= self.now < end for begin, end in times)

    def is_muted(self) -> bool:
        return any(map(self.is_in, self.mutes.values()))

    def ended_mutes(self) -> list[list[datetime]]:
        return [mute for each in self.mutes.values() for mute in each if mute[1] <= self.now]

    def is_open(self) -> bool:
        return bool(self.incidents("closed_at IS NULL"))

    def incidents(self, condition: str) -> list[object]:
        rows = self.ledger.conn.execute(
            f"SELECT * FROM incidents WHERE job_id = ? AND {condition} ORDER BY id", (self.job,)
        )
        return list(rows.fetchall())

    def words(self) -> list[tuple[int, str, datetime]]:
        """All that was ever said, each as the incident, the word and when."""
        rows = self.ledger.conn.execute(
            "SELECT incident_id, said, created_at FROM outbox WHERE job_id = ? ORDER BY id", (self.job,)
        )
        return [(incident, said, from_text(at)) for incident, said, at in rows]

    def newest(self) -> list[tuple[int, str, datetime]]:
        """The same of the newest incident."""
        newest = self.ledger.conn.execute("SELECT max(id) FROM incidents WHERE job_id = ?", (self.job,)).get
        return [row for row in self.words() if row[0] == newest]

    def leave(self) -> None:
        """Nothing of it concerns the next one."""
        for job_id in (self.job, None):
            self.ledger.unmute(job_id)
        with self.ledger.tx() as tx:
            alerting.close(tx, [self.job], ClosedBy.DELETED)


@pytest.mark.parametrize("examples", [25, pytest.param(5_000, marks=pytest.mark.campaign)])
def test_people_hear_once_of_what_opens_and_of_what_is_over(examples: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = AlertLedger(Path(folder) / "runner.sqlite")
        names = (f"a{number}" for number in count())

        # To shrink what fails would take longer than a test may.
        @settings(max_examples=examples, deadline=None, phases=(Phase.explicit, Phase.generate))
        @example({"after": 1, "remind_ms": None, "on_recovery": True}, MUTED_FOR_NO_TIME)
        @example({"after": 1, "remind_ms": 3_600_000, "on_recovery": True}, FAILED_MUTED_THEN_PAUSED)
        @given(POLICIES, STEPS)
        def play(policy: dict[str, Any], steps: Sequence[Step]) -> None:
            one = Play(ledger, next(names), policy)
            try:
                for act, since, length in steps:
                    one.step(act, since, length)
            finally:
                one.leave()

        try:
            play()
        finally:
            ledger.conn.close()
