"""What is said of a run while it runs: in its row, about once a second, and no longer than it runs."""

import asyncio
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.db import child, expect
from support.engine import EngineExecutor, engine
from support.runs import Place, Rig, job, until_there, with_runner

from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.run import Run
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.runs.progress import Progress, Said

RUNNER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.engine import EngineExecutor
from support.runs import Place, running

async def main():
    place = Place(Path(sys.argv[1]))
    async with running(place, executor=EngineExecutor(place.root / "socket")) as rig:
        run = await rig.runs.request("work")
        await rig.until(lambda: place.runs("work")[0].message == "reads")
        print("said", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with engine(tmp_path / "socket"):
        yield Place(tmp_path)


def executor(place: Place) -> EngineExecutor:
    return EngineExecutor(place.root / "socket")


def goes_on(place: Place, name: str = "go") -> str:
    return f"{until_there(place.root / name)}; "


def the_run(place: Place) -> Run:
    (run,) = place.runs("work")
    return run


def test_what_work_says_stands_in_its_row_until_it_ends(place: Place) -> None:
    first = 'echo "5 reads" >> $SAYS; ' + goes_on(place)
    second = 'echo " " >> $SAYS; ' + goes_on(place, "end")
    place.apply(job("work", first + second))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await rig.until(lambda: the_run(place).message == "reads")
        assert (the_run(place).status, the_run(place).tokens) == (RunStatus.RUNNING, 5)
        (place.root / "go").touch()
        await rig.until(lambda: the_run(place).message is None)
        assert (the_run(place).status, the_run(place).tokens) == (RunStatus.RUNNING, 5)
        (place.root / "end").touch()
        ended = await rig.runs.wait(run.id)
        assert (ended.status, ended.message, ended.tokens) == (RunStatus.OK, None, 5)
        assert ended.model == "engine-1"

    with_runner(place, scenario, executor=executor(place))


def test_what_was_said_is_not_left_over_after_a_failure(place: Place) -> None:
    place.apply(job("work", f'echo "5 reads" >> $SAYS; {goes_on(place)} exit 3'))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await rig.until(lambda: the_run(place).message == "reads")
        (place.root / "go").touch()
        assert (await rig.runs.wait(run.id)).message == "code 3"

    with_runner(place, scenario, executor=executor(place))


def test_a_fenced_runner_says_nothing_more(place: Place) -> None:
    place.apply(job("work", f"{goes_on(place)} echo '7 writes' >> $SAYS; sleep 30"))

    async def scenario(rig: Rig) -> None:
        await rig.runs.request("work")
        with place.write() as tx:
            begin_epoch(tx, 1, "boot")
        (place.root / "go").touch()
        async with asyncio.timeout(20):
            await rig.runs.fenced.wait()
        assert (the_run(place).message, the_run(place).tokens) == (None, None)

    with_runner(place, scenario, executor=executor(place))


def test_a_runner_that_was_killed_meanwhile_leaves_a_word_that_the_next_one_takes_back(place: Place) -> None:
    place.apply(
        job("work", f'echo "5 reads" >> $SAYS; {goes_on(place)} echo "6" >> $SAYS; {goes_on(place, "end")}')
    )
    with child(RUNNER, place.root) as runner:
        expect(runner, "said")
        runner.send_signal(signal.SIGKILL)
    assert (the_run(place).status, the_run(place).message) == (RunStatus.RUNNING, "reads")

    async def scenario(rig: Rig) -> None:
        (place.root / "go").touch()
        await rig.until(lambda: the_run(place).message is None)
        assert (the_run(place).status, the_run(place).tokens) == (RunStatus.RUNNING, 6)
        (place.root / "end").touch()
        await rig.until_story("work", "ok")

    with_runner(place, scenario, executor=executor(place))


class Written:
    """Where a run's words are written: ``hold`` keeps a write on its way."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.has_come = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def write(self, said: Said) -> None:
        self.said.append(said)
        self.has_come.set()
        await self.may_end.wait()


def test_the_first_word_is_written_at_once_and_of_many_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jeeves_runner.runs.progress._EVERY", 0.05)

    async def scenario() -> None:
        written = Written()
        progress = Progress(written.write, Said())
        progress.say("first", 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert written.said == [Said("first", 1)]
        for number in range(2, 100):
            progress.say("more", number)
        written.has_come.clear()
        async with asyncio.timeout(30):
            await written.has_come.wait()
        assert written.said == [Said("first", 1), Said("more", 99)]
        progress.close()

    asyncio.run(scenario())


def test_nothing_is_handed_over_while_a_write_is_on_its_way_or_when_nothing_is_new() -> None:
    async def scenario() -> None:
        written = Written()
        progress = Progress(written.write, Said("known", 3))
        progress.say("known", None)
        progress.say("known", -1)
        await asyncio.sleep(0)
        assert written.said == []
        written.may_end.clear()
        progress.say("new", None)
        await asyncio.sleep(0)
        progress.say("newer", None)
        await asyncio.sleep(0)
        assert written.said == [Said("new", 3)]
        progress.close()
        progress.say("newest", None)
        await asyncio.sleep(0)
        assert written.said == [Said("new", 3)]

    asyncio.run(scenario())


@given(st.lists(st.tuples(st.none() | st.sampled_from("abc"), st.none() | st.integers(-2, 9)), max_size=12))
def test_whatever_is_said_the_row_has_the_last_word_and_no_word_twice(
    words: list[tuple[str | None, int | None]],
) -> None:
    async def scenario() -> None:
        written = Written()
        progress = Progress(written.write, Said())
        with patch("jeeves_runner.runs.progress._EVERY", 0):
            for place, (message, tokens) in enumerate(words):
                progress.say(message, tokens)
                for _ in range(place % 3):
                    await asyncio.sleep(0)
            while progress._writing is not None:
                await progress._writing
        counted = [tokens for _, tokens in words if tokens is not None and tokens >= 0]
        last = Said(words[-1][0] if words else None, counted[-1] if counted else None)
        assert [Said(), *written.said][-1] == last
        assert all(one != next_one for one, next_one in pairwise([Said(), *written.said]))

    asyncio.run(scenario())


def test_a_word_that_is_long_or_no_text_is_cut_to_what_a_row_can_hold() -> None:
    async def scenario() -> None:
        written = Written()
        progress = Progress(written.write, Said())
        progress.say("x" * 10_000 + "\ud800", None)
        await asyncio.sleep(0)
        progress.close()
        assert written.said == [Said("x" * 499 + "…", None)]

    asyncio.run(scenario())
