"""What is still to come in a play: ends of work, moments to look again, starts with the runner, and times
without one."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from jeeves_runner.core.board.entry import Stage
from jeeves_runner.core.simulation.scenario import Down, Scenario, SimulatedJob, SimulatedRun
from jeeves_runner.core.start_spread import delay_of


class Moments:
    """All of them but the times on schedules, which the timetable has."""

    def __init__(self, scenario: Scenario) -> None:
        self._end = scenario.end
        self._ends: list[tuple[datetime, int, SimulatedRun]] = []
        self._wakes: list[datetime] = []
        self._known_wakes: set[datetime] = set()
        self._starts: list[tuple[datetime, str]] = []
        self._down = deque(sorted(each for each in scenario.down if each.end > scenario.begin))

    def next(self) -> datetime | None:
        """The first of them."""
        heads = (self._ends, self._wakes, self._starts)
        found = [head[0] if isinstance(head[0], datetime) else head[0][0] for head in heads if head]
        if self._down:
            found.append(self._down[0].begin)
        return min(found, default=None)

    # Ends

    def end_at(self, when: datetime, run: SimulatedRun) -> None:
        """Its work will be over then."""
        heappush(self._ends, (when, run.run_id or 0, run))

    def over_by(self, now: datetime) -> Iterator[SimulatedRun]:
        """The runs whose work is over, also those that end while these are gone through."""
        while self._ends and self._ends[0][0] <= now:
            yield heappop(self._ends)[2]

    def forget_ended(self) -> None:
        """Forget the ends of work that something else has ended."""
        self._ends = [place for place in self._ends if place[2].stage is Stage.RUNNING]
        heapify(self._ends)

    # Moments to look again

    def wake_at(self, when: datetime, now: datetime) -> None:
        """Look then at what waits: time alone may start it."""
        if now <= when <= self._end and when not in self._known_wakes:
            self._known_wakes.add(when)
            heappush(self._wakes, when)

    def woken(self, now: datetime) -> bool:
        """Whether such a moment has come; it does not come again."""
        is_woken = False
        while self._wakes and self._wakes[0] <= now:
            self._known_wakes.remove(heappop(self._wakes))
            is_woken = True
        return is_woken

    # The runner

    def start_with_runner(self, job: SimulatedJob, now: datetime) -> None:
        """A runner starts now: the job has its moment soon."""
        delay = timedelta(seconds=delay_of(job.namespace or job.spec.id))
        heappush(self._starts, (now + delay, job.spec.id))

    def started_by(self, now: datetime) -> Iterator[str]:
        """The jobs whose moment after the start of the runner has come."""
        while self._starts and self._starts[0][0] <= now:
            yield heappop(self._starts)[1]

    def forget_starts(self) -> None:
        self._starts.clear()

    def down_by(self, now: datetime) -> Down | None:
        """A time without a runner that has begun; it does not come again."""
        return self._down.popleft() if self._down and self._down[0].begin <= now else None
