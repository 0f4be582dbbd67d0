"""State and queues as requests write them: each route, its answers, and what it refuses with its place."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.api import Answer, Api, problem, with_api
from support.ledger import Ledger
from support.queues import push

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens
from jeeves_runner.runner.claim_waits import ClaimWaits
from jeeves_runner.runs.api_access import ApiAccess

RUN = 7
ACCESS = ApiAccess()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.declare_queue("mail", max_attempts=2)
    yield ledger
    ledger.conn.close()


def play(ledger: Ledger, *requests: tuple[Any, ...]) -> list[Answer]:
    """The answers to these requests: method, path and body each."""

    async def scenario(api: Api) -> list[Answer]:
        return [await api.ask(*request) for request in requests]

    return with_api(ledger, scenario)


def bodies(ledger: Ledger, *requests: tuple[Any, ...]) -> list[Any]:
    return [answer.body for answer in play(ledger, *requests)]


class TestState:
    def test_keeps_a_value(self, ledger: Ledger) -> None:
        assert bodies(
            ledger,
            ("PUT", "/state/ns/a%2Fb", {"value": {"n": 1}, "ttl": "5m"}),
            ("GET", "/state/ns/a%2Fb/value"),
            ("PUT", "/state/ns/a%2Fb", {"value": 2, "expect": {"n": 2}}),
            ("PUT", "/state/ns/a%2Fb", {"value": 2, "expect": {"n": 1.0}, "ttl": 0.5}),
            ("PUT", "/state/ns/a%2Fb", {"value": 3, "expect_missing": True}),
            ("DELETE", "/state/ns/a%2Fb"),
            ("DELETE", "/state/ns/a%2Fb"),
        ) == [
            {"stored": True},
            {"value": {"n": 1}},
            {"stored": False},
            {"stored": True},
            {"stored": False},
            {"deleted": True},
            {"deleted": False},
        ]

    def test_keeps_items(self, ledger: Ledger) -> None:
        assert bodies(
            ledger,
            ("PUT", "/state/ns/seen/items/a"),
            ("PUT", "/state/ns/seen/items/b", {"value": [1], "ttl": "1d"}),
            ("GET", "/state/ns/seen/items/b"),
            ("GET", "/state/ns/seen/items?order=asc"),
            ("GET", "/state/ns/seen/items?limit=0"),
            ("DELETE", "/state/ns/seen/items/a"),
            ("POST", "/state/ns/seen/prune", {"keep": 0}),
            ("GET", "/state/ns/seen/items"),
        ) == [
            {"stored": True},
            {"stored": True},
            {"value": [1]},
            {"keys": ["a", "b"], "count": 2},
            {"keys": [], "count": 2},
            {"deleted": True},
            {"pruned": 1},
            {"keys": [], "count": 0},
        ]

    @pytest.mark.parametrize("path", ["/state/ns/k/value", "/state/ns/k/items/i"])
    def test_says_of_no_value_what_it_is(self, ledger: Ledger, path: str) -> None:
        [answer] = play(ledger, ("GET", path))
        assert problem(answer)[0] == 404
        assert answer.body["type"] == "urn:jeeves-runner:problem:no_value"


class TestQueues:
    def test_take_claim_and_answer(self, ledger: Ledger) -> None:
        async def scenario(api: Api) -> None:
            added = await api.post("/queues/mail/items", {"payloads": [1, 2, 3], "priority": 1})
            assert added.body == {"ids": [1, 2, 3]}
            assert len(api.nudges) == 1
            claimed = (await api.post("/queues/mail/claim", {"count": 3, "lease": "1h"})).body["items"]
            assert [(item["id"], item["payload"], item["attempt"]) for item in claimed] == [
                (1, 1, 1),
                (2, 2, 1),
                (3, 3, 1),
            ]
            tokens = [{"lease_token": item["lease_token"]} for item in claimed]
            extended = await api.post("/queues/mail/items/1/extend", {**tokens[0], "lease": 60})
            assert extended.body == {"items": [{"id": 1, "status": "claimed"}]}
            failed = await api.post("/queues/mail/items/1/fail", {**tokens[0], "error": "no"})
            assert failed.body == {"items": [{"id": 1, "status": "pending"}]}
            done = await api.post("/queues/mail/items/2/complete", tokens[1])
            assert done.body == {"items": [{"id": 2, "status": "completed"}]}
            again = await api.post("/queues/mail/items/2/complete", tokens[1])
            assert problem(again)[0] == 409
            assert again.body["type"].endswith(":lease_lost")

        with_api(ledger, scenario)

    @pytest.mark.parametrize("answer", ["complete", "fail", "extend"])
    def test_answer_several_claims_or_none(self, ledger: Ledger, answer: str) -> None:
        more = {"complete": {}, "fail": {"error": "no"}, "extend": {"lease": "1h"}}[answer]

        async def scenario(api: Api) -> None:
            await api.post("/queues/mail/items", {"payloads": [1, 2]})
            claimed = (await api.post("/queues/mail/claim", {"count": 2})).body["items"]
            ours = [{"id": item["id"], "lease_token": item["lease_token"], **more} for item in claimed]
            lost = await api.post(
                f"/queues/mail/{answer}", {"items": [ours[0], {**ours[1], "lease_token": "x"}]}
            )
            assert problem(lost)[0] == 409
            assert ledger.count("queue_items", "status = 'claimed'") == 2
            done = await api.post(f"/queues/mail/{answer}", {"items": ours})
            assert [item["id"] for item in done.body["items"]] == [1, 2]

        with_api(ledger, scenario)

    def test_know_an_item_of_another_queue(self, ledger: Ledger) -> None:
        ledger.declare_queue("other")
        found = play(
            ledger,
            ("POST", "/queues/mail/items", {"payload": 1}),
            ("POST", "/queues/other/items/1/complete", {"lease_token": "x"}),
        )
        assert problem(found[1]) == (404, "there is no item 1 in queue other")

    def test_that_are_paused_give_nothing(self, ledger: Ledger) -> None:
        found = bodies(
            ledger,
            ("POST", "/queues/mail/items", {"payload": 1}),
            ("POST", "/queues/mail/pause"),
            ("POST", "/queues/mail/claim?wait=50ms"),
        )
        assert found[2] == {"items": []}


class TestTransaction:
    def test_does_all(self, ledger: Ledger) -> None:
        ops = [
            {"op": "set_state", "namespace": "ns", "key": "k", "value": 1, "expect_missing": True},
            {"op": "set_item", "namespace": "ns", "key": "k", "item_key": "i"},
            {"op": "delete_item", "namespace": "ns", "key": "k", "item_key": "j"},
            {"op": "prune_items", "namespace": "ns", "key": "k", "keep": 0},
            {"op": "enqueue", "queue": "mail", "payloads": [None, 2]},
            {"op": "enqueue", "queue": "mail", "payload": None, "delay": "1h", "max_attempts": None},
            {"op": "delete_state", "namespace": "ns", "key": "k"},
        ]
        assert bodies(ledger, ("POST", "/transaction", {"operations": ops})) == [
            {"results": [True, None, False, 1, [1, 2], [3], True]}
        ]

    def test_or_nothing(self, ledger: Ledger) -> None:
        ops = [
            {"op": "enqueue", "queue": "mail", "payload": 1},
            {"op": "set_state", "namespace": "ns", "key": "k", "value": 1, "expect": 2},
        ]
        [answer] = play(ledger, ("POST", "/transaction", {"operations": ops}))
        assert problem(answer) == (409, "state ns/k does not hold the expected value")
        assert answer.body["hint"] == "nothing of this was done; read it again, and decide anew"
        assert ledger.count("queue_items") == 0


SET = {"op": "set_state", "namespace": "ns", "key": "k", "value": 1}
TAKEN = {"op": "complete", "id": 1, "lease_token": "x"}


@pytest.mark.parametrize(
    ("ops", "error"),
    [
        (None, "operations must be a list"),
        ([], "operations is empty"),
        ([SET, 1], "operations[1] must be an object"),
        ([{}], "operations[0] has no op"),
        ([{"op": "claim"}], 'operations[0].op is no operation: "claim"'),
        ([{"op": ["set_state"]}], 'operations[0].op is no operation: ["set_state"]'),
        ([SET, {**SET, "valeu": 1}], "operations[1] has an unknown key 'valeu'"),
        ([{"op": "set_state", "key": "k", "value": 1}], "operations[0] has no namespace"),
        ([{**SET, "namespace": ""}], "operations[0].namespace is empty"),
        ([{**SET, "key": 1}], "operations[0].key must be a string, not int"),
        ([{**SET, "key": "a\0"}], "operations[0].key holds a NUL character"),
        ([{**SET, "ttl": "5 parsecs"}], 'operations[0].ttl: "5 parsecs" is no duration'),
        ([{**SET, "ttl": 0}], "operations[0].ttl must be longer than nothing, not 0"),
        ([{**SET, "ttl": True}], "operations[0].ttl is not a length of time: True"),
        ([{**SET, "expect": 1, "expect_missing": True}], "operations[0]: expect and expect_missing are two"),
        ([{**SET, "expect_missing": None}], "operations[0].expect_missing must be true or false"),
        ([{"op": "enqueue", "queue": "mail"}], "operations[0]: one of payload and payloads says"),
        (
            [{"op": "enqueue", "queue": "mail", "payload": 1, "payloads": [1]}],
            "operations[0]: one of payload and payloads says",
        ),
        ([{"op": "enqueue", "queue": "mail", "payloads": []}], "operations[0].payloads is empty"),
        (
            [{"op": "enqueue", "queue": "mail", "payload": 1, "priority": 1.5}],
            "operations[0].priority must be a whole number, not 1.5",
        ),
        (
            [{"op": "enqueue", "queue": "mail", "payload": 1, "max_attempts": 0}],
            "operations[0].max_attempts must be between 1 and",
        ),
        ([{**TAKEN, "id": "1"}], "operations[0].id must be a whole number, not '1'"),
        ([{**TAKEN, "lease_token": None}], "operations[0].lease_token must be a string, not null"),
        ([{**TAKEN, "op": "extend", "lease": None}], "operations[0].lease is not a length of time: None"),
        ([{**TAKEN, "op": "fail"}], "operations[0] has no error"),
    ],
)
def test_a_refusal_names_its_place(ledger: Ledger, ops: object, error: str) -> None:
    [answer] = play(ledger, ("POST", "/transaction", {"operations": ops}))
    status, detail = problem(answer)
    assert (status, detail[: len(error)]) == (400, error)


def test_a_whole_number_is_one_however_it_is_written(ledger: Ledger) -> None:
    many = b'{"payloads": [1, 2, 3], "priority": -0.0, "max_attempts": 2.0}'
    taken, pruned, exact = play(
        ledger,
        ("POST", "/queues/mail/items", many),
        ("POST", "/state/ns/k/prune", b'{"keep": 1937.0}'),
        ("POST", "/queues/mail/claim", b'{"count": 2e0}'),
    )
    assert (taken.status, pruned.status, len(exact.body["items"])) == (200, 200, 2)


@pytest.mark.parametrize("number", ["2.5", "1e18", "true", '"2"'])
def test_what_is_none_or_could_be_another_one_is_refused(ledger: Ledger, number: str) -> None:
    body = b'{"operations": [{"op": "complete", "lease_token": "x", "id": %s}]}' % number.encode()
    [answer] = play(ledger, ("POST", "/transaction", body))
    assert problem(answer)[0] == 400
    assert "operations[0].id must be a whole number" in problem(answer)[1]


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("PUT", "/state/ns/k", None, "the body has no value"),
        ("PUT", "/state/ns/k", {}, "the body has no value"),
        ("PUT", "/state/ns/k", b'{"value": NaN}', "the body is not JSON: NaN is not JSON"),
        ("PUT", "/state/ns/k", b'{"value": 1e999}', "the body is not JSON: 1e999 is too large a number"),
        (
            "PUT",
            "/state/ns/k",
            b'{"value": ' + b"9" * 4301 + b"}",
            "the body is not JSON: a number has more than 4,300 digits",
        ),
        ("PUT", "/state/ns/k", b'{"value": "\xff"}', "the body is not JSON: byte 12 is not UTF-8"),
        ("PUT", "/state/ns/k", '{"value": 1}'.encode("utf-16-le"), "the body is not JSON: "),
        ("PUT", "/state/ns/k", b'{"value": "\\ud800"}', "the body holds a lone surrogate"),
        ("PUT", "/state/ns/k", b'{"value": {"a": 1, "a": 2}}', "the body has the key 'a' more than once"),
        (
            "PUT",
            "/state/ns/k",
            b'{"value": ' + b"[" * 101 + b"1" + b"]" * 101 + b"}",
            "value is nested deeper than 100",
        ),
        ("PUT", "/state/ns/k", b'{"value": ' + b"[" * 900 + b"]" * 900 + b"}", "the body is nested deeper"),
        ("PUT", "/state/ns/k", b'{"value": ' + b"[" * 90_000, "the body is nested deeper"),
        ("PUT", f"/state/ns/{'k' * 513}", {"value": 1}, "the key is longer than 512 characters"),
        ("PUT", "/state/ns/%00", {"value": 1}, "the key holds a NUL character"),
        ("PUT", "/state/%FF/k", {"value": 1}, "the path is not UTF-8"),
        ("GET", "/state/ns/k/items?limit=-1", None, "limit must be a whole number from 0 to"),
        ("GET", "/state/ns/k/items?order=up", None, "order must be one of desc, asc, not 'up'"),
        ("POST", "/queues/NO/items", {"payload": 1}, "'NO' cannot be the id of a queue"),
        ("POST", "/queues/NO/claim?wait=30s", {}, "'NO' cannot be the id of a queue"),
        ("POST", "/queues/mail/claim", {"count": 1001}, "count must be between 1 and 1000, not 1001"),
        ("POST", "/queues/mail/claim?wait=2m", None, "wait must be a duration, 1m at most"),
        ("POST", "/queues/mail/items/0/complete", {"lease_token": "x"}, "the item must be a whole number"),
        ("POST", "/queues/mail/complete", {"items": [{"id": 1}]}, "items[0] has no lease_token"),
    ],
)
def test_a_request_that_means_nothing_is_refused(
    ledger: Ledger, method: str, path: str, body: object, error: str
) -> None:
    [answer] = play(ledger, (method, path, body))
    status, detail = problem(answer)
    assert (status, detail[: len(error)]) == (400, error)


def test_a_body_is_at_most_one_mebibyte(ledger: Ledger) -> None:
    large, too_large = ({"value": "x" * size} for size in ((1 << 20) - 13, 1 << 20))
    found = play(ledger, ("PUT", "/state/ns/k", large), ("PUT", "/state/ns/k", too_large))
    assert [answer.status for answer in found] == [200, 413]


def test_a_body_that_says_it_is_too_large_is_not_waited_for(ledger: Ledger) -> None:
    async def scenario(api: Api) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        head = f"PUT /state/ns/k HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\n"
        more = f"Expect: 100-continue\r\nContent-Length: {1 << 30}\r\n\r\n"
        writer.write((head + more).encode() + b"{")
        first = await reader.readline()
        writer.close()
        return first

    assert with_api(ledger, scenario).startswith(b"HTTP/1.1 413 ")


def test_a_run_writes_in_its_own_name_while_it_runs(ledger: Ledger) -> None:
    ledger.add_job("fetch")
    bearer = {"Authorization": f"Bearer {ACCESS.token(RUN, 'mark')}"}

    async def scenario(api: Api) -> None:
        digest = ACCESS.digest("mark")
        ledger.add_run("fetch", "running", id=RUN, revision_id=1, depth=2, token_digest=digest)
        await api.post("/queues/mail/items", {"payload": 1}, **bearer)
        await api.post("/queues/mail/claim", None, **bearer)
        await api.ask("PUT", "/state/ns/k", {"value": 1}, **bearer)
        ledger.conn.execute("UPDATE runs SET status = 'ok', finished_at = created_at, end_seq = 1")
        late = await api.post("/queues/mail/items", {"payload": 2}, **bearer)
        assert problem(late)[0] == 401

    with_api(ledger, scenario)
    row = ledger.conn.execute("SELECT producer_run, producer_revision, depth, run_id FROM queue_items")
    assert row.fetchall() == [(RUN, 1, 2, RUN)]
    counted = ledger.conn.execute("SELECT act, target, count FROM effects ORDER BY act").fetchall()
    assert counted == [("claimed", "mail", 1), ("enqueued", "mail", 1), ("wrote", "ns", 1)]
    assert ledger.count("audit", "answer < 400") == 0


def test_a_claim_that_waits_gets_nothing_once_its_token_is_revoked(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, waits, ready = Actor("test"), asyncio.Event(), ClaimWaits.ready

    async def noted(claims: ClaimWaits, queue_id: str) -> None:
        waits.set()
        await ready(claims, queue_id)

    monkeypatch.setattr(ClaimWaits, "ready", noted)
    with ledger.tx() as tx:
        token = tokens.create(tx, "ci", TokenRole.OPERATE, until=None, by=me)

    async def scenario(api: Api) -> Answer:
        claim = api.post("/queues/mail/claim?wait=1m", Authorization=f"Bearer {token}")
        waiting = asyncio.create_task(claim)
        async with asyncio.timeout(30):
            await waits.wait()
        with ledger.tx() as tx:
            tokens.revoke(tx, "ci", by=me)
        push(ledger, 1)
        api.committed[0]()
        return await waiting

    answer = with_api(ledger, scenario)
    assert (answer.status, answer.body["detail"]) == (401, "the token is not valid")
    assert ledger.conn.execute("SELECT status FROM queue_items").get == "pending"
