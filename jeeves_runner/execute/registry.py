"""All executors of a runner, by name."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.outcome import RUNNER_DIED, Lost
from jeeves_runner.execute.absent import Absent
from jeeves_runner.execute.contract import Executor, Handle, LeftFacts
from jeeves_runner.execute.origin import RunOrigin, foreign


class Executors:
    """``choose`` tells by a job's spec the name of the executor that carries out its runs. The first of the
    ``executors`` is the one of rows that name none: they were written before rows did. ``here`` is the origin
    of the runs that they begin. ``lacking`` says by name why there is none, as ``Absent`` takes it."""

    def __init__(
        self,
        executors: Sequence[Executor],
        choose: Callable[[JobSpec], str],
        here: RunOrigin,
        *,
        lacking: Mapping[str, str] | None = None,
    ) -> None:
        self.here = here
        self._default = executors[0].name
        self._by_name = {executor.name: executor for executor in executors}
        self._choose = choose
        self._lacking = lacking or {}

    def of(self, spec: JobSpec) -> Executor:
        """The one that carries out the runs of this job; one that refuses them if there is none."""
        return self._named(self._choose(spec))

    def slots(self) -> Mapping[str, int | None]:
        """By name, how many runs each may run at once."""
        return {name: executor.slots for name, executor in self._by_name.items()}

    async def open(self) -> None:
        """Get all of them ready."""
        await asyncio.gather(*(executor.open() for executor in self._by_name.values()))

    async def recover(self, left: LeftFacts, kept: str | None) -> tuple[Executor, Handle] | Lost:
        """Find the work of an earlier runner's run again. ``kept``: what the run's row says of its handle.

        No executor is asked for a run of another database, of which this one is a copy, or which was moved.
        """
        if (other := foreign(left.origin, self.here)) is not None:
            return Lost(message=RUNNER_DIED, left_alive=other)
        handle = Handle.from_json(left.run_id, kept or "{}")
        name = handle.executor or self._default
        executor = self._named(name)
        answer = await executor.recover(left, handle if handle.facts else None)
        return answer if isinstance(answer, Lost) else (executor, answer)

    def _named(self, name: str) -> Executor:
        return self._by_name.get(name) or Absent(name, self._lacking.get(name))
