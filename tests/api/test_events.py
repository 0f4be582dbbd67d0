"""``GET /events``: what happens, by any process, to clients that come, go and come again."""

import asyncio
import random
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.alerts import AlertLedger
from support.api import Api, problem, shell_job, with_api
from support.events import Listener, listening
from support.queues import push
from support.runs import HOLD

from jeeves_runner.api.connection import Limits
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import Reason, RunStatus, Trigger
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import queue_pauses, run_progress, tokens
from jeeves_runner.db.run_ends import RunRecord, end_running, end_waiting
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.reconcile.sync_status import SyncStatus

ME = Actor("test")


@pytest.fixture
def ledger(tmp_path: Path) -> AlertLedger:
    made = AlertLedger(tmp_path / "runner.sqlite")
    shell_job(made, "greet", "echo hello")
    return made


def url(api: Api, path: str = "/events") -> str:
    return f"http://127.0.0.1:{api.port}{path}"


def entered(ledger: AlertLedger, job_id: str = "greet") -> int:
    """A run that another process asks for; no runner takes it up."""
    with ledger.tx() as tx:
        return request_run(tx, RunRequest(job_id=job_id, trigger=Trigger.MANUAL, by=ME))


async def run_event(events: Listener, run_id: int) -> tuple[int, str, str]:
    """The next event of a run."""
    return (await events.until(lambda event: event.kind == "run" and event.data["run"]["id"] == run_id)).run


def test_a_run_of_this_server_is_told_of_until_it_has_ended(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            ready = await events.next()
            assert (ready.kind, ready.data) == ("ready", {"epoch": 1})
            assert re.fullmatch(r"1\.[0-9a-f]{8}-0", ready.id)
            run = (await api.post("/jobs/greet/run")).body["result"]
            ended = await events.until(lambda event: event.kind == "run" and event.run[1] == "ended")
            assert ended.run == (run["id"], "ended", "ok")
            shown = {name: run[name] for name in ended.data["run"]}
            assert ended.data["run"] == shown

    with_api(ledger, scenario)


def test_all_that_another_process_does_to_a_run_is_told(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api, "/events?kind=run")) as events:
            await events.next()
            run_id = entered(ledger)
            assert await run_event(events, run_id) == (run_id, "entered", "scheduled")
            with ledger.tx() as tx:
                run_progress.note_waiting(tx, [run_id], Reason.LIMIT, None, 1)
            assert await run_event(events, run_id) == (run_id, "waits", "scheduled")
            with ledger.tx() as tx:
                end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL)
            assert await run_event(events, run_id) == (run_id, "ended", "cancelled")
            other = ledger.add_run("greet", "running")
            assert await run_event(events, other) == (other, "started", "running")
            with ledger.tx() as tx:
                run_progress.note_progress(tx, other, "half of it", 7, epoch=1)
            assert await run_event(events, other) == (other, "progress", "running")
            with ledger.tx() as tx:
                end_running(tx, other, Outcome(status=RunStatus.OK), RunRecord(), None)
            assert await run_event(events, other) == (other, "ended", "ok")

    with_api(ledger, scenario)


def test_queues_incidents_and_the_state_of_the_manifests_are_told(ledger: AlertLedger) -> None:
    ledger.declare_queue("mail")
    ledger.add_told_job("fragile", script="/nowhere")

    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            await events.next()
            push(ledger, 1, 2)
            queue = await events.until(lambda event: event.kind == "queue")
            assert (queue.data["id"], queue.data["depth"], queue.data["paused"]) == ("mail", 2, None)
            with ledger.tx() as tx:
                queue_pauses.pause(tx, "mail", until=None, reason="a move", by=ME)
            queue = await events.until(lambda event: event.kind == "queue")
            assert queue.data["paused"] == {"until": None, "reason": "a move"}
            ledger.end("fragile", "error")
            alert = await events.until(lambda event: event.kind == "alert")
            assert (alert.data["change"], alert.data["incident"]["cause"]) == ("opened", "failure")
            number = alert.data["incident"]["id"]
            ledger.end("fragile", "ok")
            alert = await events.until(lambda event: event.kind == "alert")
            assert (alert.data["change"], alert.data["incident"]["id"]) == ("closed", number)
            api.sync.status = replace(api.sync.status, checked_at=ledger.now)  # a look that found nothing
            api.sync.status = SyncStatus(state="blocked", revision=2, reason="too many deletes")
            sync = await events.until(lambda event: event.kind == "sync")
            assert (sync.data["state"], sync.data["revision"]) == ("blocked", 2)

    with_api(ledger, scenario)


def test_a_stream_is_about_what_it_was_asked_for(ledger: AlertLedger) -> None:
    ledger.declare_queue("mail")
    shell_job(ledger, "other", "true")

    async def scenario(api: Api) -> None:
        async with AsyncExitStack() as open_:

            async def stream(query: str) -> Listener:
                made = await open_.enter_async_context(listening(api.session, url(api, f"/events?{query}")))
                await made.next()
                return made

            of_job, of_kinds = await stream("job=other"), await stream("kind=queue,alert")
            entered(ledger)
            push(ledger, 1)
            other = entered(ledger, "other")
            assert (await of_job.next()).run[0] == other
            assert (await of_kinds.next()).data["id"] == "mail"
            push(ledger, 2)
            assert (await of_kinds.next()).data["depth"] == 2
        assert problem(await api.get("/events?kind=runs"))[0] == 400
        assert problem(await api.get("/events?kinds=run"))[0] == 400

    with_api(ledger, scenario)


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_client_goes_on_behind_the_last_event_it_has(ledger: AlertLedger, how: str) -> None:
    async def scenario(api: Api) -> list[int]:
        first = entered(ledger)
        async with listening(api.session, url(api)) as events:
            await events.next()
            second = entered(ledger)
            await run_event(events, second)
            last_id = events.last_id
        third, fourth = entered(ledger), entered(ledger)
        path = "/events" if how == "header" else f"/events?after={last_id}"
        header = last_id if how == "header" else None
        async with listening(api.session, url(api, path), header) as events:
            assert [await run_event(events, run) for run in (third, fourth)]
            assert [event.kind for event in events.seen] == ["run", "run"]
        return [first, second, third, fourth]

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    "last_id",
    ["0-0", "1-0", "2.{start}-0", "{here}-7", "{here}", "-", "{here}--1", "x-y", "{here}-" + "9" * 40],
)
def test_a_client_that_cannot_go_on_is_told_to_begin_anew(ledger: AlertLedger, last_id: str) -> None:
    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            here = str((await events.next()).id).removesuffix("-0")
        known = last_id.format(here=here, start=here.removeprefix("1."))
        async with listening(api.session, url(api), known) as events:
            reset = await events.next()
            assert (reset.kind, reset.id) == ("reset", f"{here}-0")
            run_id = entered(ledger)
            assert (await events.next()).run == (run_id, "entered", "scheduled")

    with_api(ledger, scenario)


@pytest.mark.parametrize("path", ["/events", "/events?brief=1"])
def test_a_start_that_has_the_number_of_another_is_another(ledger: AlertLedger, path: str) -> None:
    """As after the loss of a database, or where a backup took its place: the runners are numbered again."""
    known: list[str] = []

    async def before(api: Api) -> None:
        async with listening(api.session, url(api, path)) as events:
            known.append(str((await events.next()).id))

    async def after(api: Api) -> None:
        async with listening(api.session, url(api)) as events:
            assert (await events.next()).data == {"epoch": 1}
            await run_event(events, entered(ledger))
        async with listening(api.session, url(api, path), *known) as events:
            assert (await events.next()).kind == "reset"

    with_api(ledger, before)
    with ledger.tx() as tx:
        tx.conn.execute("DELETE FROM runner")
    with_api(ledger, after)


def test_streams_end_when_the_server_is_to_stop_and_say_so(ledger: AlertLedger) -> None:
    shell_job(ledger, "long", HOLD)

    async def scenario(api: Api) -> None:
        run_id = (await api.post("/jobs/long/run?wait=0s")).body["run"]["id"]
        async with (
            listening(api.session, url(api)) as events,
            listening(api.session, url(api, f"/runs/{run_id}/logs?follow=1")) as log,
        ):
            await events.next()
            api.stopping.set()
            for stream in (events, log):
                *_, last = await stream.rest()
                assert (last.kind, last.data["reason"]) == ("closed", "stopping")
        async with listening(api.session, url(api)) as late:
            *_, last = await late.rest()
            assert last.data["reason"] == "stopping"

    with_api(ledger, scenario)


def test_a_stream_ends_when_what_let_its_client_in_counts_no_more(ledger: AlertLedger) -> None:
    with ledger.tx() as tx:
        token = tokens.create(tx, "ci", TokenRole.READ, until=End(ledger.now + timedelta(days=900)), by=ME)

    async def scenario(api: Api) -> None:
        bearer = {"Authorization": f"Bearer {token}"}
        async with listening(api.session, url(api), **bearer) as events:
            await events.next()
            await events.until_comments(1)
            with ledger.tx() as tx:
                tokens.revoke(tx, "ci", by=ME)
            *_, last = await events.rest()
            assert (last.kind, last.data["reason"]) == ("closed", "not_allowed")

    with_api(ledger, scenario, Limits(silence=0.05))


def test_in_a_silence_the_place_of_the_client_moves_on(ledger: AlertLedger) -> None:
    """What came meanwhile was not for it. It would else be told to begin anew for nothing."""

    async def scenario(api: Api) -> None:
        async with (
            listening(api.session, url(api, "/events?kind=queue")) as events,
            listening(api.session, url(api)) as all_events,
        ):
            began = (await events.next()).id
            await all_events.next()
            await run_event(all_events, entered(ledger))
            while events.last_id == began:
                await events.until_comments(events.comments + 1)
            assert events.last_id == all_events.last_id

    with_api(ledger, scenario, Limits(silence=0.05))


def test_head_asks_for_no_stream(ledger: AlertLedger) -> None:
    async def scenario(api: Api) -> None:
        for _ in range(5):
            answer = await api.ask("HEAD", "/events")
            assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")

    with_api(ledger, scenario, Limits(connections=4))


def test_there_are_no_more_streams_than_leave_room_for_other_requests(ledger: AlertLedger) -> None:
    """Those whose clients vanish make room, at once and not only with the next event."""

    async def scenario(api: Api) -> None:
        for _ in range(3):
            async with AsyncExitStack() as open_:
                for _ in range(2):
                    events = await open_.enter_async_context(listening(api.session, url(api)))
                    await events.next()
                answer = await api.get("/events")
                assert problem(answer)[0] == 503
            async with asyncio.timeout(10):
                while True:
                    async with api.session.get(url(api)) as answer_:
                        if answer_.status == 200:
                            break

    with_api(ledger, scenario, Limits(connections=4))


@pytest.mark.parametrize("seed", range(4))
def test_a_client_that_comes_and_goes_misses_nothing_and_hears_nothing_twice(
    ledger: AlertLedger, seed: int
) -> None:
    """It hangs up after any number of events, while another process enters and ends runs."""
    chance = random.Random(seed)
    statuses: dict[int, str] = {}

    def write() -> None:
        for _ in range(60):
            waiting = [run_id for run_id, status in statuses.items() if status == "scheduled"]
            if waiting and chance.random() < 0.5:
                run_id = chance.choice(waiting)
                with ledger.tx() as tx:
                    end_waiting(tx, run_id, RunStatus.CANCELLED, Reason.CANCEL)
                statuses[run_id] = "cancelled"
            else:
                statuses[entered(ledger)] = "scheduled"

    async def scenario(api: Api) -> None:
        known: dict[int, str] = {}
        numbers: list[int] = []
        patience = random.Random(-seed)
        async with listening(api.session, url(api)) as events:
            await events.next()
            last_id = events.last_id
        writing = asyncio.create_task(asyncio.to_thread(write))
        while not writing.done() or known != statuses:
            async with listening(api.session, url(api, "/events?kind=run"), last_id) as events:
                for _ in range(patience.randint(1, 12)):
                    if writing.done() and known == statuses:
                        break
                    event = await events.next()
                    assert event.kind == "run"
                    known[event.data["run"]["id"]] = event.data["run"]["status"]
                    numbers.append(int(event.id.partition("-")[2]))
                    last_id = event.id
        await writing
        assert numbers == sorted(set(numbers))

    with_api(ledger, scenario)
