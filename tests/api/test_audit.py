"""The audit as people read it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.api import Answer, Api, get, with_api
from support.ledger import Ledger

from jeeves_runner.core.origin import Actor
from jeeves_runner.db import audit


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    with made.tx() as tx:
        for actor, action, target in (
            (Actor("cli", "ada"), "pause", "job a"),
            (Actor("token ci", "10.0.0.7", 202), "run", "job b"),
            (Actor("cli", "ada"), "resume", "job a"),
            (Actor("unknown", "10.0.0.9", 401), "status", "/status"),
            (Actor("cli", "bob"), "run", "job b"),
        ):
            audit.record(tx, actor=actor, action=action, target=target)
    yield made
    made.conn.close()


def numbers(answer: Answer) -> list[int]:
    return [row["id"] for row in answer.body["audit"]]


def test_it_shows_who_did_what_to_what_from_where_newest_first(ledger: Ledger) -> None:
    answer = get(ledger, "/audit")
    assert numbers(answer) == [5, 4, 3, 2, 1]
    assert answer.body["audit"][3] == {
        "id": 2,
        "at": "2026-03-01T12:00:00.000Z",
        "actor": "token ci",
        "action": "run",
        "target": "job b",
        "detail": None,
        "origin": "10.0.0.7",
        "answer": 202,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("limit=2", [5, 4]),
        ("before=3", [2, 1]),
        ("before=3&limit=1", [2]),
        ("actor=cli", [5, 3, 1]),
        ("target=job%20b", [5, 2]),
        ("actor=cli&target=job%20b", [5]),
        ("actor=cli&before=5", [3, 1]),
        ("actor=x", []),
        ("since=2026-03-01T12:00:00Z", [5, 4, 3, 2, 1]),
        ("since=2026-03-01T12:00:00.001Z", []),
        ("since=2026-03-01&actor=cli&limit=2", [5, 3]),
    ],
)
def test_a_part_of_it_is_chosen(ledger: Ledger, query: str, found: list[int]) -> None:
    assert numbers(get(ledger, f"/audit?{query}")) == found


@pytest.mark.parametrize(
    "query",
    ["before=0", "before=x", "limit=0", "limit=1001", "who=me", "actor=a&actor=b", "since=x", "since=1d"],
)
def test_what_cannot_be_meant_is_refused(ledger: Ledger, query: str) -> None:
    assert get(ledger, f"/audit?{query}").status == 400


def test_the_server_is_ready_until_it_is_told_to_stop(ledger: Ledger) -> None:
    async def scenario(api: Api) -> list[Any]:
        ready = await api.get("/readyz")
        api.stopping.set()
        stopping = await api.get("/readyz")
        alive = await api.get("/healthz")
        return [ready.status, ready.body, stopping.status, stopping.body["detail"], alive.status]

    assert with_api(ledger, scenario) == [200, {"status": "ready"}, 503, "stopping", 200]
