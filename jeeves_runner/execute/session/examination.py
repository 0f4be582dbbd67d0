"""Whether the gateway can be used for sessions: looked at without beginning one, or by beginning one."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from secrets import token_hex
from typing import Any, Final, Literal, NamedTuple

from jeeves_runner.clock import Clock
from jeeves_runner.core.diagnosis import Diagnosis, Level
from jeeves_runner.core.model import JobSpec, JobType, SourceType
from jeeves_runner.core.outcome import Finished
from jeeves_runner.core.wording import brief
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.contract import Handle, Order, RunFacts, RunSink
from jeeves_runner.execute.output.mask import masked
from jeeves_runner.execute.output.masks import mask_of
from jeeves_runner.execute.session.executor import SessionExecutor
from jeeves_runner.execute.session.gateway import (
    Ambiguous,
    Gateway,
    NotNow,
    Refused,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from jeeves_runner.execute.session.spawn import TIMEOUT, hint_for

_BAD_ARGUMENT: Final = 400
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_NO_SESSION: Final = "agent:main:subagent:none"
"""The key of no session: what is asked of it shows what the gateway can do, and changes nothing."""
_NEWER: Final = "use 2026.9 or newer"
_PLACE: Final = "let `gateway.url` name the place where the gateway answers"
_LOG: Final = "the gateway's own log tells more"
_UNSUPPORTED: Final = "Unsupported action"
_TRIAL_SECONDS: Final = 60.0
"""How long a session of a trial may take."""
_ENDING_SECONDS: Final = 10.0
"""How long its end is waited for if it took longer."""


class _Look(NamedTuple):
    """A call of a tool that changes nothing; without its arguments, the tool says what it lacks."""

    tool: str
    args: Mapping[str, Any]
    purpose: str
    level: Level


_LOOKS: Final = (
    _Look("sessions_list", {"limit": 1}, "seen", "error"),
    _Look("sessions_spawn", {TIMEOUT: 60}, "begun", "error"),
    _Look("subagents", {"action": "list"}, "cancelled", "warning"),
)

_of = partial(Diagnosis, "gateway")


async def examine(gateway: Gateway) -> AsyncIterator[Diagnosis]:
    """Whether it answers, takes the token, and lets sessions be begun, ended and counted.

    What an older version cannot do is found out by asking, because not every one tells which it is.
    """
    try:
        version = await _version(gateway)
    except Refused as fault:
        yield _of("error", f"what answers is no OpenClaw gateway, or not where its calls go: {fault}", _PLACE)
        return
    except (NotNow, Unauthorized) as fault:
        yield _of("error", *_told(fault))
        return
    known = "its version is not known" if version is None else f"version {version}"
    yield _of("ok", f"it answers and takes the token; {known}")
    for look in _LOOKS:
        try:
            finding = await _examine_tool(gateway, look)
        except (NotNow, Unauthorized) as fault:
            words, hint = _told(fault)
            finding = _of(look.level, f"whether sessions can be {look.purpose} is not known: {words}", hint)
        if finding is not None:
            yield finding
    with suppress(NotNow, Unauthorized):
        for lack in (await _lack_of_cancel(gateway), await _lack_of_usage(gateway)):
            if lack is not None:
                yield _of("warning", lack, _NEWER)


async def try_session(gateway: Gateway, clock: Clock, *, seconds: float = _TRIAL_SECONDS) -> Diagnosis:
    """Begin a session that says one word, and see how it ends, within so long. It costs a few tokens."""
    executor, sink = SessionExecutor(gateway, clock, slots=1), _Kept()
    handle: Handle | None = None
    try:
        async with asyncio.timeout(seconds):
            handle = await executor.start(_trial(seconds), sink)
            ending = await executor.wait(handle, sink)
    except StartFailed as error:
        return _of("error", error.message, error.hint)
    except TimeoutError:
        if handle is not None:
            await _end(executor, handle, sink)
        said = f"; it {sink.said}" if sink.said else ""
        return _of("error", f"nothing has come of a session on trial within {seconds:g} s{said}", _LOG)
    finally:
        await executor.close()
    mask = await mask_of(sink.secrets)
    if isinstance(ending, Finished) and ending.status == "ok":
        used = "" if ending.tokens is None else f", {ending.tokens:,} tokens"
        text = brief(masked(sink.text.strip(), mask))
        return _of("ok", f"a session on trial has answered {text} ({ending.model}{used})")
    status = ending.status if isinstance(ending, Finished) else "interrupted"
    reason = masked(getattr(ending, "message", None) or "it is not said why", mask)
    return _of("error", f"a session on trial has ended {status}: {reason}")


async def _end(executor: SessionExecutor, handle: Handle, sink: RunSink) -> None:
    """Have the session on trial end, which nothing follows any longer."""
    await executor.cancel(handle, 0)
    with suppress(TimeoutError):
        async with asyncio.timeout(_ENDING_SECONDS):
            await executor.wait(handle, sink)


async def _version(gateway: Gateway) -> str | None:
    """Its version; None if it does not tell. Raises Unauthorized and NotNow, and Refused for what is no
    gateway."""
    try:
        details = await gateway.invoke("session_status", {})
    except Refused as refusal:
        if not refusal.kind:  # a page of another server
            raise
        return None  # the token was taken
    except Ambiguous as fault:
        if fault.kind:  # an older one that has no session yet, or one that is starting
            return None
        raise
    found = re.search(r"OpenClaw ([0-9]{4}(?:\.[0-9]+)+)", str(details.get("statusText")))
    return None if found is None else found[1]


async def _examine_tool(gateway: Gateway, look: _Look) -> Diagnosis | None:
    """What is wrong with one of its tools; None if nothing is."""
    try:
        await gateway.invoke(look.tool, look.args)
    except Refused as refusal:
        if refusal.status != _BAD_ARGUMENT:
            hint = hint_for(str(refusal))
            if refusal.status == _NOT_FOUND:
                hint = hint or f"let the gateway's `gateway.tools.allow` have {look.tool}"
            return _of(look.level, f"no session can be {look.purpose}: {refusal}", hint or _LOG)
        if TIMEOUT in str(refusal):
            words = f"it takes no {TIMEOUT}, so the server alone ends what takes longer than `timeout`"
            return _of("warning", words, _NEWER)
    return None


def _told(fault: NotNow | Unauthorized) -> tuple[str, str | None]:
    """What keeps the gateway from answering, and what to do."""
    words = str(fault)
    match fault:
        case Unauthorized():
            return words, fault.hint
        case Unreachable():
            return words, f"start the gateway, or {_PLACE}"
        case Unavailable():
            return f"it takes no calls for now: {words}", f"look again in {fault.retry_after or 1:g} s"
        case Ambiguous(has_failed=True, kind=""):
            return f"what answers has failed: {words}", f"{_LOG}, or {_PLACE}"
        case Ambiguous(has_failed=True):
            return f"it has failed: {words}", f"look again once it has started; {_LOG}"
        case Ambiguous(is_silent=True):
            return words, f"{_LOG}, or raise `gateway.timeout`"
    return words, _PLACE


async def _lack_of_cancel(gateway: Gateway) -> str | None:
    """Why no session can be cancelled; None if one can, and if the tool for it is not to be had."""
    try:
        if "tasks" in await gateway.invoke("subagents", {"action": "list"}):
            return None
        answer = await gateway.invoke("subagents", {"action": "kill", "target": _NO_SESSION})
    except Refused:
        return None
    if _UNSUPPORTED not in str(answer.get("error")):
        return None
    return "it has no way to cancel a session, so one may go on whose run was cancelled or has timed out"


async def _lack_of_usage(gateway: Gateway) -> str | None:
    """Why tokens are counted badly; None if they are not."""
    try:
        await gateway.history(_NO_SESSION, 1)
    except Refused as refusal:
        if refusal.status == _FORBIDDEN:
            return (
                "it does not show what each call of a model has used: `tokens` and `max_tokens` go by the"
                " size of a session's last prompt, and texts are cut after 4,000 characters"
            )
    return None


def _trial(seconds: float) -> Order:
    mark = token_hex(8)
    spec = JobSpec(
        id="doctor",
        name="doctor",
        type=JobType.SESSION,
        source_type=SourceType.PROMPT,
        script="Answer with the single word ok, and do nothing else.",
        timeout_ms=round(seconds * 1000),
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
        self.secrets: tuple[str, ...] = ()

    async def prepared(self, *, secrets: Sequence[str], script_hash: str | None) -> None:
        """What an agent says may hold the token, and people pass on what doctor has told them."""
        self.secrets = tuple(secrets)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self.text += data.decode(errors="replace")

    def progress(self, message: str | None = None, tokens: int | None = None) -> None:
        self.said = message
