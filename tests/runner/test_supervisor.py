"""What a service manager is told, and when the watchdog is fed."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.clock import HandClock
from support.manager import Manager, manager

from jeeves_runner.runner.supervisor import Supervisor

FED = ["WATCHDOG=1"]


@pytest.fixture(params=["file", "abstract"])
def told(request: pytest.FixtureRequest) -> Iterator[Manager]:
    if request.param == "abstract" and sys.platform != "linux":
        pytest.skip("abstract sockets are Linux's own")
    with TemporaryDirectory() as folder, manager(Path(folder) if request.param == "file" else None) as found:
        yield found


def supervisor(told: Manager, **variables: str) -> Supervisor:
    return Supervisor.of({"NOTIFY_SOCKET": told.address, **variables}, HandClock())


def test_it_is_told_of_the_start_a_look_and_the_end(told: Manager) -> None:
    async def scenario() -> None:
        service = supervisor(told)
        async with service.informed():
            service.reloaded()  # too early to be told
            service.ready("answers on http://127.0.0.1:1")
            assert told.told() == ["READY=1", "STATUS=answers on http://127.0.0.1:1"]
            service.reloaded()
            assert told.told() == ["RELOADING=1", "MONOTONIC_USEC=0"]
            assert told.told() == ["READY=1", "STATUS=answers on http://127.0.0.1:1"]
            service.stopping()
            assert told.told() == ["STOPPING=1", "STATUS=stopping"]

    asyncio.run(scenario())


def test_the_watchdog_is_fed_while_the_loop_turns_and_only_then(told: Manager) -> None:
    async def scenario() -> None:
        async with supervisor(told, WATCHDOG_USEC="200000").informed():
            for _ in range(3):
                assert await asyncio.to_thread(told.told) == FED
            # Asked in the loop, which does not turn meanwhile.
            assert told.is_told_nothing(but="WATCHDOG=1", seconds=0.5)
            assert await asyncio.to_thread(told.told) == FED

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
    ],
    ids=["none", "of another process", "switched off", "no number"],
)
def test_a_watchdog_that_is_not_meant_is_not_fed(variables: Mapping[str, str]) -> None:
    async def scenario() -> None:
        with TemporaryDirectory() as folder, manager(Path(folder)) as told:
            async with supervisor(told, **variables).informed():
                with pytest.raises(TimeoutError):
                    await asyncio.to_thread(told.told, 0.3)

    asyncio.run(scenario())


def test_its_variables_are_taken_out_of_the_environment() -> None:
    environment = {
        "NOTIFY_SOCKET": "",
        "WATCHDOG_USEC": "1",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    Supervisor.of(environment, HandClock())
    assert environment == {"HOME": "/"}


def test_without_a_manager_or_with_one_that_is_gone_the_service_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        for environment in ({}, {"NOTIFY_SOCKET": "/nowhere/notify"}):
            service = Supervisor.of(dict(environment), HandClock())
            async with service.informed():
                service.ready("answers")
                service.stopping()

    asyncio.run(scenario())
    why = "[Errno 2] No such file or directory"
    assert caplog.messages == [f"the service manager cannot be told how this server fares: {why}"]
