"""What every executor offers, and the values that pass between it and the runner.

An executor carries runs out somewhere: as processes on this machine, as sessions of an agent, on a cluster.
It prepares a run by itself, starts it, tells how it ended, and finds it again after a restart. Deadlines,
retries and what is recorded are the runner's.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, Self

from jeeves_runner.core.model import JobSpec, Reason
from jeeves_runner.core.outcome import Ending, Lost
from jeeves_runner.core.values import parse_json

StreamName = Literal["stdout", "stderr"]


class RunFacts(NamedTuple):
    """What identifies a run, and what it is to be told about itself."""

    run_id: int
    """The run's id."""
    job_id: str
    """Its job."""
    mark: str
    """Random text, recorded with the start, by which the run's work is found again."""
    attempt: int
    """From 1; further ones are retries."""
    trigger: str
    """Why the run exists: a word of ``core.model.Trigger``."""
    scheduled_for: str | None
    """The occurrence it runs for, in the database's form of times; None without one."""
    namespace: str
    """Where the job keeps its state."""
    params: Mapping[str, str]
    """Its parameters by name, defaults and secret ones included. Keep them out of texts."""
    api_url: str | None
    """Where the runner's API listens; None if nowhere."""
    token: str | None = None
    """What lets its script in there, while it runs; None: nothing does. Keep it out of texts."""
    secret_params: frozenset[str] = frozenset()
    """The names of those whose values are to be shown nowhere, and masked in the output."""
    caused_by: str | None = None
    """What it follows from: a JSON object, see ``core.causes.Causes``; None: from nothing."""
    start_token: Callable[[], Awaitable[str]] | None = None
    """Makes the token by which what starts elsewhere claims this run, once; each takes the place of the one
    before. Its digest is on disk when it is answered. To be asked right before the work is handed to an
    engine, which gets this and no secret. None where the runner ends the work itself. Raises Conflict if the
    run is over, DatabaseError."""


class Order(NamedTuple):
    """What is to be carried out."""

    spec: JobSpec
    """The spec that the run was admitted by."""
    run: RunFacts
    """The run."""


class LeftFacts(NamedTuple):
    """What is known of a run that an earlier runner started."""

    run_id: int
    """The run's id."""
    job_id: str
    """Its job."""
    mark: str
    """As in ``RunFacts``; empty if the row has none."""
    started_at: datetime | None
    """When its start was recorded; UTC."""
    origin: str | None
    """Whose run it is, as ``origin.RunOrigin`` keeps it; None if its work does not outlive its runner. It is
    compared before an executor is asked."""
    spec: JobSpec | None = None
    """The one that its job has by now, which may differ from that of its start; None if none can be read."""


class Handle(NamedTuple):
    """Names the work of a run to its executor, also after a restart of the runner or the machine."""

    executor: str
    """The executor's name."""
    run_id: int
    """The run's id."""
    facts: Mapping[str, Any]
    """A JSON object, which only the executor reads."""

    def as_json(self) -> str:
        """What the database keeps of it; the run stands beside it."""
        return json.dumps({"executor": self.executor, **self.facts})

    @classmethod
    def from_json(cls, run_id: int, text: str) -> Self:
        """The handle that was kept. Its facts are empty if only the start had been recorded, and for a text
        that no handle has."""
        try:
            facts = parse_json(text)
        except ValueError:
            facts = None
        if not isinstance(facts, dict) or not isinstance(executor := facts.pop("executor", ""), str):
            return cls("", run_id, {})
        return cls(executor, run_id, facts)


class Sink(Protocol):
    """Takes the output of a run."""

    def write(self, stream: StreamName, data: bytes) -> None:
        """Output as it arrives, in chunks cut anywhere. Does not raise."""
        ...


class RunSink(Sink, Protocol):
    """Takes what is to be known of a run while it is prepared and runs."""

    async def prepared(self, *, secrets: Sequence[str], script_hash: str | None) -> None:
        """Called before anything starts: which texts must be masked in the output, and the digest of what
        runs, if there is one. Returns when the output can be masked; raises StartFailed if it cannot."""
        ...

    def progress(self, message: str | None = None, tokens: int | None = None) -> None:
        """What there is to say of the run now: what it does or waits for, and how many tokens it has used.

        No message takes back the one before; no number leaves the one before. May be called as often as
        something changes, and does not raise: the row of the run gets the newest about once a second.
        """
        ...


class Executor(Protocol):
    """Carries runs out."""

    name: str
    """By which handles and the registry know it."""
    slots: int | None
    """How many of its runs may be running at once; None: it has no limit of its own."""
    on_shutdown: Literal["end", "leave"]
    """What a stopping runner does with its runs: end them, or leave them to the next runner."""
    patience: float
    """Seconds after a job's timeout for which the runner still waits before it cancels: what keeps to the
    timeout by itself has them to tell of it. The timeout counts from the call of ``start``; where runs end
    with the runner, from its answer."""

    async def open(self) -> None:
        """Get ready. Called once, before everything else."""
        ...

    def room(self, spec: JobSpec) -> Reason | None:
        """Why it cannot take a run of this job now, besides its slots; None if it can. Must not block."""
        ...

    async def start(self, order: Order, sink: RunSink) -> Handle:
        """Prepare the work and start it; the run is already recorded as running.

        Starting a run that is already live returns its handle. Raises StartFailed or InvalidValue
        when nothing was started. The sink must stay open until ``wait`` has answered.

        An executor that leaves its runs may take minutes, such as for a free place: it is never an error
        that this takes long. It may be cancelled at any time and then ends at once, whatever the engine
        has taken of the order by then: the runner, or the next one, asks ``recover`` without a handle. A
        handle is on disk before anything more happens. Where runs end with the runner, a start that is
        cancelled leaves nothing behind.
        """
        ...

    async def wait(self, handle: Handle, sink: RunSink) -> Ending:
        """How the work ended, once all of its output has reached the sink.

        A cancelled wait leaves the work as it is, and may be repeated. An engine that does not answer is
        asked again in here.
        """
        ...

    def has_ended(self, handle: Handle) -> bool:
        """Whether the work has ended, as far as known without waiting; ``wait`` may answer later."""
        ...

    async def cancel(self, handle: Handle, grace: float) -> None:
        """Ask for an end now and enforce it after ``grace`` seconds; ``wait`` tells when it came.

        An engine that does not answer is asked again in ``wait``, and this raises nothing. Where it does not
        end in good time after that, or does not say so, ``wait`` answers that the end is not confirmed.
        """
        ...

    async def late(self, handle: Handle) -> Ending | None:
        """How work ended after all whose end was recorded without its own word: ``wait`` had answered that it
        is not confirmed, or the runner that would have heard it has gone. None if that will not be known.

        Waits for it, and may be cancelled at any time: the runner watches for ten minutes.
        """
        ...

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
        """Take over a run of an earlier runner, or see to it that nothing of it is left and say so. For work
        that outlives its runner it is a run of this very database, and of no copy.

        ``handle`` is None if that runner died before it was recorded, or if a start was cancelled: then the
        work is looked for by run and mark, until it is sure whether there is any. An engine that does not
        answer is no reason to wait for it in here: the handle is answered by which ``wait`` goes on looking,
        and by which ``cancel`` works once it is found. After a take-over, ``wait`` delivers the output from
        its beginning.

        What was not noted of how the run is to be judged is taken from the spec of ``left``.

        Lost says that the work never began only where that is sure: then its start is made up for. ``wait``
        may find that out too, of work that was not known to have begun.
        """
        ...

    async def secrets(self, order: Order) -> Sequence[str]:
        """Which texts must be masked in what a run says that an earlier runner has started: those that
        ``start`` told the sink, as far as they can be found out now.

        Asked after a take-over, before ``wait``. The spec is the one that the job has by now. A secret that
        is gone is left out. For those in ``env`` there is ``known_secrets``.
        """
        ...
