"""Every end of a run is counted once, whichever process has recorded it."""

import random
from pathlib import Path

import pytest
from support.ledger import Ledger

from jeeves_runner.clock import to_text
from jeeves_runner.db.run_ends import next_end
from jeeves_runner.metrics.run_totals import OTHER, RunTotals, Totals

_NONE = {"error": 0, "interrupted": 0, "ok": 0, "timeout": 0}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("mail")
    ledger.add_job("report")
    return ledger


class Counted:
    """Totals that follow a ledger from now on."""

    def __init__(self, ledger: Ledger, most: int = 10) -> None:
        self.ledger = ledger
        self.totals = RunTotals(most)
        self.totals.begin(ledger.conn)

    def now(self, *live: str) -> Totals:
        return self.totals.look(self.ledger.conn, list(live))

    def ends(self) -> dict[str, dict[str, int]]:
        jobs = self.now().jobs
        return {job: {how: n for how, n in of.ends.items() if n} for job, of in jobs.items()}


def newest(ledger: Ledger) -> int:
    with ledger.tx() as tx:
        return next_end(tx)


def end(ledger: Ledger, job: str, status: str = "ok", **columns: object) -> int:
    """A run that has ended with the next number of an end."""
    number = newest(ledger)
    return ledger.add_run(job, status, end_seq=number, **columns)


def grow(ledger: Ledger, run_id: int, occurrences: int) -> None:
    """Let a row stand for so many occurrences, as the runner does when further ones are skipped."""
    number = newest(ledger)
    ledger.conn.execute(
        "UPDATE runs SET occurrences = ?, end_seq = ? WHERE id = ?", (occurrences, number, run_id)
    )


def test_counts_what_ends_after_the_beginning_alone(ledger: Ledger) -> None:
    end(ledger, "mail")
    counted = Counted(ledger)
    assert counted.ends() == {}
    end(ledger, "mail")
    end(ledger, "mail", "error")
    end(ledger, "report")
    assert counted.ends() == {"mail": {"ok": 1, "error": 1}, "report": {"ok": 1}}
    assert counted.ends() == {"mail": {"ok": 1, "error": 1}, "report": {"ok": 1}}


def test_a_live_job_has_its_series_before_it_has_ended(ledger: Ledger) -> None:
    counted = Counted(ledger)
    assert counted.now("mail").jobs["mail"].ends == _NONE


def test_ends_of_one_commit_count_each(ledger: Ledger) -> None:
    counted = Counted(ledger)
    number = newest(ledger)
    for _ in range(3):
        ledger.add_run("mail", "cancelled", end_seq=number)
    assert counted.ends() == {"mail": {"cancelled": 3}}


def test_an_occurrence_that_shares_a_row_counts_once(ledger: Ledger) -> None:
    counted = Counted(ledger)
    row = end(ledger, "mail", "skipped", reason="overlap")
    assert counted.ends() == {"mail": {"skipped": 1}}
    grow(ledger, row, 2)
    assert counted.ends() == {"mail": {"skipped": 2}}
    grow(ledger, row, 5)
    grow(ledger, row, 6)
    assert counted.ends() == {"mail": {"skipped": 6}}


def test_what_a_row_stood_for_before_the_beginning_is_not_counted(ledger: Ledger) -> None:
    row = end(ledger, "mail", "skipped", reason="overlap")
    grow(ledger, row, 500)
    counted = Counted(ledger)
    grow(ledger, row, 501)
    assert counted.ends() == {"mail": {"skipped": 1}}


def test_jobs_beyond_the_bound_share_a_name(ledger: Ledger) -> None:
    counted = Counted(ledger, most=1)
    for job in ("mail", "report", "report"):
        end(ledger, job)
    assert counted.ends() == {"mail": {"ok": 1}, OTHER: {"ok": 2}}


def test_durations_lags_and_tokens(ledger: Ledger) -> None:
    counted = Counted(ledger)
    begun = to_text(ledger.at(seconds=58))
    end(ledger, "mail", duration_ms=1500, tokens=40, started_at=begun)
    end(ledger, "mail", duration_ms=90, tokens=2, started_at=begun)
    end(
        ledger,
        "report",
        trigger="schedule",
        scheduled_for=to_text(ledger.at(seconds=58.2)),
        started_at=begun,
    )
    now = counted.now()
    mail = now.jobs["mail"]
    assert mail.tokens == 42
    assert mail.durations is not None
    assert (mail.durations.total, mail.durations.up_to()[:4]) == (1.59, [1, 1, 1, 2])
    assert now.lags["manual"].total == pytest.approx(4.0, abs=0.001)
    assert now.lags["schedule"].total == pytest.approx(0.2, abs=0.001)


def test_a_start_before_its_time_by_a_clock_that_was_set_has_no_lag(ledger: Ledger) -> None:
    counted = Counted(ledger)
    end(ledger, "mail", started_at=to_text(ledger.at(minutes=5)))
    assert counted.now().lags["manual"].total == 0.0


def test_however_often_it_looks_the_sum_is_the_same(ledger: Ledger) -> None:
    dice = random.Random(7)
    often, seldom = Counted(ledger), Counted(ledger)
    row, occurrences = end(ledger, "mail", "skipped", reason="overlap"), 1
    for _ in range(300):
        if dice.random() < 0.3:
            occurrences += dice.randrange(1, 4)
            grow(ledger, row, occurrences)
        else:
            row, occurrences = end(ledger, "mail", "skipped", reason="overlap"), 1
        if dice.random() < 0.5:
            often.ends()
    stand_for: int = ledger.conn.execute("SELECT sum(occurrences) FROM runs").get
    assert often.ends() == seldom.ends() == {"mail": {"skipped": stand_for}}


def test_what_was_handed_out_stays_as_it_is_and_what_has_not_changed_is_the_same_object(
    ledger: Ledger,
) -> None:
    counted = Counted(ledger)
    end(ledger, "mail", tokens=3, duration_ms=20, started_at=to_text(ledger.now))
    before = counted.now("mail", "report").jobs
    end(ledger, "mail", tokens=4, duration_ms=20, started_at=to_text(ledger.now))
    end(ledger, "mail")
    after = counted.now("mail", "report").jobs
    assert (before["mail"].ends["ok"], before["mail"].tokens) == (1, 3)
    assert (after["mail"].ends["ok"], after["mail"].tokens) == (3, 7)
    assert before["mail"].durations is not None
    assert before["mail"].durations.up_to()[-1] == 1
    assert after["report"] is before["report"]
    assert counted.now().jobs["mail"] is after["mail"]
