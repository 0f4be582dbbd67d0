"""Whether the gateway can be used for sessions: looked at without beginning one, or by beginning one."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from secrets import token_hex
from typing import Any, Final, Literal, NamedTuple

from jeeves_runner.clock import Clock
from jeeves_runner.core.diagnosis import Diagnosis, Level
from jeeves_runner.core.model import JobSpec, JobType, SourceType
from jeeves_runner.core.outcome import Finished
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.contract import Order, RunFacts
from jeeves_runner.execute.session.executor import SessionExecutor
from jeeves_runner.execute.session.gateway import Gateway, NotNow, Refused, Unauthorized
from jeeves_runner.execute.session.spawn import hint_for

_SINCE: Final = (2026, 9)
"""The oldest version that has all that sessions are ended and counted by."""

_NOT_FOUND: Final = 404
_TRIAL_SECONDS: Final = 60.0
"""How long a session of a trial may take."""


class _Look(NamedTuple):
    """A call of a tool that changes nothing; without its arguments, the tool says what it lacks."""

    tool: str
    args: Mapping[str, Any]
    purpose: str
    level: Level


_LOOKS: Final = (
    _Look("sessions_list", {"limit": 1}, "seen", "error"),
    _Look("sessions_spawn", {}, "begun", "error"),
    _Look("subagents", {"action": "list"}, "cancelled", "warning"),
)

_of = partial(Diagnosis, "gateway")


async def examine(gateway: Gateway) -> AsyncIterator[Diagnosis]:
    """Whether it answers, takes the token, is of a known version, and lets sessions be begun and ended."""
    try:
        version = await _version(gateway)
    except Unauthorized as fault:
        yield _of("error", str(fault), fault.hint)
        return
    except NotNow as fault:
        yield _of(
            "error", str(fault), "start the gateway, or let `gateway.url` name the place where it answers"
        )
        return
    yield _of_version(version)
    for look in _LOOKS:
        try:
            finding = await _examine_tool(gateway, look)
        except (NotNow, Unauthorized) as fault:
            finding = _of("error", str(fault))
        if finding is not None:
            yield finding


async def try_session(gateway: Gateway, clock: Clock) -> Diagnosis:
    """Begin a session that says one word, and see how it ends. It costs a few tokens."""
    executor, sink = SessionExecutor(gateway, clock, slots=1), _Kept()
    try:
        async with asyncio.timeout(_TRIAL_SECONDS):
            handle = await executor.start(_trial(), sink)
            ending = await executor.wait(handle, sink)
    except StartFailed as error:
        return _of("error", error.message, error.hint)
    except TimeoutError:
        said = f"; it {sink.said}" if sink.said else ""
        return _of("error", f"a session on trial has not ended within {_TRIAL_SECONDS:g} s{said}")
    finally:
        await executor.close()
    if isinstance(ending, Finished) and ending.status == "ok":
        used = "" if ending.tokens is None else f", {ending.tokens:,} tokens"
        return _of("ok", f"a session on trial has answered {brief(sink.text.strip())} ({ending.model}{used})")
    status = ending.status if isinstance(ending, Finished) else "interrupted"
    return _of("error", f"a session on trial has ended {status}: {getattr(ending, 'message', None)}")


async def _version(gateway: Gateway) -> str | None:
    """Its version; None if it does not tell. Raises Unauthorized and NotNow."""
    try:
        details = await gateway.invoke("session_status", {})
    except Refused:  # the token was taken
        return None
    found = re.search(r"OpenClaw ([0-9]{4}(?:\.[0-9]+)+)", str(details.get("statusText")))
    return None if found is None else found[1]


def _of_version(version: str | None) -> Diagnosis:
    if version is None:
        return _of("ok", "it answers and takes the token; its version is not known")
    if tuple(map(int, version.split(".")))[: len(_SINCE)] < _SINCE:
        message = f"it is of version {version}, where not every session can be cancelled or counted"
        return _of("warning", message, "use 2026.9 or newer")
    return _of("ok", f"it answers and takes the token; version {version}")


async def _examine_tool(gateway: Gateway, look: _Look) -> Diagnosis | None:
    """What is wrong with one of its tools; None if nothing is."""
    try:
        await gateway.invoke(look.tool, look.args)
    except Refused as refusal:
        if refusal.status == _NOT_FOUND:
            hint = hint_for(str(refusal)) or f"let the gateway's `gateway.tools.allow` have {look.tool}"
            return _of(look.level, f"no session can be {look.purpose}: {refusal}", hint)
    return None


def _trial() -> Order:
    mark = token_hex(8)
    spec = JobSpec(
        id="doctor",
        name="doctor",
        type=JobType.SESSION,
        source_type=SourceType.PROMPT,
        script="Answer with the single word ok, and do nothing else.",
        timeout_ms=round(_TRIAL_SECONDS * 1000),
    )
    run = RunFacts(
        run_id=0,
        job_id=spec.id,
        mark=mark,
        attempt=1,
        trigger="manual",
        scheduled_for=None,
        namespace=spec.id,
        params={},
        api_url=None,
    )
    return Order(spec, run)


class _Kept:
    """A sink that keeps the text, and the last thing that was said."""

    def __init__(self) -> None:
        self.text = ""
        self.said: str | None = None

    async def prepared(self, *, secrets: Sequence[str], script_hash: str | None) -> None:
        """No output goes anywhere but to the person who asked."""

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self.text += data.decode(errors="replace")

    def progress(self, message: str | None = None, tokens: int | None = None) -> None:
        self.said = message
