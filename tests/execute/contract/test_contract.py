"""What every executor must do, whether its runs end with their runner or outlive it."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support.engine import EngineExecutor, engine

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.model import JobSpec, RunStatus, Secret, SourceType
from jeeves_runner.core.outcome import Ending, Exited, Finished, Lost, is_confirmed, outcome
from jeeves_runner.core.run import Outcome
from jeeves_runner.errors import InvalidValue, StartFailed
from jeeves_runner.execute.contract import Executor, Handle, LeftFacts, Order, RunFacts, StreamName
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.roster import Roster
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors

Make = Callable[[], Executor]
"""A new executor on what the one before has left, as after a restart of the runner."""


HERE = RunOrigin.here("db")


class Noted:
    """A sink that keeps everything, in order."""

    def __init__(self) -> None:
        self.secrets: tuple[str, ...] | None = None
        self.output = b""
        self.said: list[tuple[str | None, int | None]] = []

    async def prepared(self, *, secrets: Sequence[str], script_hash: str | None) -> None:
        assert self.output == b""
        self.secrets = tuple(secrets)

    def write(self, stream: StreamName, data: bytes) -> None:
        assert self.secrets is not None
        self.output += data

    def progress(self, message: str | None = None, tokens: int | None = None) -> None:
        assert self.secrets is not None
        self.said.append((message, tokens))


@pytest.fixture(params=["local", "engine"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    around = Surroundings(
        project_dir=str(tmp_path),
        data_dir=str(tmp_path / "data"),
        db_path=str(tmp_path / "db"),
        runners={},
        base_env=dict(os.environ),
    )
    if request.param == "local":
        (tmp_path / "db").touch()
        yield lambda: LocalExecutor(Launcher(roster=Roster(tmp_path / "db")), around, slots=4)
        return
    with engine(tmp_path / "socket"):
        yield lambda: EngineExecutor(tmp_path / "socket", slots=4)


def order(text: str, run_id: int = 1, **env: str) -> Order:
    run = RunFacts(
        run_id=run_id,
        job_id="job",
        mark=uuid4().hex,
        attempt=1,
        trigger="manual",
        scheduled_for=None,
        namespace="job",
        params={},
        api_url=None,
    )
    spec = JobSpec(
        id="job", name="job", source_type=SourceType.INLINE, script=text, env=tuple(sorted(env.items()))
    )
    return Order(spec, run)


def left(of: Order) -> LeftFacts:
    return LeftFacts(run_id=of.run.run_id, job_id="job", mark=of.run.mark, started_at=None, origin=None)


def run(scenario: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(60):
            return await scenario()

    return asyncio.run(limited())


def recorded(ending: Ending) -> Outcome:
    return outcome(ending, cause=None, result=None, note=None)


async def until(path: Path) -> None:
    """Wait for a file that the work makes."""
    while not os.access(path, os.R_OK):  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0.01)


def until_there(path: Path) -> str:
    """Shell that waits for a file that the test makes."""
    return f"until test -e {path}; do sleep 0.02; done"


@pytest.mark.parametrize(
    ("text", "status"), [("echo done", RunStatus.OK), ("echo done; exit 3", RunStatus.ERROR)]
)
def test_work_ends_as_it_ended_and_all_of_its_output_is_there_by_then(
    make: Make, text: str, status: RunStatus
) -> None:
    async def scenario() -> None:
        executor, sink = make(), Noted()
        await executor.open()
        handle = await executor.start(order(text), sink)
        assert recorded(await executor.wait(handle, sink)).status is status
        assert sink.output == b"done\n"
        assert executor.has_ended(handle)

    run(scenario)


def test_an_ending_says_when_the_work_ran(make: Make, tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"

    async def scenario() -> None:
        executor, sink, clock = make(), Noted(), SystemClock()
        before = clock.now()
        handle = await executor.start(order(f"touch {begun}; {until_there(go)}; sleep 0.3"), sink)
        await until(begun)
        begins = clock.now()
        go.touch()
        ending = await executor.wait(handle, sink)
        assert isinstance(ending, Exited | Finished)
        assert ending.span is not None
        rounded = timedelta(milliseconds=2)  # a length is, and the clock is cut
        assert before <= ending.span.started_at <= begins + rounded
        over = ending.span.started_at + timedelta(milliseconds=ending.span.duration_ms)
        assert begins + timedelta(seconds=0.3) - rounded <= over <= clock.now() + rounded

    run(scenario)


def test_what_cannot_be_started_raises_and_leaves_nothing(make: Make) -> None:
    async def scenario() -> None:
        executor = make()
        wrong = order("")
        if executor.name == "local":
            wrong = Order(wrong.spec._replace(source_type=SourceType.PATH, script="missing.sh"), wrong.run)
        with pytest.raises((StartFailed, InvalidValue)):
            await executor.start(wrong, Noted())
        assert isinstance(await executor.recover(left(wrong), None), Lost)

    run(scenario)


def test_starting_what_is_live_returns_its_handle(make: Make, tmp_path: Path) -> None:
    started, go = tmp_path / "started", tmp_path / "go"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        work = order(f"echo once >> {started}; {until_there(go)}")
        first = await executor.start(work, sink)
        assert await executor.start(work, sink) == first
        go.touch()
        await executor.wait(first, sink)
        assert started.read_text() == "once\n"

    run(scenario)


def test_a_cancel_ends_work_that_obeys_and_a_second_one_is_harmless(make: Make, tmp_path: Path) -> None:
    ready = tmp_path / "ready"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        handle = await executor.start(order(f"trap 'exit 9' TERM; touch {ready}; sleep 60 & wait"), sink)
        await until(ready)
        assert not executor.has_ended(handle)
        await executor.cancel(handle, 20)
        await executor.cancel(handle, 20)
        assert recorded(await executor.wait(handle, sink)).status is RunStatus.ERROR
        await executor.cancel(handle, 20)

    run(scenario)


def test_a_cancel_is_enforced_after_its_grace(make: Make, tmp_path: Path) -> None:
    ready = tmp_path / "ready"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        handle = await executor.start(order(f"trap '' TERM; touch {ready}; sleep 60; sleep 60"), sink)
        await until(ready)
        await executor.cancel(handle, 0.2)
        assert recorded(await executor.wait(handle, sink)).status is RunStatus.ERROR

    run(scenario)


def test_a_cancelled_wait_may_be_repeated(make: Make, tmp_path: Path) -> None:
    go = tmp_path / "go"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        handle = await executor.start(order(f"{until_there(go)}; echo done"), sink)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await executor.wait(handle, sink)
        go.touch()
        assert recorded(await executor.wait(handle, sink)).status is RunStatus.OK
        assert sink.output == b"done\n"

    run(scenario)


def test_twenty_at_once_do_not_mix(make: Make) -> None:
    async def scenario() -> None:
        executor = make()

        async def one(number: int) -> None:
            sink = Noted()
            handle = await executor.start(order(f"echo {number}; exit {number % 2}", number), sink)
            ending = recorded(await executor.wait(handle, sink))
            assert ending.status is (RunStatus.ERROR if number % 2 else RunStatus.OK)
            assert sink.output == f"{number}\n".encode()

        await asyncio.gather(*map(one, range(1, 21)))

    run(scenario)


def test_what_must_be_masked_is_said_before_any_output(make: Make) -> None:
    async def scenario() -> None:
        executor, sink = make(), Noted()
        await executor.wait(await executor.start(order("echo $SECRET", SECRET="hunter2-hunter2"), sink), sink)
        assert sink.secrets is not None

    run(scenario)


def test_what_work_says_of_itself_is_passed_on_with_its_tokens(make: Make, tmp_path: Path) -> None:
    go = tmp_path / "go"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        text = f'test -z "$SAYS" || echo "5 reads" > $SAYS; {until_there(go)}'
        ended = asyncio.create_task(executor.wait(await executor.start(order(text), sink), sink))
        if executor.name == "local":  # a program says it by its result line, at the end
            go.touch()
            await ended
            assert sink.said == []
        else:
            while not sink.said:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
            go.touch()
            ending = await ended
            assert sink.said[-1] == ("reads", 5)
            assert (recorded(ending).tokens, recorded(ending).model) == (5, "engine-1")

    run(scenario)


def test_what_must_be_masked_is_found_out_again(make: Make, tmp_path: Path) -> None:
    """Of a run that was taken over; nothing is heard any more of one that was not."""
    (tmp_path / "key").write_text("hunter2-secret")
    (tmp_path / "too").write_text("another-secret")
    env = (("A", Secret("file", "key")), ("B", Secret("file", str(tmp_path / "too"))))

    async def scenario() -> None:
        executor, sink = make(), Noted()
        work = order("true")
        work = work._replace(spec=work.spec._replace(env=env))
        await executor.wait(await executor.start(work, sink), sink)
        assert sink.secrets == ("hunter2-secret", "another-secret")
        (tmp_path / "too").unlink()
        found = await make().secrets(work)
        assert tuple(found) == (("hunter2-secret",) if executor.on_shutdown == "leave" else ())

    run(scenario)


@pytest.mark.parametrize("noted", [True, False], ids=["handle noted", "handle lost"])
def test_after_a_restart_work_is_taken_over_or_nothing_of_it_is_left(
    make: Make, tmp_path: Path, noted: bool
) -> None:
    """The handle passes through the database as text, if the runner lived long enough to write it."""
    pid, go = tmp_path / "pid", tmp_path / "go"

    async def scenario() -> None:
        old = make()
        work = order(f"echo $$ > {pid}.new; mv {pid}.new {pid}; {until_there(go)}; echo done")
        handle = await old.start(work, Noted())
        await until(pid)
        new = make()
        kept = handle.as_json() if noted else Handle(new.name, 1, {}).as_json()
        answer = await Executors([new], lambda _spec: new.name, HERE).recover(left(work), kept)
        if new.on_shutdown == "leave":
            assert not isinstance(answer, Lost)
            go.touch()
            sink = Noted()
            await sink.prepared(secrets=(), script_hash=None)
            assert recorded(await new.wait(answer[1], sink)).status is RunStatus.OK
            assert sink.output == b"done\n"
        else:
            assert isinstance(answer, Lost)
            ending = await old.wait(handle, Noted())
            assert ending == Exited(signal=signal.SIGKILL.name)

    run(scenario)


@pytest.mark.parametrize(
    "kept", ['{"executor": ["local"]}', '{"executor": {}, "pid": 1}', "[]", "{half", "7"]
)
def test_work_of_a_handle_that_nothing_has_written_is_looked_for_without_it(make: Make, kept: str) -> None:
    """Scripts may write the database."""

    async def scenario() -> None:
        new = make()
        assert isinstance(
            await Executors([new], lambda _spec: new.name, HERE).recover(left(order("true")), kept), Lost
        )

    run(scenario)


@pytest.mark.parametrize("after", [0.0, 0.002, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("places", [0, 4])
def test_of_a_cancelled_start_nothing_is_left_that_cannot_be_found(
    make: Make, tmp_path: Path, after: float, places: int
) -> None:
    """A start may be cancelled at any moment, and ends at once; what the engine has taken has its mark."""
    pids = tmp_path / "pids"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        await executor.open()
        if isinstance(executor, EngineExecutor):
            await executor.ask(op="be", places=places)
        work = order(f"echo $$ > {pids}; exec sleep 60")
        start = asyncio.create_task(executor.start(work, sink))
        await asyncio.sleep(after)
        start.cancel()
        async with asyncio.timeout(20):
            await asyncio.wait([start])
        found: Handle | Lost | None = None
        if not start.cancelled():
            found = start.result()
        elif executor.on_shutdown == "leave":
            found = await executor.recover(left(work), None)
        if isinstance(found, Handle):
            await executor.cancel(found, 0)
            await executor.wait(found, sink)

    run(scenario)
    if pids.exists() and (pid := pids.read_text()):
        assert not Path(f"/proc/{pid.strip()}").exists()


def test_a_start_that_waits_for_a_place_says_so_and_then_starts(make: Make) -> None:
    async def scenario() -> None:
        executor, sink = make(), Noted()
        if not isinstance(executor, EngineExecutor):
            return  # of programs as many are started as are asked for
        await executor.ask(op="be", places=0)
        start = asyncio.create_task(executor.start(order("echo done"), sink))
        while not sink.said:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        assert sink.said[0] == ("waits for a place", None)
        await executor.ask(op="be", places=1)
        assert recorded(await executor.wait(await start, sink)).status is RunStatus.OK

    run(scenario)


def test_an_end_that_is_not_confirmed_may_come_late(make: Make, tmp_path: Path) -> None:
    go = tmp_path / "go"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        if isinstance(executor, EngineExecutor):
            await executor.ask(op="be", deaf=True)
        handle = await executor.start(order(until_there(go)), sink)
        await executor.cancel(handle, 0)
        ending = await executor.wait(handle, sink)
        assert is_confirmed(ending) is (executor.name == "local")
        with pytest.raises(TimeoutError) if not is_confirmed(ending) else nullcontext():
            async with asyncio.timeout(0.1):
                assert await executor.late(handle) is None
        go.touch()
        late = await executor.late(handle)
        assert late is None if executor.name == "local" else late is not None
        assert late is None or recorded(late).status is RunStatus.OK

    run(scenario)


def test_work_that_is_not_known_is_lost(make: Make) -> None:
    async def scenario() -> None:
        assert isinstance(await make().recover(left(order("true")), None), Lost)

    run(scenario)


def test_a_run_of_an_executor_that_is_gone_is_lost(make: Make) -> None:
    async def scenario() -> None:
        executors = Executors([make()], lambda _spec: "unused", HERE)
        answer = await executors.recover(left(order("true")), '{"executor": "cluster", "job": "x"}')
        assert answer == Lost(
            message="the runner died while this ran, and this one has no executor cluster",
            left_alive="its work may go on elsewhere",
        )

    run(scenario)
