"""The overview and the page of alerts: what is wrong, what runs, and how the last day went."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from support.alerts import OPS, AlertLedger
from support.api import Api, with_api
from support.pages import Page, page
from support.queues import push

from jeeves_runner.api.past_ends import Slot
from jeeves_runner.clock import SystemClock
from jeeves_runner.config_change import ConfigChange
from jeeves_runner.core.origin import DIRTY, Actor
from jeeves_runner.core.plan import Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.dashboard.pages.overview import _ACTIVE
from jeeves_runner.dashboard.strips import strips
from jeeves_runner.db import alerting, overrides
from jeeves_runner.reconcile.sync_status import SyncStatus

ENDED: Final = ({"ok": 1_000}, {"error": 2, "timeout": 1}, {"ok": 1})


@pytest.fixture
def ledger(tmp_path: Path) -> AlertLedger:
    made = AlertLedger(tmp_path / "runner.sqlite")
    made.clock.time = SystemClock().now() - timedelta(seconds=1)  # the server goes by the system's
    return made


def shown(ledger: AlertLedger, path: str) -> Page:
    async def scenario(api: Api) -> Page:
        return await page(api, path)

    return with_api(ledger, scenario)


def test_without_jobs_it_says_how_to_get_one(ledger: AlertLedger) -> None:
    assert "There are no jobs yet" in shown(ledger, "/").text


def test_what_is_wrong_stands_with_what_happened_and_whether_it_was_told(ledger: AlertLedger) -> None:
    ledger.add_told_job("backup", on_failure=())
    ledger.end("backup", "error", stdout="no")
    for path in ("/", "/alerts"):
        found = shown(ledger, path)
        assert "failure backup" in found.text
        assert "exit code 1 since " in found.text
        assert "told on no channel: none is set for it" in found.text
        assert "<title>(1) " in found.html


def test_what_no_channel_has_taken_has_not_arrived(ledger: AlertLedger) -> None:
    ledger.add_told_job("backup")
    ledger.end("backup", "error")
    with ledger.tx() as tx:
        alerting.record_refused(tx, [1], "it is gone")
    assert f"has not arrived on {OPS}" in shown(ledger, "/alerts").text
    ledger.mute("backup")
    assert f"has not arrived on {OPS} ; muted" in shown(ledger, "/alerts").text


def test_what_is_over_stands_among_all_alerts(ledger: AlertLedger) -> None:
    ledger.add_told_job("backup")
    ledger.end("backup", "error")
    ledger.end("backup", "ok")
    assert "Nothing is wrong." in shown(ledger, "/alerts").text
    found = shown(ledger, "/alerts?all=1").text
    assert "failure backup" in found
    assert re.search(r"lasted \S+, over \d{4}-", found)


def test_the_last_day_is_counted_by_kinds(ledger: AlertLedger) -> None:
    ledger.add_told_job("backup")
    for status in ("ok", "ok", "error", "timeout", "skipped"):
        ledger.end("backup", status)
    found = shown(ledger, "/").text
    assert "2 ok" in found
    assert "2 failed" in found
    assert "1 skipped or cancelled" in found


def test_what_waits_stands_with_its_reason(ledger: AlertLedger) -> None:
    ledger.add_told_job("backup")
    with ledger.tx() as tx:
        overrides.pause(tx, "backup", until=None, reason=None, by=Actor("test"))
    for _ in range(_ACTIVE + 10):
        ledger.add_run("backup", "scheduled", trigger="manual", reason="paused")
    found = shown(ledger, "/").text
    assert "Nothing runs." in found
    assert found.count("paused") >= _ACTIVE
    assert f"All {_ACTIVE + 10}" in found


def test_why_a_run_waits_or_was_skipped_stands_in_the_words_of_other_pages(ledger: AlertLedger) -> None:
    ledger.add_told_job("backup")
    with ledger.tx() as tx:
        overrides.pause(tx, "backup", until=None, reason=None, by=Actor("test"))
    ledger.add_run("backup", "scheduled", trigger="manual", reason="paused")
    ledger.add_run("backup", "skipped", reason="overlap")
    found = shown(ledger, "/").text
    assert "waits: the job is paused" in found
    assert "another run of it was active" in found


def test_a_mute_is_shown_with_its_end_and_why(ledger: AlertLedger) -> None:
    ledger.add_told_job("backup")
    ledger.mute("backup", minutes=60)
    found = shown(ledger, "/alerts").text
    assert "Muted What Until Why Act backup" in found


def test_dead_letters_stand_among_what_is_wrong(ledger: AlertLedger) -> None:
    ledger.declare_queue("mail", max_attempts=1)
    push(ledger, {"to": "Ada"})
    assert "What is wrong" not in shown(ledger, "/").text
    ledger.conn.execute("UPDATE queue_items SET status = 'failed', completed_at = created_at")
    assert "dead letters mail 1 failed for good" in shown(ledger, "/").text


def test_mistakes_in_manifests_are_counted_where_nothing_is_held(ledger: AlertLedger) -> None:
    error = Problem(
        severity="error", code="key", file="jobs.d/a.yaml", line=1, column=1, message="no", hint=""
    )
    warning = error._replace(severity="warning", file="jobs.d/c.yaml")
    mistakes = (error, error, error._replace(file="jobs.d/b.yaml"), warning)

    async def scenario(api: Api) -> Page:
        api.sync.status = SyncStatus(state="held", revision=1, plan=Plan(problems=mistakes, complete=False))
        return await page(api, "/")

    assert "3 mistakes in 2 manifests" in with_api(ledger, scenario).text


def test_a_page_that_is_kept_is_another_once_the_config_file_has_changed(ledger: AlertLedger) -> None:
    """Nothing in the database tells of that."""

    async def scenario(api: Api) -> list[str]:
        found = [(await page(api, "/")).text]
        api.sync.change = ConfigChange(Path("jeeves-runner.yaml"), ("port",), None)
        api.sync.since = SystemClock().now()
        found.append((await page(api, "/")).text)
        api.sync.change = api.sync.since = None
        found.append((await page(api, "/")).text)
        return found

    said = with_api(ledger, scenario)
    assert ["restart the server" in each for each in said] == [False, True, False]


def test_what_was_not_committed_is_told_beside_the_commit(ledger: AlertLedger) -> None:
    ledger.conn.execute(
        'UPDATE revisions SET "commit" = ?, author = NULL, subject = NULL', ("f00dfeed" * 5 + DIRTY,)
    )

    async def scenario(api: Api) -> Page:
        api.sync.status = SyncStatus(state="in_sync", revision=1, commit="f00dfeed" * 5 + DIRTY, plan=Plan())
        return await page(api, "/")

    found = with_api(ledger, scenario)
    assert "in sync f00dfeedf0+dirty" in found.text
    assert "revision 1 f00dfeedf0+dirty" in found.text
    assert "with what was not committed" in found.text


def test_a_strip_is_one_path_with_a_column_for_each_half_hour_that_had_any() -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    slots = [Slot(begin + timedelta(minutes=30 * place), ended) for place, ended in enumerate(ENDED)]
    well, failed = strips(slots)
    assert (well.name, well.total, well.most, well.counts) == ("ok", 1_001, 1_000, [1_000, 0, 1])
    assert (well.begin, well.width, well.height) == ("2026-03-01T00:00:00.000Z", 18, 24)
    assert well.path == "M0 24v-24h5v24zM12 24v-3h5v3z"  # a single one is seen beside a thousand
    assert (failed.name, failed.path) == ("failed", "M6 24v-24h5v24z")
