"""Pages that are kept: made once for all who want them meanwhile, and told to come again at a pace."""

import asyncio
from typing import cast

from support.clock import HandClock

from jeeves_runner.api.event_stream import Streams
from jeeves_runner.api.kept_pages import KeptPages, Made


class _Open:
    """As many streams as are said."""

    def __init__(self, count: int) -> None:
        self.count = count


class Maker:
    """Makes pages that each took so many seconds."""

    def __init__(self, took: float = 0.0) -> None:
        self.took = took
        self.count = 0

    async def __call__(self) -> Made:
        self.count += 1
        await asyncio.sleep(0)
        return Made(b"page %d" % self.count, self.took)


def pages(clock: HandClock, *, streams: int = 1) -> KeptPages:
    return KeptPages(cast(Streams, _Open(streams)), clock)


def test_a_page_is_made_once_for_all_who_want_it() -> None:
    async def scenario() -> None:
        kept, make = pages(HandClock()), Maker()
        found = await asyncio.gather(*(kept.page("/", 1, make) for _ in range(5)))
        assert {page.body for page in found} == {b"page 1"}
        assert make.count == 1
        assert (await kept.page("/", 2, make)).body == b"page 2"

    asyncio.run(scenario())


def test_one_that_was_made_holds_for_a_second() -> None:
    async def scenario() -> None:
        clock, make = HandClock(), Maker()
        kept = pages(clock)
        await kept.page("/", 1, make)
        clock.advance(seconds=0.9)
        assert (await kept.page("/", 1, make)).body == b"page 1"
        clock.advance(seconds=0.2)
        assert (await kept.page("/", 1, make)).body == b"page 2"

    asyncio.run(scenario())


def test_an_open_page_takes_one_that_is_no_older_than_its_pace() -> None:
    async def scenario() -> None:
        clock, make = HandClock(), Maker(took=0.01)
        kept = pages(clock, streams=50)
        for version in range(40):
            await kept.page("/", version, make)
        assert 25 < kept.pace <= 30  # 50 pages of 10 ms are to take a small part of a core
        clock.advance(seconds=kept.pace - 1)
        old = await kept.page("/", 40, make, may_be_old=True)
        assert (old.body, old.version) == (b"page 40", 39)
        clock.advance(seconds=2)
        assert (await kept.page("/", 40, make, may_be_old=True)).version == 40

    asyncio.run(scenario())


def test_pages_that_are_shared_may_come_more_often() -> None:
    async def scenario() -> None:
        kept, make = pages(HandClock(), streams=50), Maker(took=0.01)
        for number in range(200):
            await kept.page("/", number // 10, make, may_be_old=number % 10 > 0)
        assert 3 < kept.pace < 8  # one in ten is made

    asyncio.run(scenario())
