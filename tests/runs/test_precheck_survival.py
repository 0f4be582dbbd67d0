"""A precheck runs on this machine, before work that outlives its runner."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.db import child, expect
from support.engine import EngineExecutor, engine
from support.logs import log_file
from support.runs import Place, Rig, job, until_there, with_runner

from jeeves_runner.core.model import JobSpec, JobType, Precheck, RunStatus
from jeeves_runner.core.run import Outcome, Run
from jeeves_runner.db.run_ends import RunRecord, end_running
from jeeves_runner.db.run_progress import note_handle
from jeeves_runner.db.runs import LeftRun, left_running
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunSink
from jeeves_runner.execute.local.executor import LocalExecutor

RUNNER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.runs import Place, running
from runs.test_precheck_survival import StartsAndHangs, options

async def main():
    place = Place(Path(sys.argv[1]))
    async with running(place, **options(place, StartsAndHangs)) as rig:
        await rig.runs.request("work")
        await rig.until((place.root / sys.argv[2]).exists)
        print("working", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class StartsAndHangs(EngineExecutor):
    """Where a file says so, the runner never hears from the engine, which may have taken the order or not."""

    async def start(self, order: Order, sink: RunSink) -> Handle:
        root = self._socket.parent
        hangs = next((name for name in ("lost", "taken") if (root / f"is-{name}").exists()), None)
        if hangs == "lost":
            (root / hangs).touch()
            await asyncio.Event().wait()
        handle = await super().start(order, sink)
        if hangs == "taken":
            (root / hangs).touch()
            await asyncio.Event().wait()
        return handle


def options(place: Place, make: type[EngineExecutor] = EngineExecutor) -> dict[str, Any]:
    """A runner with an engine for sessions, and with the executor of scripts."""
    return {
        "executor": make(place.root / "socket"),
        "others": [place.local(4)],
        "choose": lambda spec: "local" if spec.type is JobType.SCRIPT else "engine",
    }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with engine(tmp_path / "socket"):
        yield Place(tmp_path)


def waits(place: Place, part: str) -> str:
    """Shell that says how often it was begun, and waits until it may go on."""
    return f"echo x >> {place.root}/{part}; {until_there(place.root / f'go-{part}')}; echo {part} done"


def work(place: Place, check: str, **fields: Any) -> JobSpec:
    return job("work", waits(place, "main"), type=JobType.SESSION, precheck=Precheck(run=check), **fields)


def go(place: Place, part: str) -> None:
    (place.root / f"go-{part}").touch()


def the_run(place: Place) -> Run:
    (run,) = place.runs("work")
    return run


def left(place: Place) -> LeftRun:
    (run,) = left_running(place.conn)
    return run


def killed_at(place: Place, file: str) -> None:
    with child(RUNNER, place.root, file) as runner:
        expect(runner, "working")
        runner.send_signal(signal.SIGKILL)


def begun(place: Place, part: str) -> int:
    path = place.root / part
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_the_row_names_what_carries_out_the_part_that_is_under_way(place: Place) -> None:
    place.apply(work(place, waits(place, "check"), timeout_ms=60_000))

    async def scenario(rig: Rig) -> Run:
        run = await rig.runs.request("work")
        await rig.until((place.root / "check").exists)
        first = left(place)
        assert '"executor": "local"' in (first.handle or "")
        assert (first.deadline, first.timeout, first.origin) == (None, None, None)
        go(place, "check")
        await rig.until((place.root / "main").exists)
        await rig.until(lambda: '"work"' in (left(place).handle or ""))
        second = left(place)
        assert '"executor": "engine"' in (second.handle or "")
        assert first.run.started_at is not None
        assert second.run.started_at is not None
        assert second.run.started_at > first.run.started_at
        assert second.origin is not None
        assert second.deadline is not None
        assert second.timeout is not None
        assert second.deadline == second.run.started_at + second.timeout
        go(place, "main")
        return await rig.runs.wait(run.id)

    run = with_runner(place, scenario, **options(place))
    assert (run.status, run.stdout) == ("ok", "main done\n")
    assert log_file(place.root / "data", run.id, "work").read_text() == "check done\nmain done\n"
    assert run.started_at is not None
    assert run.created_at < run.started_at


def test_an_engine_hears_nothing_of_a_run_that_is_skipped(place: Place) -> None:
    place.apply(work(place, "echo nothing; exit 10"))
    run = with_runner(place, lambda rig: rig.finish("work"), **options(place))
    assert (run.status, run.reason, run.message) == ("skipped", "precheck", "nothing")
    assert begun(place, "main") == 0


def test_a_runner_killed_in_the_precheck_leaves_nothing_to_the_engine(place: Place) -> None:
    place.apply(work(place, waits(place, "check")))
    killed_at(place, "check")
    go(place, "check")
    with_runner(place, lambda rig: rig.until_story("work", "interrupted"), **options(place))
    assert (begun(place, "check"), begun(place, "main")) == (1, 0)


def test_a_runner_killed_before_the_engine_has_the_order_is_followed_by_one_that_gives_it(
    place: Place,
) -> None:
    """The row says that the precheck has let the main part start: it is not asked again."""
    place.apply(work(place, f"echo x >> {place.root}/check"))
    (place.root / "is-lost").touch()
    killed_at(place, "lost")
    assert left(place).handle == '{"executor": "engine"}'
    assert begun(place, "main") == 0
    go(place, "main")
    with_runner(place, lambda rig: rig.until_story("work", "ok"), **options(place))
    assert (begun(place, "check"), begun(place, "main")) == (1, 1)


@pytest.mark.parametrize("file", ["taken", "main"])
def test_a_runner_killed_in_the_main_part_is_followed_by_one_that_takes_it_over(
    place: Place, file: str
) -> None:
    """Also where the engine has the order, and the runner had not heard of it."""
    place.apply(work(place, f"echo x >> {place.root}/check"))
    if file == "taken":
        (place.root / "is-taken").touch()
    killed_at(place, file)

    async def scenario(rig: Rig) -> None:
        assert the_run(place).status is RunStatus.RUNNING
        go(place, "main")
        await rig.until_story("work", "ok")

    with_runner(place, scenario, **options(place))
    assert (begun(place, "check"), begun(place, "main")) == (1, 1)
    assert the_run(place).stdout == "main done\n"


def test_a_runner_that_stops_ends_the_precheck_and_leaves_the_main_part(place: Place) -> None:
    place.apply(work(place, waits(place, "check")))

    async def begin(rig: Rig) -> None:
        await rig.runs.request("work")
        await rig.until((place.root / "check").exists)

    with_runner(place, begin, **options(place))
    assert place.story() == ["interrupted"]
    go(place, "check")

    async def begin_main(rig: Rig) -> None:
        await rig.runs.request("work")
        await rig.until((place.root / "main").exists)

    with_runner(place, begin_main, **options(place))
    assert place.story() == ["interrupted", "running"]
    go(place, "main")
    with_runner(place, lambda rig: rig.until_story("work", "interrupted", "ok"), **options(place))
    assert begun(place, "main") == 1


def test_a_main_part_that_starts_while_the_runner_stops_is_left_at_once(place: Place) -> None:
    """A stop gives the precheck its time, as any script; it waits for no engine."""
    place.apply(work(place, waits(place, "check")))

    async def stop(rig: Rig) -> None:
        await rig.runs.request("work")
        await rig.until((place.root / "check").exists)
        down = asyncio.create_task(rig.runs.shut_down(60))
        await asyncio.sleep(0)
        go(place, "check")
        async with asyncio.timeout(20):
            await down

    with_runner(place, stop, **options(place))
    assert place.story() == ["running"]
    assert '"work"' in (left(place).handle or "")
    go(place, "main")
    with_runner(place, lambda rig: rig.until_story("work", "ok"), **options(place))
    assert begun(place, "main") == 1


def test_a_cancel_reaches_the_part_that_is_under_way(place: Place) -> None:
    place.apply(work(place, waits(place, "check"), kill_grace_ms=0))

    async def scenario(rig: Rig) -> None:
        for part in ("check", "main"):
            run = await rig.runs.request("work")
            await rig.until((place.root / part).exists)
            await rig.runs.cancel(run.id)
            assert (await rig.runs.wait(run.id)).status is RunStatus.CANCELLED
            go(place, "check")

    with_runner(place, scenario, **options(place))
    assert begun(place, "main") == 1


def test_a_note_of_the_precheck_that_comes_late_leaves_the_row_to_the_engine(place: Place) -> None:
    place.apply(work(place, "true"))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await rig.until((place.root / "main").exists)
        await rig.until(lambda: '"work"' in (left(place).handle or ""))
        late = Handle("local", run.id, {"pid": 1}).as_json()
        await rig.writer.write(lambda tx: note_handle(tx, run.id, late, RunRecord(script_hash="x")))
        assert '"executor": "engine"' in (left(place).handle or "")
        go(place, "main")
        await rig.runs.wait(run.id)

    with_runner(place, scenario, **options(place))


def test_a_left_precheck_is_asked_of_its_own_executor(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.apply(work(place, waits(place, "check")))
    killed_at(place, "check")
    asked: list[str] = []
    for kind in (LocalExecutor, EngineExecutor):
        recover: Any = kind.recover

        async def noting(self: Any, facts: LeftFacts, handle: Handle | None, recover: Any = recover) -> Any:
            asked.append(self.name)
            return await recover(self, facts, handle)

        monkeypatch.setattr(kind, "recover", noting)
    with_runner(place, lambda rig: rig.until_story("work", "interrupted"), **options(place))
    assert asked == ["local"]


def test_the_main_part_of_a_run_that_another_program_has_ended_does_not_start(place: Place) -> None:
    """No row would tell of it any more."""
    place.apply(work(place, waits(place, "check")))

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await rig.until((place.root / "check").exists)
        with place.write() as tx:
            end_running(tx, run.id, Outcome(status=RunStatus.CANCELLED), RunRecord(), None)
        go(place, "check")
        await rig.runs._running.idle()

    go(place, "main")
    with_runner(place, scenario, **options(place))
    assert the_run(place).status is RunStatus.CANCELLED
    assert not (place.root / "main").exists()
