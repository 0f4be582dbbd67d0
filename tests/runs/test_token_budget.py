"""A job's runs may use so many tokens in a day; beyond them none starts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.clock import HandClock, NoonClock
from support.runs import Place, Rig, job, occur, with_runner

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import OverlapPolicy, Retries, RunStatus
from jeeves_runner.core.session_spec import Session
from jeeves_runner.core.token_budget import day_of
from jeeves_runner.db.token_use import tokens_used

USES_60 = """echo 'JR_RESULT:{"tokens": 60}'"""
BUDGET = Session(max_tokens_per_day=100)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, NoonClock())


def test_once_they_are_used_up_nothing_starts_but_by_force(place: Place) -> None:
    place.apply(job("mail", USES_60, session=BUDGET), job("other", USES_60))

    async def scenario(rig: Rig) -> None:
        for _ in range(3):
            await rig.finish("mail")
        await occur(rig, "mail")
        forced = await rig.runs.request("mail", force=True)
        await rig.runs.wait(forced.id)
        await rig.finish("other")

    with_runner(place, scenario)
    assert place.story("mail") == ["ok", "ok", "skipped: token_budget", "skipped: token_budget", "ok"]
    assert place.story("other") == ["ok"]
    by_hand, due = place.runs("mail")[2:4]
    assert by_hand.message is not None
    assert by_hand.message == "120 of 100 tokens used today; again from 2026-03-02T00:00+00:00"
    assert due.message == by_hand.message
    assert due.scheduled_for is not None


def test_a_request_by_a_row_is_skipped_with_the_numbers(place: Place) -> None:
    place.apply(job("mail", """echo 'JR_RESULT:{"tokens": 100}'""", session=BUDGET))

    async def scenario(rig: Rig) -> None:
        await rig.finish("mail")
        place.request("mail")
        await rig.runs.look()
        await rig.until_story("mail", "ok", "skipped: token_budget")

    with_runner(place, scenario)
    assert (place.runs("mail")[1].message or "").startswith("100 of 100 tokens used today")


def test_a_retry_and_what_has_waited_are_skipped_when_their_turn_comes(place: Place) -> None:
    fails = f"{USES_60}; exit 1"
    place.apply(
        job("fails", fails, session=Session(max_tokens_per_day=60), retries=Retries(limit=3, delay_ms=10)),
        job("waits", USES_60, session=Session(max_tokens_per_day=60), overlap_policy=OverlapPolicy.QUEUE),
    )

    async def scenario(rig: Rig) -> None:
        await rig.finish("fails")
        first = await rig.runs.request("waits")
        second = await rig.runs.request("waits")
        assert second.status is RunStatus.SCHEDULED
        await rig.runs.wait(first.id)
        await rig.until_story("waits", "ok", "skipped: token_budget")
        await rig.until_story("fails", "error", "skipped: token_budget")

    with_runner(place, scenario, max_concurrency=1)
    assert all((run.message or "").startswith("60 of 60 tokens") for run in place.runs() if run.reason)


def test_a_run_that_runs_counts_with_what_its_row_has(place: Place) -> None:
    place.apply(job("mail", "sleep 60", session=BUDGET, overlap_policy=OverlapPolicy.ALLOW))

    async def scenario(rig: Rig) -> None:
        first = await rig.runs.request("mail")
        second = await rig.runs.request("mail")
        assert second.status is RunStatus.RUNNING
        with place.write() as tx:
            tx.conn.execute("UPDATE runs SET tokens = 70 WHERE id IN (?, ?)", (first.id, second.id))
        third = await rig.runs.request("mail")
        assert (third.status, third.reason) == (RunStatus.SKIPPED, "token_budget")

    with_runner(place, scenario)


def test_a_replaced_run_is_not_ended_for_one_that_may_not_start(place: Place) -> None:
    place.apply(job("mail", "sleep 60", session=BUDGET, overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        first = await rig.runs.request("mail")
        with place.write() as tx:
            tx.conn.execute("UPDATE runs SET tokens = 100")
        second = await rig.runs.request("mail")
        assert second.reason == "token_budget"
        assert rig.status(first.id) is RunStatus.RUNNING

    with_runner(place, scenario)


def test_at_midnight_of_its_zone_it_has_its_tokens_again(tmp_path: Path) -> None:
    clock = HandClock()
    place = Place(tmp_path, clock)
    day = day_of(clock.now(), "Asia/Kolkata")
    place.apply(job("mail", USES_60, session=Session(max_tokens_per_day=60), timezone="Asia/Kolkata"))

    async def scenario(rig: Rig) -> None:
        await rig.finish("mail")
        clock.advance(seconds=(day.end - clock.now()).total_seconds() - 1)
        assert (await rig.runs.request("mail")).reason == "token_budget"
        clock.advance(seconds=1)
        run = await rig.runs.request("mail")
        await rig.runs.wait(run.id)

    with_runner(place, scenario)
    assert place.story() == ["ok", "skipped: token_budget", "ok"]


@pytest.mark.parametrize("tokens", [[2**63 - 1] * 3, [0], [None], []])
def test_any_number_that_a_script_reports_can_be_summed(place: Place, tokens: list[int | None]) -> None:
    place.apply(job("mail", "true"))
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    with place.write() as tx:
        for each in tokens:
            tx.conn.execute(
                "INSERT INTO runs (job_id, status, trigger, created_at, started_at, tokens)"
                " VALUES ('mail', 'running', 'manual', :at, :at, :tokens)",
                {"at": to_text(now), "tokens": each},
            )
    hour = timedelta(hours=1)
    assert tokens_used(place.conn, "mail", now - hour, now) == 0
    assert (tokens_used(place.conn, "mail", now, now + hour) > 0) == any(tokens)


def test_the_sum_reads_an_index_of_the_days_runs_alone(place: Place) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_cursor: object, sql: str, bindings: Any) -> bool:
        asked.append((sql, bindings))
        return True

    place.conn.exec_trace = note
    tokens_used(place.conn, "mail", place.clock.now(), place.clock.now())
    place.conn.exec_trace = None
    sql, bindings = asked[-1]
    plan = place.conn.execute(f"EXPLAIN QUERY PLAN {sql}", bindings).fetchall()
    assert "COVERING INDEX runs_tokens (job_id=? AND started_at>? AND started_at<?)" in json.dumps(plan)
