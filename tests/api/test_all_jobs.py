"""What people set of all jobs at once over HTTP, as ``pause --all`` and ``mute --all`` do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from support.api import Api, problem, shell_job, with_api
from support.ledger import Ledger

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens

ME: Final = Actor("cli", "me")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    shell_job(made, "greet", "echo hello")
    made.add_job("backup")
    yield made
    made.conn.close()


def acts(ledger: Ledger) -> list[tuple[object, ...]]:
    return list(ledger.conn.execute("SELECT actor, action, target, detail FROM audit WHERE answer = 200"))


def test_all_jobs_are_paused_until_they_are_resumed(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        both = await api.post("/pause", {"for": "2h", "until": "3h"})
        assert problem(both) == (400, "until and for are two ends; give one of them")
        paused = await api.post("/pause", {"reason": "moving"})
        assert paused.status == 200
        assert paused.body == {"paused": {"until": None, "reason": "moving", "all": True}}
        assert problem(await api.post("/jobs/greet/run")) == (409, "job greet is paused")
        await api.post("/jobs/backup/pause", {"reason": "its own"})
        resumed = await api.post("/resume")
        assert (resumed.status, resumed.body) == (200, {"paused": None})
        assert (await api.post("/resume")).body == {"paused": None}
        assert (await api.post("/jobs/greet/run")).status == 200
        assert (await api.get("/jobs/backup")).body["job"]["paused"]["reason"] == "its own"

    with_api(ledger, scenario)
    assert acts(ledger)[0] == ("api", "pause", "all jobs", "moving")
    assert ("api", "resume", "all jobs", None) in acts(ledger)


def test_everything_is_muted_for_a_time_and_unmuted(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        assert problem(await api.post("/mute", {"reason": "known"})) == (400, "a mute needs an end")
        muted = await api.post("/mute", {"for": "2h", "reason": "known"})
        assert (muted.status, muted.body["muted"]["reason"], muted.body["muted"]["all"]) == (
            200,
            "known",
            True,
        )
        assert (await api.get("/jobs/greet")).body["job"]["muted"]["all"] is True
        assert (await api.get("/alerts")).body["muted"] == muted.body["muted"]
        unmuted = await api.post("/unmute")
        assert (unmuted.status, unmuted.body) == (200, {"muted": None})

    with_api(ledger, scenario)
    assert acts(ledger) == [("api", "mute", "all jobs", "known"), ("api", "unmute", "all jobs", None)]


def test_who_may_read_sets_nothing(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        reads = tokens.create(tx, "eve", TokenRole.READ, until=None, by=ME)
        tokens.create(tx, "ann", TokenRole.OPERATE, until=None, by=ME)

    async def scenario(api: Api) -> None:
        for path in ("/pause", "/resume", "/mute", "/unmute"):
            body = {"for": "1h"} if path in ("/pause", "/mute") else {}
            assert (await api.post(path, body)).status == 401, path
            refused = await api.post(path, body, Authorization=f"Bearer {reads}")
            assert refused.status == 403, path

    with_api(ledger, scenario)
    assert ledger.conn.execute("SELECT count(*) FROM overrides").get == 0
    told = ledger.conn.execute("SELECT action, target, answer FROM audit WHERE answer IS NOT NULL")
    assert told.fetchall() == [
        (action, "all jobs", answer)
        for action in ("pause", "resume", "mute", "unmute")
        for answer in (401, 403)
    ]
