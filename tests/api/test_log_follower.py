"""``GET /runs/{run}/logs?follow=1``: a log as it grows, to clients that come, go and come again."""

import asyncio
import threading
from pathlib import Path

import pytest
from support.api import LOG_SIZE, Api, problem, shell_job, with_api
from support.events import Event, listening
from support.ledger import Ledger
from support.logs import log_file, log_place

from jeeves_runner.core.model import Retries
from jeeves_runner.execute.output import log_thread
from jeeves_runner.execute.output.log_file import LogFile


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def url(api: Api, run_id: int) -> str:
    return f"http://127.0.0.1:{api.port}/runs/{run_id}/logs?follow=1"


def until(path: Path) -> str:
    return f"until test -e {path}; do sleep 0.02; done"


def text_of(events: list[Event]) -> str:
    return "".join(event.data["text"] for event in events if event.kind == "text")


async def start(api: Api, job_id: str) -> int:
    run_id: int = (await api.post(f"/jobs/{job_id}/run?wait=0s")).body["run"]["id"]
    return run_id


def test_a_log_comes_as_it_grows_and_ends_with_its_run(ledger: Ledger, tmp_path: Path) -> None:
    shell_job(ledger, "talk", f"echo öne; {until(tmp_path / 'go')}; printf twö; exit 3")

    async def scenario(api: Api) -> None:
        run_id = await start(api, "talk")
        async with listening(api.session, url(api, run_id)) as events:
            first = await events.next()
            assert first == Event("text", {"text": "öne\n"}, "5")
            (tmp_path / "go").touch()
            text, end = await events.rest()
            assert text == Event("text", {"text": "twö"}, "9")
            assert (end.kind, end.data["run"]["status"], end.data["run"]["exit_code"]) == ("end", "error", 3)
            assert end.data["retry"] is None

    with_api(ledger, scenario)


def test_a_client_goes_on_at_the_byte(ledger: Ledger, tmp_path: Path) -> None:
    shell_job(ledger, "talk", f"echo öne; {until(tmp_path / 'go')}; echo two")

    async def scenario(api: Api) -> None:
        run_id = await start(api, "talk")
        async with listening(api.session, url(api, run_id)) as events:
            await events.next()
        (tmp_path / "go").touch()
        async with listening(api.session, url(api, run_id), events.last_id) as again:
            assert text_of(await again.rest()) == "two\n"
        async with listening(api.session, f"{url(api, run_id)}&after=5") as after_the_end:
            assert text_of(await after_the_end.rest()) == "two\n"
        async with listening(api.session, url(api, run_id), "what?") as anew:
            reset, *rest = await anew.rest()
            assert (reset.kind, text_of(rest)) == ("reset", "öne\ntwo\n")

    with_api(ledger, scenario)


def test_a_run_that_waits_is_followed_once_it_starts(ledger: Ledger, tmp_path: Path) -> None:
    go = tmp_path / "go"
    shell_job(ledger, "talk", f"{until(go)}; echo $JR_RUN_ID", overlap_policy="queue")

    async def scenario(api: Api) -> None:
        await start(api, "talk")
        waits = await start(api, "talk")
        async with listening(api.session, url(api, waits)) as events:
            go.touch()
            text, end = await events.rest()
            assert (text.data["text"], end.data["run"]["status"]) == (f"{waits}\n", "ok")

    with_api(ledger, scenario)


def test_of_a_failed_attempt_it_is_told_which_one_follows(ledger: Ledger) -> None:
    shell_job(ledger, "talk", "echo $JR_ATTEMPT; exit 1", retries=Retries(limit=1, delay_ms=0))

    async def scenario(api: Api) -> None:
        run_id = await start(api, "talk")
        async with listening(api.session, url(api, run_id)) as events:
            _, end = await events.rest()
        retry = end.data["retry"]
        assert (end.data["run"]["attempt"], retry["attempt"], retry["chain_id"]) == (1, 2, run_id)
        async with listening(api.session, url(api, retry["id"])) as events:
            text, end = await events.rest()
        assert (text.data["text"], end.data["retry"]) == ("2\n", None)

    with_api(ledger, scenario)


def test_a_place_where_something_is_missing_is_an_event_of_its_own(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_thread, "MAX_WAITING", LOG_SIZE * 3)  # nothing is lost to a disk that is slow
    go = tmp_path / "go"
    flood = f"head -c {LOG_SIZE * 2} /dev/zero | tr '\\0' z"
    shell_job(ledger, "talk", f"{flood}; echo; echo all; {until(go)}; echo done")

    async def scenario(api: Api) -> None:
        run_id = await start(api, "talk")
        async with listening(api.session, url(api, run_id)) as early:
            await early.until(lambda _: text_of(early.seen[-2:]).endswith("all\n"))
        async with listening(api.session, url(api, run_id)) as events:
            await events.until(lambda event: event.kind == "cut")
            go.touch()
            await events.rest()
        found = events.seen
        cuts = [event for event in found if event.kind == "cut"]
        texts = "".join(event.data["text"] for event in found if event.kind == "text")
        all_bytes = int(found[-2].id.partition("~")[0])
        assert all_bytes == len(texts.encode()) + sum(cut.data["bytes"] for cut in cuts)
        assert texts.endswith("z\nall\ndone\n")
        async with listening(api.session, url(api, run_id), cuts[-1].id) as again:
            # More may be missing by now: the run has written on.
            assert text_of(found[found.index(cuts[-1]) :]).endswith(text_of(await again.rest()))

    with_api(ledger, scenario)


def test_of_a_run_that_has_ended_all_comes_at_once(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_job("talk")
    run_id, silent = ledger.add_run("talk"), ledger.add_run("talk", "skipped")
    only_tails = ledger.add_run("talk", stdout="the end")
    log_file(tmp_path / "data", run_id, "talk").write_text("all\n")

    async def scenario(api: Api) -> None:
        for run, text in ((run_id, "all\n"), (silent, ""), (only_tails, "the end\n")):
            async with listening(api.session, url(api, run)) as events:
                *texts, end = await events.rest()
                assert (text_of(texts), end.kind, end.data["run"]["id"]) == (text, "end", run)
        assert problem(await api.get("/runs/999/logs?follow=1"))[0] == 404
        assert (await api.ask("HEAD", f"/runs/{run_id}/logs?follow=1")).status == 200

    with_api(ledger, scenario)


def test_a_log_that_cannot_be_read_ends_the_stream_and_it_is_said_why(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_job("talk")
    run_id = ledger.add_run("talk", "running")
    log_file(tmp_path / "data", run_id, "talk").mkdir()

    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api, run_id)) as events:
            [last] = await events.rest()
            assert (last.kind, last.data["reason"]) == ("closed", "unreadable")

    with_api(ledger, scenario)


def test_a_log_that_is_deleted_while_it_grows_is_not_taken_for_silent(ledger: Ledger, tmp_path: Path) -> None:
    """Its stream ends. Of one that has ended, what is kept of its output takes the place of what was sent."""
    shell_job(ledger, "talk", f"echo one; {until(tmp_path / 'go')}; echo two; {until(tmp_path / 'end')}")

    async def scenario(api: Api) -> None:
        run_id = await start(api, "talk")
        async with listening(api.session, url(api, run_id)) as events:
            first = await events.next()
            log_file(tmp_path / "data", run_id, "talk").unlink()
            (tmp_path / "go").touch()
            [last] = await events.rest()
            assert (last.kind, last.data["reason"]) == ("closed", "unreadable")
        (tmp_path / "end").touch()
        await api.get(f"/runs/{run_id}?wait=30s")
        async with listening(api.session, f"{url(api, run_id)}&after={first.id}") as events:
            found = await events.rest()
            assert [each.kind for each in found] == ["reset", "text", "end"]
            assert found[1].data == {"text": "one\ntwo\n"}

    with_api(ledger, scenario)


def test_many_follow_one_log_without_a_thread_each(ledger: Ledger, tmp_path: Path) -> None:

    shell_job(ledger, "talk", f"echo one; {until(tmp_path / 'go')}; echo two")

    async def scenario(api: Api) -> None:
        run_id = await start(api, "talk")

        async def follow(met: asyncio.Barrier) -> str:
            async with listening(api.session, url(api, run_id)) as events:
                first = await events.next()
                await met.wait()
                return text_of([first, *await events.rest()])

        met = asyncio.Barrier(41)
        following = [asyncio.create_task(follow(met)) for _ in range(40)]
        before = threading.active_count()
        await met.wait()
        assert threading.active_count() < before + 10
        (tmp_path / "go").touch()
        assert set(await asyncio.gather(*following)) == {"one\ntwo\n"}

    with_api(ledger, scenario)


def test_a_log_of_another_runner_is_followed_through_its_ring(ledger: Ledger, tmp_path: Path) -> None:
    """The ring is there while the run lives; its client sees where it was cut, and goes on behind."""
    ledger.add_job("talk")
    run_id = ledger.add_run("talk", "running")
    log = LogFile(log_place(tmp_path / "data", run_id, "talk"), LOG_SIZE)
    for _ in range(3):
        log.write(b"z" * (LOG_SIZE // 2))

    async def scenario(api: Api) -> None:
        async with listening(api.session, url(api, run_id)) as events:
            cut = await events.until(lambda event: event.kind == "cut")
            head = cut.id.partition("~")[2]
            assert 0 < int(head) <= LOG_SIZE // 2
        async with listening(api.session, url(api, run_id), cut.id) as again:
            assert (await again.next()).kind == "text"

    with_api(ledger, scenario)
    log.close()
