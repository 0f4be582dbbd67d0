"""Secrets of a run stay masked when the next runner takes it over."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.db import child, expect
from support.engine import RUNNER, EngineExecutor, engine
from support.logs import log_file
from support.runs import Place, Rig, job, until_there, with_runner

from jeeves_runner.core.model import Param, RunStatus, Secret
from jeeves_runner.core.outcome import Finished
from jeeves_runner.db.run_list import run_row
from jeeves_runner.errors import DatabaseBusy, StartFailed
from jeeves_runner.execute.contract import Handle, Order
from jeeves_runner.execute.output.sink import WITHHELD, Output

SECRET = "hunter2-secret"
ENV = (
    ("KEY", Secret("file", "key")),
    ("GONE", Secret("file", "gone")),
    ("NONE", Secret("from_env", "NO_SUCH")),
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with engine(tmp_path / "socket"):
        (tmp_path / "key").write_text(f"{SECRET}\n")
        yield Place(tmp_path)


def work(place: Place, rest: str) -> str:
    return f"touch {place.root}/begun; {until_there(place.root / 'go')}; {rest}"


def killed_at_work(place: Place) -> None:
    with child(RUNNER, place.root) as runner:
        expect(runner, "working")
        runner.send_signal(signal.SIGKILL)


def executor(place: Place) -> EngineExecutor:
    return EngineExecutor(place.root / "socket")


def test_output_and_messages_of_a_run_that_was_taken_over_are_masked(place: Place) -> None:
    says = f"echo '3 reads {SECRET}' >> $SAYS; {until_there(place.root / 'end')}"
    place.apply(job("work", work(place, f"echo it is {SECRET}; {says}"), env=ENV))
    killed_at_work(place)

    async def scenario(rig: Rig) -> None:
        (place.root / "go").touch()
        await rig.until(lambda: place.runs("work")[0].message == "reads ***")
        (place.root / "end").touch()
        await rig.until_story("work", "ok")

    with_runner(place, scenario, executor=executor(place))
    (run,) = place.runs("work")
    assert run.stdout == "it is ***\n"
    assert log_file(place.root / "data", run.id, "work").read_text() == "it is ***\n"
    assert run.script_hash == "5c7197"  # as the first runner had noted it


def left_with_a_secret_parameter(place: Place, rest: str, **options: Any) -> None:
    """A runner has begun the work, and is gone."""
    place.apply(job("work", work(place, rest), params=(Param(name="key", secret=True),), **options))

    async def begin(rig: Rig) -> None:
        await rig.runs.request("work", {"key": SECRET})
        await rig.until((place.root / "begun").exists)

    with_runner(place, begin, executor=executor(place))


@pytest.mark.parametrize(
    "params",
    [
        pytest.param((), id="none are declared"),
        pytest.param((Param(name="other"),), id="another is"),
        pytest.param((Param(name="key"),), id="it is not secret any more"),
        pytest.param((Param(name="key"), Param(name="more", required=True)), id="one more is required"),
    ],
)
def test_a_secret_parameter_stays_masked_whatever_the_job_takes_by_now(
    place: Place, params: tuple[Param, ...]
) -> None:
    says = f"echo it is {SECRET}"
    left_with_a_secret_parameter(place, says)
    place.apply(job("work", work(place, says), params=params))
    (place.root / "go").touch()
    with_runner(place, lambda rig: rig.until_story("work", "ok"), executor=executor(place))
    assert place.runs("work")[0].stdout == "it is ***\n"


def test_a_run_whose_secrets_cannot_be_found_out_is_waited_for_and_what_it_says_is_not_shown(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.apply(job("work", work(place, f"echo it is {SECRET}"), env=ENV))
    killed_at_work(place)

    class Broken(EngineExecutor):
        async def secrets(self, order: Order) -> tuple[str, ...]:
            raise RuntimeError("a bug")

    (place.root / "go").touch()
    broken = Broken(place.root / "socket")
    with_runner(place, lambda rig: rig.until_story("work", "ok"), executor=broken)
    assert "run 1 was taken over, and its output is not shown" in caplog.text
    (run,) = place.runs("work")
    assert (run.stdout, run.message) == (None, WITHHELD)
    assert not log_file(place.root / "data", run.id, "work").exists()


def test_what_a_run_says_is_not_shown_whose_secret_parameter_is_not_kept_any_more(place: Place) -> None:
    says = f"echo it is {SECRET}"
    left_with_a_secret_parameter(place, says)
    place.conn.execute("DELETE FROM secret_params")
    (place.root / "go").touch()
    with_runner(place, lambda rig: rig.until_story("work", "ok"), executor=executor(place))
    (run,) = place.runs("work")
    assert (run.stdout, run.message) == (None, WITHHELD)


def test_output_is_not_asked_for_before_the_database_has_told_its_secrets(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.apply(job("work", work(place, f"echo it is {SECRET}"), env=ENV))
    killed_at_work(place)
    failures = [DatabaseBusy("it is locked")] * 2

    class Locked(EngineExecutor):
        async def secrets(self, order: Order) -> tuple[str, ...]:
            if failures:
                raise failures.pop()
            return (SECRET,)

    (place.root / "go").touch()
    with_runner(place, lambda rig: rig.until_story("work", "ok"), executor=Locked(place.root / "socket"))
    assert place.runs("work")[0].stdout == "it is ***\n"
    assert caplog.text.count("the output of run 1 cannot be masked yet: it is locked") == 1


def test_output_that_cannot_be_masked_yet_is_not_asked_for_before(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place.apply(job("work", work(place, f"echo it is {SECRET}"), env=ENV))
    killed_at_work(place)
    prepared, failures = Output.prepared, iter((StartFailed("there is no thread for it"),))

    async def short_of_threads(output: Output, **facts: Any) -> None:
        for failure in failures:
            raise failure
        await prepared(output, **facts)

    monkeypatch.setattr(Output, "prepared", short_of_threads)
    (place.root / "go").touch()
    with_runner(place, lambda rig: rig.until_story("work", "ok"), executor=executor(place))
    assert place.runs("work")[0].stdout == "it is ***\n"
    assert "the output of run 1 cannot be masked yet: there is no thread for it" in caplog.text


class Chatty(EngineExecutor):
    """Says late what it must not."""

    async def late(self, handle: Handle) -> Finished:
        return Finished(status="ok", message=f"used {SECRET}")


@pytest.mark.parametrize("is_same_runner", [True, False])
def test_what_is_said_late_is_masked_by_each_runner(place: Place, is_same_runner: bool) -> None:
    place.apply(job("work", work(place, "true"), env=ENV, kill_grace_ms=0))
    asyncio.run(executor(place).ask(op="be", deaf=True))

    async def cancel(rig: Rig) -> None:
        run = await rig.runs.request("work")
        await rig.until((place.root / "begun").exists)
        await rig.runs.cancel(run.id)
        assert (await rig.runs.wait(run.id)).status is RunStatus.CANCELLED
        if is_same_runner:
            await until_late(rig)

    async def until_late(rig: Rig) -> None:
        await rig.until(lambda: late(place) is not None)

    first: Sequence[type[EngineExecutor]] = (Chatty,) if is_same_runner else (EngineExecutor, Chatty)
    for kind, scenario in zip(first, (cancel, until_late), strict=False):
        with_runner(place, scenario, executor=kind(place.root / "socket"))
    noted = late(place)
    assert isinstance(noted, dict)
    assert noted["message"] == "used ***"


def test_what_is_said_late_is_left_out_where_nothing_knows_the_secrets_any_more(place: Place) -> None:
    """The values of secret parameters are deleted with the end of their run."""
    left_with_a_secret_parameter(place, "true", kill_grace_ms=0)
    asyncio.run(executor(place).ask(op="be", deaf=True))

    async def cancel(rig: Rig) -> None:
        await rig.runs.cancel(1)
        assert (await rig.runs.wait(1)).status is RunStatus.CANCELLED

    async def until_late(rig: Rig) -> None:
        await rig.until(lambda: late(place) is not None)

    with_runner(place, cancel, executor=executor(place))
    with_runner(place, until_late, executor=Chatty(place.root / "socket"))
    noted = late(place)
    assert isinstance(noted, dict)
    assert (noted["status"], noted["message"]) == ("ok", None)


def late(place: Place) -> object:
    row = run_row(place.conn, 1)
    return None if row is None else row["late"]
