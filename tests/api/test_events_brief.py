"""``GET /events?brief=1``: that something has changed, for those who look for themselves."""

import asyncio
from pathlib import Path

import pytest
from support.alerts import AlertLedger
from support.api import Api, shell_job, with_api
from support.db import locked_by_another, tell
from support.events import listening
from support.pages import page

from jeeves_runner.api import events_feed
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides


@pytest.fixture
def ledger(tmp_path: Path) -> AlertLedger:
    made = AlertLedger(tmp_path / "runner.sqlite")
    shell_job(made, "greet", "echo hello")
    return made


def url(api: Api, query: str = "") -> str:
    return f"http://127.0.0.1:{api.port}/events?brief=1{query}"


def test_runs_are_told_by_their_jobs(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            assert (await events.next()).kind == "ready"
            await api.post("/jobs/greet/run")
            changed = await events.next()
            assert (changed.kind, changed.data) == ("changed", {"kinds": ["run"], "jobs": ["greet"]})

    with_api(ledger, scenario)


def test_what_no_event_tells_is_told_as_well(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            await events.next()
            with ledger.tx() as tx:
                overrides.mute(tx, "greet", until=None, reason=None, by=Actor("test"))
            changed = await events.next()
            assert (changed.kind, changed.data) == ("changed", {"kinds": ["other"], "jobs": []})

    with_api(ledger, scenario)


def test_a_lock_of_another_process_is_told_with_which_nothing_is_committed(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            await events.next()
            with locked_by_another(ledger.path) as holder:
                waits = asyncio.create_task(api.post("/jobs/greet/mute", {"until": "1h"}))
                changed = await events.next()
                assert (changed.kind, changed.data) == ("changed", {"kinds": ["lock"], "jobs": []})
                assert "database locked" in (await page(api, "/jobs")).text
                tell(holder)
                assert (await waits).status == 200
            assert "database locked" not in (await page(api, "/jobs")).text
            await events.until(lambda event: "lock" in event.data["kinds"])

    with_api(ledger, scenario)


def test_a_lock_that_is_over_is_not_told_to_who_comes_later(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        with locked_by_another(ledger.path) as holder:
            waits = asyncio.create_task(api.post("/jobs/greet/mute", {"until": "1h"}))
            while "database locked" not in (await page(api, "/jobs")).text:
                assert not waits.done()
            tell(holder)
            assert (await waits).status == 200
        async with listening(api.session, url(api)) as events:
            await events.next()
            await api.post("/jobs/greet/unmute")
            changed = await events.next()
            assert (changed.kind, changed.data) == ("changed", {"kinds": ["other"], "jobs": []})

    with_api(ledger, scenario)


def test_a_lock_that_ends_between_two_looks_is_told(
    ledger: AlertLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that was made meanwhile says so."""
    monkeypatch.setattr(events_feed, "PACE", 1.5)

    async def scenario(api: Api) -> None:
        await page(api, "/jobs")  # its templates are compiled
        async with listening(api.session, url(api)) as events:
            await events.next()
            with locked_by_another(ledger.path) as holder:
                waits = asyncio.create_task(api.post("/jobs/greet/mute", {"until": "1h"}))
                while "database locked" not in (await page(api, "/jobs")).text:
                    assert not waits.done()
                tell(holder)
                assert (await waits).status == 200
            await events.until(lambda event: "lock" in event.data["kinds"])

    with_api(ledger, scenario)


def test_a_client_goes_on_where_it_was(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            last = (await events.next()).id
            await api.post("/jobs/greet/run")
        async with listening(api.session, url(api, f"&after={last}")) as events:
            assert (await events.next()).data == {"kinds": ["run"], "jobs": ["greet"]}

    with_api(ledger, scenario)


def test_some_kinds_alone_can_be_asked_for(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api, "&kind=run")) as events:
            await events.next()
            with ledger.tx() as tx:
                overrides.mute(tx, "greet", until=None, reason=None, by=Actor("test"))
            await api.post("/jobs/greet/run")
            assert (await events.next()).data["kinds"] == ["run"]

    with_api(ledger, scenario)


def test_who_is_told_all_gets_documents_though_others_are_told_little(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as brief:
            await brief.next()
            await api.post("/jobs/greet/run")
            last = (await brief.next()).id
            async with listening(api.session, url(api).replace("brief=1", "kind=run")) as full:
                assert (await full.next()).kind == "ready"
                await api.post("/jobs/greet/run")
                told = await full.next()
                assert told.kind == "run"
                assert told.data["run"]["job_id"] == "greet"
            with_all = url(api).replace("brief=1", f"after={last}")
            async with listening(api.session, with_all) as again:  # since then all was told
                assert (await again.next()).kind == "run"

    with_api(ledger, scenario)


def test_who_wants_all_does_not_go_on_among_what_was_told_only_briefly(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            first = (await events.next()).id
            await api.post("/jobs/greet/run")
            await events.next()
        async with listening(api.session, url(api).replace("brief=1", f"after={first}")) as full:
            assert (await full.next()).kind == "reset"

    with_api(ledger, scenario)
