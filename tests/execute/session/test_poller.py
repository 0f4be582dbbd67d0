"""How all sessions of a runner are looked at together: how often, and by how many requests."""

import asyncio
from typing import Any

import pytest

from jeeves_runner.execute.session.answers import Details, Row
from jeeves_runner.execute.session.gateway import Gateway, GatewayFault, Unreachable
from jeeves_runner.execute.session.pauses import Pace, Pauses
from jeeves_runner.execute.session.poller import Poller, interval

PACE = Pace(look=0.02, pause=0.01)


class Far(Gateway):
    """A gateway that lists ``rows``, so many to a page."""

    def __init__(self, rows: list[str], page: int = 50) -> None:
        super().__init__("http://127.0.0.1:1", lambda: "", timeout=1)
        self.rows = rows
        self.page = page
        self.asked: list[Details] = []
        self.away = 0

    async def invoke(self, tool: str, args: Details, *, parent: str | None = None) -> Details:
        self.asked.append(args)
        if self.away:
            self.away -= 1
            raise Unreachable("it is away")
        begin = args.get("offset", 0)
        found = [key for key in self.rows if key.startswith(args["search"]) or args["search"] in key]
        rows = found[begin : begin + self.page]
        more: dict[str, Any] = {"hasMore": False}
        if begin + self.page < len(found):
            more = {"hasMore": True, "nextOffset": begin + self.page}
        return {"sessions": [{"key": key, "label": key, "status": "running"} for key in rows], **more}


class Seen:
    """What a poller tells of one session."""

    search = "jr-"
    parent = "agent:main:runner-job"

    def __init__(self, key: str) -> None:
        self.key = key
        self.rows: list[Row | None] = []
        self.faults: list[GatewayFault] = []
        self.news = asyncio.Event()

    def saw(self, row: Row | None) -> None:
        self.rows.append(row)
        self.news.set()

    def missed(self, fault: GatewayFault) -> None:
        self.faults.append(fault)


def looks(far: Far, watched: list[Seen], until: Seen) -> Poller:
    """Let a poller look until this one was seen; by then the next look may have begun."""
    poller = Poller(far, PACE)

    async def scenario() -> None:
        for each in watched:
            poller.add(each)
        polling = asyncio.create_task(poller.run())
        async with asyncio.timeout(30):
            await until.news.wait()
        polling.cancel()
        await asyncio.wait([polling])

    asyncio.run(scenario())
    return poller


def keys(count: int) -> list[str]:
    return [f"jr-{number:04}:x{number:04}x" for number in range(count)]


def test_two_hundred_sessions_take_a_request_for_each_page() -> None:
    names = keys(200)
    far, watched = Far(names), [Seen(name) for name in names]
    looks(far, watched, watched[-1])
    assert [args.get("offset", 0) for args in far.asked][:4] == [0, 50, 100, 150]
    assert all(each.rows for each in watched)
    far = Far(names, page=200)
    watched = [Seen(name) for name in names]
    looks(far, watched, watched[-1])
    assert {args.get("offset", 0) for args in far.asked} == {0}


def test_the_list_is_read_no_further_than_the_sessions_that_are_due() -> None:
    """What ended long ago stands behind them."""
    far, watched = Far(keys(5000)), [Seen(name) for name in keys(10)]
    looks(far, watched, watched[-1])
    assert {args.get("offset", 0) for args in far.asked} == {0}


def test_one_that_stands_far_behind_is_asked_for_by_itself() -> None:
    names = keys(1000)
    far, watched = Far(names), [Seen(names[0]), Seen(names[-1])]
    looks(far, watched, watched[-1])
    assert [args["search"] for args in far.asked][:4] == ["jr-", "jr-", "jr-", "x0999x"]
    assert watched[-1].rows[0] is not None


def test_one_that_is_not_there_is_told_so_by_itself_alone() -> None:
    far, watched = Far(keys(2)), [Seen("jr-0000:x0000x"), Seen("jr-9999:x9999x")]
    looks(far, watched, watched[-1])
    assert watched[-1].rows == [None]
    assert far.asked[-1]["search"] == "x9999x"


def test_of_many_that_stand_far_behind_each_has_its_turn() -> None:
    """Only some of them are asked for by themselves in one look."""
    names = keys(1000)[-50:]
    far, watched = Far(keys(1000)), [Seen(name) for name in names]
    looks(far, watched, watched[-1])
    assert all(each.rows for each in watched)


def test_one_that_is_hurried_while_it_is_looked_at_is_looked_at_again() -> None:
    """What was done to it meanwhile may not show in that look, and the next would be long in coming."""
    seen = Seen(keys(1)[0])

    class Hurrying(Far):
        async def invoke(self, tool: str, args: Details, *, parent: str | None = None) -> Details:
            if not self.asked:
                poller.hurry(seen)
            return await super().invoke(tool, args, parent=parent)

    far = Hurrying(keys(1))
    poller = Poller(far, PACE)

    async def scenario() -> None:
        poller.add(seen, age=10_000)
        polling = asyncio.create_task(poller.run())
        async with asyncio.timeout(12):  # the next look comes after fifteen
            while len(seen.rows) < 2:
                seen.news.clear()
                await seen.news.wait()
        polling.cancel()
        await asyncio.wait([polling])

    asyncio.run(scenario())


def test_a_gateway_that_is_away_is_told_and_asked_again() -> None:
    names = keys(3)
    far, watched = Far(names), [Seen(name) for name in names]
    far.away = 2
    looks(far, watched, watched[-1])
    assert [len(each.faults) for each in watched] == [2, 2, 2]


def test_sessions_are_looked_at_the_more_seldom_the_older_they_are() -> None:
    assert [interval(age) for age in (0, 30, 60)] == [1, 1, 1]
    assert interval(300) == 5
    assert interval(100_000) == 15


def test_waits_grow_up_to_a_limit_and_obey_what_the_gateway_asks_for() -> None:
    pauses = Pauses(1.0)
    waits = [pauses.after() for _ in range(8)]
    assert all(wait == pytest.approx(2 ** min(n, 3.33), rel=0.3) for n, wait in enumerate(waits))
    assert 3 <= pauses.after(Unreachable("away", retry_after=3)) <= 3.6
    pauses.begin_anew()
    assert pauses.after() <= 1.2
