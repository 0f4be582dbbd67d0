"""Begins the session of a run, once.

The gateway takes a call for a new session as often as it comes. So a call that may have been taken is never
repeated before a look for the run's label has shown that there is no such session.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.session.answers import Details, Row
from jeeves_runner.execute.session.gateway import (
    Ambiguous,
    Gateway,
    GatewayFault,
    NotNow,
    Refused,
    Unauthorized,
)
from jeeves_runner.execute.session.listing import rows_of
from jeeves_runner.execute.session.pauses import Pace, Pauses
from jeeves_runner.execute.session.reading import has_begun, row_of

_AT_ONCE: Final = 4
"""Calls for a session on their way at the same time; each takes most of a second."""
_ABSENT: Final = 2
"""Looks that have to miss a session until it counts as not there; the wait for each is twice the last."""
_ABSENT_OF_SILENT: Final = 3
"""The same where the gateway was silent: it may be at work on the call still."""
_PLACE: Final = 5.0
"""Seconds at most until a place is asked for again."""
TIMEOUT: Final = "runTimeoutSeconds"
"""The argument for the seconds that a session may take; one version refuses it."""

_FULL: Final = "max active children"
_STARTING: Final = "gateway startup"
_GAVE_UP: Final = "gateway timeout after"
"""What an older gateway says that has not heard from itself in time: the session may be on its way."""
_TARGET: Final = "\nGateway target:"
"""What follows in it is the gateway's own address and the path of its settings."""

_HINTS: Final = (
    (
        "Tool not available: sessions_spawn",
        "let the gateway's `gateway.tools.allow` have sessions_spawn: it denies it over HTTP by default",
    ),
    (
        "agentId is not allowed",
        "let the gateway's `agents.defaults.subagents.allowAgents` name this agent",
    ),
    (
        "pairing required",
        "let this gateway use itself: `openclaw devices list` there, then `openclaw devices approve REQUEST`",
    ),
    ("Payload too large", "the gateway takes 2 MiB at most"),
)


class Wanted(NamedTuple):
    """A session that is to be."""

    label: str
    """What no other session is called."""
    parent: str
    """The key of the session that it is to be a child of."""
    args: Mapping[str, Any]
    """The other arguments of ``sessions_spawn``."""


class Begun(NamedTuple):
    """A session that the gateway has accepted."""

    key: str
    """Its key."""
    run: str | None
    """The gateway's id of its run; None if its acceptance was found out by its label."""


Say = Callable[[str | None], None]
"""Gets what a start waits for, for people; None: nothing any more."""


class Spawner:
    """Begins sessions. ``place``: waits so many seconds, or until a child of this parent has ended."""

    def __init__(self, gateway: Gateway, pace: Pace, place: Callable[[str, float], Awaitable[None]]) -> None:
        self.gateway = gateway
        self.pace = pace
        self.place = place
        self.gate = asyncio.Semaphore(_AT_ONCE)

    async def look(
        self, wanted: Wanted, refused: Collection[str], doubtful: Collection[str], *, is_silent: bool
    ) -> Row | None:
        """The session, if a call that had no answer has begun it; it is given time to be seen. ``refused``:
        keys that are no session's. ``doubtful``: those that are one's only if it has a status."""
        for number in range(_ABSENT_OF_SILENT if is_silent else _ABSENT):
            await asyncio.sleep(self.pace.settle * 2**number)
            row = await find(self.gateway, wanted.label, wanted.parent, refused)
            if row is not None and (row.status is not None or row.key not in doubtful):
                return row
        return None

    async def stays_behind(self, wanted: Wanted, row: Row) -> bool:
        """Whether a row is all that there is, and no session will come of it; that takes long to be sure."""
        sure_at = asyncio.get_running_loop().time() + self.pace.absent
        while not await has_begun(self.gateway, row, wanted.parent):
            if asyncio.get_running_loop().time() >= sure_at:
                return True
            await asyncio.sleep(self.pace.settle)
            row = await row_of(self.gateway, row.key, wanted.parent) or row
        return False


class Spawn:
    """One session on its way. ``may_be_there``: whether it may have been begun without a word of it."""

    def __init__(self, spawner: Spawner, wanted: Wanted, say: Say) -> None:
        self._spawner = spawner
        self._wanted = wanted
        self._tell = say
        self._said: str | None = None
        self._args = dict(wanted.args)
        self._refused: set[str] = set()  # keys that were given to what was not accepted
        self._doubtful: set[str] = set()  # those of which the gateway itself does not know
        self.may_be_there = self._is_silent = False
        self._crashing_since: float | None = None
        self._crash = ""  # what the gateway said at the last one
        self._pauses, self._places = Pauses(spawner.pace.pause), Pauses(spawner.pace.pause)

    async def carry_out(self) -> Begun:
        """Begin it. Waits for the gateway and for a place as long as it takes.

        Raises StartFailed for a refusal. When it is cancelled, ``may_be_there`` tells what is to be undone.
        """
        while True:
            try:
                begun = await self._found() if self.may_be_there else None
                begun = begun or await self._asked()
            except NotNow as fault:
                self._say(f"waits for the gateway: {fault}")
                await self._pauses.wait(fault)
            except Unauthorized as fault:
                if not self.may_be_there:
                    raise StartFailed(str(fault), hint=fault.hint) from None
                self._say(f"a call has had no answer, and its session cannot be looked for: {fault}")
                await self._pauses.wait()
            else:
                if begun is not None:
                    self._say(None)
                    return begun

    def _say(self, message: str | None) -> None:
        if message != self._said:
            self._said = message
            self._tell(message)

    async def _asked(self) -> Begun | None:
        """Ask for it; None if that has to be repeated."""
        try:
            details = await self._ask()
        except Refused as refusal:
            if refusal.status == 400 and TIMEOUT in str(refusal) and TIMEOUT in self._args:
                del self._args[TIMEOUT]  # an older gateway; the runner ends the session itself
                return None
            raise _failed(str(refusal)) from None
        key, run = details.get("childSessionKey"), details.get("runId")
        if details.get("status") == "accepted" and isinstance(key, str):
            return Begun(key, run if isinstance(run, str) else None)
        words = _words_of(details)
        if _GAVE_UP in words:
            self._doubtful.update([key] if isinstance(key, str) else ())
            self.may_be_there = self._is_silent = True
            raise Ambiguous(words, is_silent=True)
        self._refused.update([key] if isinstance(key, str) else ())
        await self._wait_out(words)
        return None

    async def _ask(self) -> Details:
        args = {**self._args, "label": self._wanted.label}
        async with self._spawner.gate:
            self.may_be_there = True  # until there is an answer; a call that is cancelled has none
            try:
                details = await self._spawner.gateway.invoke(
                    "sessions_spawn", args, parent=self._wanted.parent
                )
            except Ambiguous as fault:
                now = asyncio.get_running_loop().time()
                self._crashing_since = (self._crashing_since or now) if fault.has_failed else None
                self._crash = str(fault)
                self._is_silent = fault.is_silent
                raise
            except GatewayFault:
                self.may_be_there = False
                self._crashing_since = None
                raise
        self.may_be_there = False
        self._crashing_since = None
        return details

    async def _wait_out(self, words: str) -> None:
        """Wait where that can help. Raises StartFailed where it cannot."""
        if _FULL in words:
            self._say(f"waits for a free place of its parent at the gateway: {words}")
            await self._spawner.place(self._wanted.parent, min(_PLACE, self._places.after()))
        elif _STARTING in words:
            self._say(f"waits for the gateway: {words}")
            await self._pauses.wait()
        else:
            raise _failed(words)

    async def _found(self) -> Begun | None:
        """The session, if the call that had no answer has begun it after all."""
        try:
            row = await self._row()
        except Refused as refusal:
            words = f"{refusal}; a call had no answer, so it may run, under the label {self._wanted.label}"
            raise _failed(words) from None
        if row is not None:
            return Begun(row.key, None)
        self.may_be_there = False
        since = self._crashing_since
        crashes = self._spawner.pace.crashes
        if since is not None and asyncio.get_running_loop().time() - since >= crashes:
            raise StartFailed(f"the gateway fails at each call for a session: {self._crash}")
        return None

    async def _row(self) -> Row | None:
        """Its row; None if there is none that a session stands behind."""
        row = await self._spawner.look(self._wanted, self._refused, self._doubtful, is_silent=self._is_silent)
        if row is not None and row.status is None:
            self._say("waits to see whether the gateway has begun its session")
            if await self._spawner.stays_behind(self._wanted, row):
                self._refused.add(row.key)
                return None
        return row


async def find(gateway: Gateway, label: str, parent: str, refused: Collection[str] = ()) -> Row | None:
    """The session of this label; None if there is none. ``refused``: keys that are no session's.

    The newest where there are several: a gateway that is still starting may leave a row of a refusal.
    """

    def fits(row: Row) -> bool:
        return row.label == label and row.key not in refused

    return best_of(await rows_of(gateway, parent, {"label": label}, fits))


async def find_by_tail(gateway: Gateway, tail: str, parent: str) -> Row | None:
    """The session whose label ends so; None if there is none."""
    return best_of(await rows_of(gateway, parent, {"search": tail}, lambda row: row.label.endswith(tail)))


def best_of(rows: list[Row]) -> Row | None:
    """Of rows with one label that of the session that was accepted: it has a status, as a rule."""
    return max(rows, key=lambda row: (row.status is not None, row.updated_at or 0), default=None)


def hint_for(words: str) -> str | None:
    """What to do about a refusal; None where its words say all."""
    return next((hint for part, hint in _HINTS if part in words), None)


def _words_of(details: Details) -> str:
    """Why a session was not accepted."""
    words = details.get("error")
    if not isinstance(words, str):
        return "it has not accepted it, without a reason"
    return words.partition(_TARGET)[0]


def _failed(words: str) -> StartFailed:
    hint = hint_for(words)
    return StartFailed(f"the gateway refuses the session: {words}", hint=hint)
