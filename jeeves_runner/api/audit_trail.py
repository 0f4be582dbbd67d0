"""What the audit hears of requests: who operated what, from where, and what was answered.

What a request does is recorded in its own transaction where the route says so; here stands what has none, and
what was refused. A peer that is refused over and over is on record ten times a minute.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from jeeves_runner.api.attempts import network_of
from jeeves_runner.api.callers import Caller
from jeeves_runner.api.connection import log
from jeeves_runner.api.guard import TurnedAway
from jeeves_runner.api.route import Audit, Route
from jeeves_runner.api.services import Writes
from jeeves_runner.clock import Clock
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import audit, tokens
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import JeevesError

_REFUSALS: Final = 10
"""Of one peer, that are on record in a minute."""

_REFUSED: Final = frozenset({401, 403, 429})
_MINUTE: Final = 60.0
_PATIENCE: Final = 0.5
"""Seconds that an answer waits for its record."""

_PEERS: Final = 10_000
_LONGEST: Final = 200
_TARGETS: Final = ("job", "run", "queue", "backfill", "namespace")
"""The values in paths by which a request is about something."""

_OF_ALL: Final = frozenset({"/pause", "/resume", "/mute", "/unmute"})
"""The paths that are about all jobs."""

_DONE_AS: Final = {"/jobs/{job}/disable": "pause", "/jobs/{job}/enable": "resume"}
"""The paths whose acts are on record by other words than theirs."""


class AuditTrail:
    """Records requests. What cannot be recorded is told in the log, and the request is answered all the
    same."""

    def __init__(self, writer: Writes, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._refused: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._noting: dict[int, asyncio.Task[None]] = {}
        self._recording: set[asyncio.Task[None]] = set()

    def note_use(self, caller: Caller) -> None:
        """Note that a token is used, if that is not on record for this minute. No request waits for it: it
        may be a look, and these go on while another process keeps the database locked."""
        holder = caller.holder
        if holder is None or holder.is_noted or holder.token_id in self._noting:
            return
        token_id = holder.token_id
        noting = asyncio.ensure_future(self._write(lambda tx: tokens.note_use(tx, token_id)))
        self._noting[token_id] = noting
        noting.add_done_callback(lambda _: self._noting.pop(token_id))

    async def close(self) -> None:
        """Returns once all that it has begun to write is written, or cannot be."""
        await asyncio.gather(*self._noting.values(), *self._recording)

    async def note_answer(self, caller: Caller, route: Route, place: Mapping[str, str], status: int) -> None:
        """Note a request that was let in and answered, unless it is on record by what it has done."""
        if route.audit is Audit.NOWHERE or (route.audit is Audit.ACT and status < 400):
            return
        is_refusal = caller.is_unknown or status in _REFUSED
        if is_refusal and not self._counts(caller.origin):
            return
        action, target = _in_words(route.path, place)
        await self._record(Actor(caller.name, caller.origin, status), action, target, None)

    async def note_refusal(self, refusal: TurnedAway, path: str, place: Mapping[str, str]) -> None:
        """Note a request that was not let in."""
        if not self._counts(refusal.origin):
            return
        action, target = _in_words(path, place)
        name = "unknown" if refusal.caller is None else refusal.caller.name
        await self._record(Actor(name, refusal.origin, refusal.status), action, target, refusal.detail)

    async def _record(self, actor: Actor, action: str, target: str, detail: str | None) -> None:
        """Before the answer goes out, unless that takes long: who cancels a run while another process keeps
        the database locked is not to wait for its end."""
        recording = asyncio.ensure_future(
            self._write(lambda tx: audit.record(tx, actor=actor, action=action, target=target, detail=detail))
        )
        self._recording.add(recording)
        recording.add_done_callback(self._recording.discard)
        await asyncio.wait({recording}, timeout=_PATIENCE)

    async def _write(self, op: Callable[[Tx], object]) -> None:
        try:
            await self._writer.write(op, durable=False)
        except JeevesError as error:
            log.warning("the audit could not be written: %s", error)

    def _counts(self, origin: str) -> bool:
        now, sender = self._clock.monotonic(), network_of(origin)
        since, count = self._refused.pop(sender, (now, 0))
        if now - since >= _MINUTE:
            since, count = now, 0
        self._refused[sender] = (since, count + 1)
        while len(self._refused) > _PEERS:
            self._refused.popitem(last=False)
        return count < _REFUSALS


def _in_words(path: str, place: Mapping[str, str]) -> tuple[str, str]:
    """The action and its target, as they stand on record where it is done: ``/jobs/{job}/run`` is ``run``, of
    ``job backup``."""
    words = [part for part in path.split("/") if part and not part.startswith("{")]
    named = [f"{name} {place[name]}" for name in _TARGETS if name in place]
    action = _DONE_AS.get(path) or (words[-1] if words else "look")
    if path in _OF_ALL:
        return action, audit.ALL_JOBS
    target = named[-1] if named else path
    return action, target[:_LONGEST]
