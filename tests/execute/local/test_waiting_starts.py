"""A run whose program waits to be started can be ended, and is not started any more."""

import asyncio
from contextlib import closing
from pathlib import Path

from support.runs import Place, Rig, job, with_runner

from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.leader import StartOrder


class Silent:
    """A spawner that starts nothing, as one that is stuck."""

    def open(self) -> None:
        """Nothing is needed."""

    def start(self, order: StartOrder) -> None:
        """It waits for ever."""


def test_a_run_that_waits_for_its_start_ends_at_once_when_asked_to(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.apply(job("waits", timeout_ms=60_000))
    around = Surroundings(str(tmp_path), str(tmp_path), str(place.path), runners={}, base_env={})
    stuck = LocalExecutor(Launcher(spawner=Silent()), around, slots=4)

    async def scenario(rig: Rig) -> None:
        run = await rig.runs.request("waits")
        async with asyncio.timeout(30):
            await rig.runs.cancel(run.id)
            await rig.runs.cancel(run.id)
            await rig.runs.wait(run.id)

    with closing(place.conn):
        with_runner(place, scenario, executor=stuck)
        assert place.story() == ["cancelled"]
