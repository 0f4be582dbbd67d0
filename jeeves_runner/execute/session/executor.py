"""The executor for sessions: agents behind a gateway, which work on whether a runner lives or not."""

import asyncio
import hashlib
import logging
import math
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import Any, Final, Literal

from jeeves_runner.clock import Clock
from jeeves_runner.core.model import JobSpec, Reason, SourceType
from jeeves_runner.core.outcome import Ending, Finished, Lost
from jeeves_runner.core.prompt import render
from jeeves_runner.core.session_spec import Session
from jeeves_runner.errors import InvalidValue, StartFailed
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunFacts, RunSink
from jeeves_runner.execute.faults import Fault
from jeeves_runner.execute.file_threads import FileThreads
from jeeves_runner.execute.output.masks import check_size
from jeeves_runner.execute.session.followed import NEVER_BEGAN, Followed
from jeeves_runner.execute.session.gateway import Gateway, GatewayFault, Unauthorized
from jeeves_runner.execute.session.handle import NAME, SessionHandle
from jeeves_runner.execute.session.label import label_of, parent_of, tail_of
from jeeves_runner.execute.session.pauses import Pace, Pauses
from jeeves_runner.execute.session.poller import Poller
from jeeves_runner.execute.session.prompt_file import read_prompt
from jeeves_runner.execute.session.spawn import Spawn, Spawner, Wanted, find_by_tail

log = logging.getLogger(__name__)


_LOOK: Final = 10.0
"""Seconds for which a runner that starts waits for word of a session whose key was not noted."""


class SessionExecutor:
    """Has the ``gateway`` carry runs out, each as one session. Use it from one event loop, and ``close`` it.

    Sessions outlive their runner, and the next one follows them on. ``slots``: how many may run at once.
    """

    name = NAME
    on_shutdown: Literal["end", "leave"] = "leave"
    patience = 30.0

    def __init__(
        self,
        gateway: Gateway,
        clock: Clock,
        *,
        slots: int | None,
        pace: Pace = Pace(),  # noqa: B008 - a value
    ) -> None:
        self.slots = slots
        self._gateway = gateway
        self._clock = clock
        self._pace = pace
        self._poller = Poller(gateway, pace)
        self._spawner = Spawner(gateway, pace, self._wait_for_place)
        self._followed: dict[int, Followed] = {}
        self._vacated: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._threads = FileThreads()
        self._polling: asyncio.Task[None] | None = None
        self._cut_short: dict[
            int, SessionHandle | None
        ] = {}  # starts that were cancelled; None: nothing was sent

    async def open(self) -> None:
        """Get ready to follow sessions. The gateway need not be there yet."""
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._poll())

    async def close(self) -> None:
        """Follow nothing any longer; the sessions go on."""
        for followed in self._followed.values():
            followed.let_go()
        self._followed.clear()
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await self._gateway.close()

    def room(self, spec: JobSpec) -> Reason | None:
        """There is: the gateway's own limits are waited out in ``start``."""
        return None

    async def start(self, order: Order, sink: RunSink) -> Handle:
        """Begin the run's session. Waits until the gateway answers and has a place for it."""
        await self.open()
        run_id = order.run.run_id
        if (live := self._followed.get(run_id)) is not None:
            return live.opaque
        spawn: Spawn | None = None
        try:
            wanted = await self._prepared(order, sink)
            spawn = Spawn(self._spawner, wanted, sink.progress)
            key, gateway_run = await spawn.carry_out()
        except asyncio.CancelledError:
            may_be_there = spawn is not None and spawn.may_be_there
            self._cut_short[run_id] = _handle_of(order, wanted) if may_be_there else None
            raise
        return self._follow(_handle_of(order, wanted)._replace(key=key, run=gateway_run)).opaque

    async def _prepared(self, order: Order, sink: RunSink) -> Wanted:
        """The session that the run is to have, once its output can be masked. Raises InvalidValue and
        StartFailed."""
        spec, run = order
        session = spec.session or Session()
        prompt, digest = await _prompt_of(order, self._threads)
        try:
            token = await self._gateway.token()
        except Unauthorized as fault:
            raise StartFailed(str(fault), hint=fault.hint) from None
        secrets = (token, *_secret_values(run))
        check_size(secrets)
        await sink.prepared(secrets=secrets, script_hash=digest)
        label = label_of(session.label, run.job_id, run.run_id, run.mark)
        return Wanted(label, parent_of(run.job_id), _arguments(prompt, session, spec.timeout_ms))

    async def wait(self, handle: Handle, sink: RunSink) -> Ending:
        """How the session ended; its final text is the output."""
        await self.open()
        followed = self._followed_by(handle)
        if followed is None:
            return Lost(message="what the row says of its session is no handle of one")
        ending = await followed.wait(sink)
        if isinstance(ending, Finished) and ending.text:
            sink.write("stdout", ending.text.encode(errors="replace"))
        if followed.is_done:
            self._forget(followed)
        return ending

    async def late(self, handle: Handle) -> Ending | None:
        """The end of a session whose run has ended without it; None if it has not come in time."""
        await self.open()
        followed = self._followed_by(handle)
        if followed is None:
            return None
        followed.look_out()
        ending = await followed.late()
        self._forget(followed)
        return ending

    def has_ended(self, handle: Handle) -> bool:
        """Whether its end is known, or it is followed no longer."""
        followed = self._followed.get(handle.run_id)
        return followed is None or followed.has_ended

    async def cancel(self, handle: Handle, grace: float) -> None:
        """Have the gateway end it; a second call, and one after the end, is harmless."""
        if (followed := self._followed.get(handle.run_id)) is not None:
            followed.cancel(grace)

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
        """Follow the session of an earlier runner's run on, or of a start that was cancelled."""
        await self.open()
        known = self._known(left) if handle is None else SessionHandle.of(handle)
        if known is None:
            return NEVER_BEGAN
        if known.key is None and not await self._may_be_there(known):
            return NEVER_BEGAN
        return self._follow(known, left).opaque

    async def secrets(self, order: Order) -> tuple[str, ...]:
        """The gateway's token, as far as there is one now, and secret parameters."""
        values = _secret_values(order.run)
        with suppress(Unauthorized):
            return (await self._gateway.token(), *values)
        return values

    def _known(self, left: LeftFacts) -> SessionHandle | None:
        """What finds the session of a run whose start had no end; None if it has none."""
        if left.run_id in self._cut_short:
            return self._cut_short.pop(left.run_id)
        if not left.mark:
            return None
        tail = tail_of(left.job_id, left.run_id, left.mark)
        known = SessionHandle(left.run_id, tail, parent_of(left.job_id))
        return known if left.spec is None else known.judged_by(left.spec.session or Session())

    async def _may_be_there(self, known: SessionHandle) -> bool:
        """Whether there is a session of this label, as far as the gateway tells soon."""
        with suppress(TimeoutError, GatewayFault):
            async with asyncio.timeout(_LOOK):
                if await find_by_tail(self._gateway, known.label, known.parent) is not None:
                    return True
                await asyncio.sleep(self._pace.settle)
                return await find_by_tail(self._gateway, known.label, known.parent) is not None
        return True

    def _followed_by(self, handle: Handle) -> Followed | None:
        followed = self._followed.get(handle.run_id)
        if followed is None and (known := SessionHandle.of(handle)) is not None:
            return self._follow(known)
        return followed

    def _follow(self, handle: SessionHandle, left: LeftFacts | None = None) -> Followed:
        """Follow it from now on; one that an earlier runner has started, from its beginning."""
        now = self._clock.now()
        began = now if left is None or left.started_at is None else min(left.started_at, now)
        followed = Followed(
            handle, self._gateway, self._poller, self._pace, self._clock, began, on_done=self._forget
        )
        self._followed[handle.run_id] = followed
        followed.begin((now - began).total_seconds())
        return followed

    def _forget(self, followed: Followed) -> None:
        followed.let_go()
        if self._followed.get(followed.handle.run_id) is followed:
            del self._followed[followed.handle.run_id]
        if (vacated := self._vacated.pop(followed.handle.parent, None)) is not None:
            vacated.set()

    async def _wait_for_place(self, parent: str, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._vacated[parent].wait()

    async def _poll(self) -> None:
        """The gateway's connections end with it: they belong to this event loop."""
        pauses, told = Pauses(self._pace.pause), ""
        try:
            while True:
                try:
                    await self._poller.run()
                except Exception as error:
                    # What a gateway can do the poller takes; this is a bug, or no memory. To stop for it
                    # would leave all sessions without an end.
                    if repr(error) != told:  # one line for what comes again and again
                        told = repr(error)
                        log.exception("sessions could not be looked at; they are again in a moment")
                    await pauses.wait()
        finally:
            await self._gateway.close()


async def _prompt_of(order: Order, threads: FileThreads) -> tuple[str, str]:
    """What the agent is told, and the digest of what the job declares. Raises InvalidValue, StartFailed."""
    spec, run = order
    text = spec.script
    if spec.source_type is SourceType.PROMPT_FILE:
        read = await threads.call(partial(read_prompt, text), text)
        if isinstance(read, Fault):
            raise read.as_error(StartFailed)
        text = read
    elif spec.source_type is not SourceType.PROMPT:
        raise InvalidValue(f"a {spec.source_type} is nothing that an agent can be told")
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    rendering = partial(
        render,
        text,
        params=run.params,
        job_id=run.job_id,
        scheduled_for=run.scheduled_for,
        declared=spec.params,
        secret=run.secret_params,
        job_name=spec.name,
        run_id=run.run_id,
        attempt=run.attempt,
        trigger=run.trigger,
    )
    try:
        return await asyncio.to_thread(rendering), digest
    except InvalidValue as error:
        if spec.source_type is SourceType.PROMPT:
            raise
        raise InvalidValue(f"{spec.script}: {error.message}", hint=error.hint) from None


def _handle_of(order: Order, wanted: Wanted) -> SessionHandle:
    """What finds the session by its label."""
    return SessionHandle(order.run.run_id, wanted.label, wanted.parent).judged_by(
        order.spec.session or Session()
    )


def _secret_values(run: RunFacts) -> tuple[str, ...]:
    """An agent that was told them may repeat them."""
    return tuple(run.params[name] for name in sorted(run.secret_params))


def _arguments(prompt: str, session: Session, timeout_ms: int | None) -> dict[str, Any]:
    """The arguments of ``sessions_spawn``, but for the label."""
    args = {
        "task": prompt,
        "thinking": session.thinking,
        "model": session.model,
        "agentId": session.agent_id,
        # 0 would be no limit.
        "runTimeoutSeconds": None if timeout_ms is None else max(1, math.ceil(timeout_ms / 1000)),
        "expectsCompletionMessage": False,
    }
    return {name: value for name, value in args.items() if value is not None}
