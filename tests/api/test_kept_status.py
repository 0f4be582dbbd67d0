"""The status that is kept: whatever changes, and by whom, the next answer tells it."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from support.api import Api, with_api
from support.ledger import Ledger

from jeeves_runner.access import TooOpen
from jeeves_runner.api import app
from jeeves_runner.api.handlers import runner
from jeeves_runner.api.kept_status import KeptStatus, StatusFacts
from jeeves_runner.api.spool import PIECE
from jeeves_runner.clock import SystemClock, to_text
from jeeves_runner.config_change import ConfigChange
from jeeves_runner.core.plan import Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.db.connection import connect
from jeeves_runner.reconcile.sync_status import SyncStatus
from jeeves_runner.views.runner import StatusDocument, counts, status_view
from jeeves_runner.views.sync import sync_view

MINUTE: Final = timedelta(minutes=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def _held(api: Api) -> None:
    api.ledger.hold("x", "broken")


def _job(api: Api) -> None:
    api.ledger.add_job("other")


def _waits(api: Api) -> None:
    api.ledger.add_run("x", "scheduled")


def _ended(api: Api) -> None:
    at = to_text(SystemClock().now())
    api.ledger.add_run("x", "error", started_at=at, finished_at=at)


def _late(api: Api) -> None:
    api.late["x"] = SystemClock().now() + MINUTE


def _later(api: Api) -> None:
    api.late["x"] += MINUTE


def _config(api: Api) -> None:
    api.sync.change = ConfigChange(Path("/srv/jeeves-runner.yaml"), ("log.level",), None)
    api.sync.since = api.ledger.now


def _config_since(api: Api) -> None:
    api.sync.since = api.ledger.now - MINUTE


def _look(api: Api) -> None:
    api.sync.status = replace(api.sync.status, revision=2, checked_at=api.ledger.now)


def _problem(api: Api) -> None:
    problem = Problem("error", "yaml", "jobs.d/y.yaml", 1, 1, "no")
    api.sync.status = replace(api.sync.status, plan=Plan(problems=(problem,)))


def _stop(api: Api) -> None:
    api.stopping.set()


ACTS: Final[Mapping[Callable[[Api], None], tuple[str, str]]] = {
    _held: ("health", "failed_registrations"),
    _job: ("health", "total_jobs"),
    _waits: ("health", "waiting"),
    _ended: ("health", "errors_last_hour"),
    _late: ("health", "catching_up"),
    _later: ("health", "catching_up_until"),
    _config: ("sync", "config"),
    _config_since: ("sync", "config"),
    _look: ("sync", "checked_at"),
    _problem: ("sync", "problems"),
    _stop: ("status", ""),
}
"""What happens, one after the other, and where it is seen."""


def _at(document: Any, place: tuple[str, str]) -> object:
    part, name = place
    return document[part][name] if name else document[part]


def test_the_next_answer_tells_of_all_that_happens(ledger: Ledger) -> None:
    ledger.add_job("x")

    async def scenario(api: Api) -> None:
        for act, place in ACTS.items():
            before = [(await api.get("/status")).body for _ in range(2)]
            act(api)
            after = (await api.get("/status")).body
            assert _at(before[0], place) == _at(before[1], place) != _at(after, place), act

    with_api(ledger, scenario)


def test_time_alone_makes_another_of_it(ledger: Ledger) -> None:
    """A run has ended almost an hour ago."""
    ledger.add_job("x")
    clock = SystemClock()
    at = to_text(clock.now() - 60 * MINUTE + timedelta(seconds=1))
    ledger.add_run("x", "ok", started_at=at, finished_at=at)

    async def scenario(api: Api) -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        until = clock.monotonic() + 20
        while not seen or (seen[-1][1] and clock.monotonic() < until):
            document = (await api.get("/status")).body
            seen.append((document["uptime_ms"], document["health"]["ok_last_hour"]))
        return seen

    seen = with_api(ledger, scenario)
    assert (seen[0][1], seen[-1][1]) == (1, 0)
    times = [uptime for uptime, _ in seen]
    assert times == sorted(times)
    assert times[0] < times[-1]


def test_what_needs_attention_is_told_until_it_is_over(ledger: Ledger) -> None:
    ledger.add_job("x")

    async def scenario(api: Api) -> list[list[str]]:
        seen = []
        for status in ("ok", "error", "ok"):
            at = to_text(SystemClock().now())
            api.ledger.add_run("x", status, started_at=at, finished_at=at)
            found = (await api.get("/status")).body["attention"]
            seen.append([f"{each['what']} {each['which']}" for each in found])
        return seen

    assert with_api(ledger, scenario) == [[], ["failing x"], []]


def test_it_is_read_once_while_nothing_happens(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def note(*args: Any, **kwargs: Any) -> StatusDocument:
        made.append(args)
        return status_view(*args, **kwargs)

    monkeypatch.setattr(runner, "status_view", note)
    monkeypatch.setattr(app, "_TOO_OPEN_KEPT", 60.0)

    async def scenario(api: Api) -> None:
        for _ in range(5):
            await api.get("/status")

    with_api(ledger, scenario)
    assert len(made) == 1


def test_those_who_ask_at_once_have_it_counted_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[None] = []
    read_counts = runner._read_counts

    def counted(*values: Any) -> Any:
        read.append(None)
        return read_counts(*values)

    monkeypatch.setattr(runner, "_read_counts", counted)

    async def scenario(api: Api) -> None:
        await api.get("/status")
        api.ledger.add_job("other")
        read.clear()
        answers = await asyncio.gather(*(api.get("/status") for _ in range(20)))
        assert {answer.body["health"]["total_jobs"] for answer in answers} == {2}
        assert len(read) == 1

    ledger.add_job("x")
    with_api(ledger, scenario)


def test_two_looks_at_the_manifests_are_two(ledger: Ledger) -> None:
    """Plans that are equal may tell different things of held rows."""
    kept, facts = KeptStatus(), _facts(ledger, ())
    kept.keep(facts, _document(facts, ledger))
    assert kept.find(facts, 1) is not None
    assert kept.find(facts._replace(sync=replace(facts.sync)), 1) is None


def test_the_time_is_put_in_its_place(ledger: Ledger) -> None:
    kept, facts = KeptStatus(), _facts(ledger, (TooOpen(Path('/srv/"uptime_ms":7'), 0o755),))
    document = _document(facts, ledger)
    kept.keep(facts, document)
    text = kept.find(facts, 1234)
    assert text is not None
    assert json.loads(text) == document | {"uptime_ms": 1234}
    assert list(json.loads(text)) == list(document)


def test_a_large_one_is_not_kept(ledger: Ledger) -> None:
    kept, facts = KeptStatus(), _facts(ledger, (TooOpen(Path("/x" * PIECE), 0o755),))
    kept.keep(facts, _document(facts, ledger))
    assert kept.find(facts, 1) is None


def _facts(ledger: Ledger, too_open: tuple[TooOpen, ...]) -> StatusFacts:
    conn = connect(ledger.path)
    found = counts(conn, ledger.now)
    conn.close()
    return StatusFacts(found, False, SyncStatus(state="in_sync"), None, None, too_open, {})


def _document(facts: StatusFacts, ledger: Ledger) -> StatusDocument:
    return status_view(
        facts.found, ledger.now, uptime=MINUTE, sync=sync_view(facts.sync), too_open=facts.too_open
    )
