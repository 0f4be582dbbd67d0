"""How a session ended, by what the gateway says of it: values in, values out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from jeeves_runner.clock import from_timestamp
from jeeves_runner.core.outcome import Finished, Span
from jeeves_runner.core.wording import one_line
from jeeves_runner.execute.session.answers import UNFINISHED, Message, Row, kept_of, last_answer
from jeeves_runner.execute.session.expected import fault_of

_FAILED: Final = ("error", "aborted")
"""Why a model stops that has not answered."""
_LONGEST_WORDS: Final = 1000
_SKEW: Final = timedelta(seconds=5)
"""By how much the gateway's clock may differ from the runner's for its instants to be taken over."""


class Evidence(NamedTuple):
    """All that the gateway says of a session whose run is over."""

    row: Row
    """Its row."""
    messages: tuple[Message, ...]
    """Its messages, in their order."""
    tokens: int | None
    """What it and its children used; None if that is not known."""
    text: str
    """What the model said last."""
    is_cut: bool
    """Whether the gateway has cut that."""
    children_ended_at: int | None = None
    """When the last of its children ended, in milliseconds since the epoch by the gateway's clock; None
    without one."""

    @classmethod
    def of_row(cls, row: Row) -> "Evidence":
        """Of a session whose messages the gateway keeps to itself."""
        return cls(row, (), row.tokens, "", False)


def is_unfinished(row: Row, messages: tuple[Message, ...]) -> bool:
    """Whether an ended session goes on: its model waits for a tool."""
    last = last_answer(messages)
    return row.status == "done" and last is not None and last.stop_reason == UNFINISHED


def conclusion(evidence: Evidence, *, expected: str | None, span: Span | None) -> Finished:
    """How it ended. ``expected``: what an answer must be, as ``Session.expect_result``."""
    row, messages, tokens, text, is_cut, _ = evidence
    last = last_answer(messages)
    status, message = _status(row.status, last, messages)
    notes = [message] if message else []
    if status == "ok" and expected is not None and (fault := fault_of(expected, text, is_cut=is_cut)):
        status, notes = "error", [fault]
    elif is_cut:
        notes.append(f"the gateway has cut the text after {len(kept_of(text)):,} characters")
    return Finished(
        status=status,
        message="; ".join(notes) or None,
        text=text,
        tokens=tokens,
        model=(last.model if last is not None else None) or row.model,
        span=span,
    )


def over_max_tokens(ending: Finished, used: int, limit: int) -> Finished:
    """The end of a session that was cancelled because it had used more than ``limit`` tokens. ``ending``:
    what is known besides."""
    used = max(ending.tokens or 0, used)
    message = f"over max_tokens: it has used {used:,} of {limit:,}"
    if ending.message is not None:
        message += f"; {ending.message}"
    return replace(ending, status="error", message=message, tokens=used)


def _status(
    status: str | None, last: Message | None, messages: tuple[Message, ...]
) -> tuple[Literal["ok", "error", "timeout", "cancelled"], str | None]:
    reason = None if last is None else last.stop_reason
    if status == "done":
        if last is None:
            return "error", "the session has ended without an answer"
        return ("error", _fault(messages)) if reason in _FAILED else ("ok", None)
    if status == "timeout":
        # Its time counts from its acceptance, and that of its run from its start: the answer may be whole.
        return ("ok", None) if reason == "stop" else ("timeout", "timed out on the gateway")
    if status == "killed":
        return "cancelled", "cancelled on the gateway"
    return "error", _fault(messages)


def _fault(messages: tuple[Message, ...]) -> str:
    """What the provider of the model said was wrong, or the gateway."""
    for message in reversed(messages):
        words = message.fault
        if message.role == "custom" or message.stop_reason in _FAILED:
            words = words or message.text
        if words and not words.isspace():
            return _shortened(words)
    return "the session has failed"


def span_of(evidence: Evidence, began_at: datetime, seen_at: datetime, took_ms: int) -> Span:
    """When it ran: by the gateway's clock where that fits between the beginning and the end that were seen
    from here, else these. ``took_ms``: milliseconds between the two, however the clock was set meanwhile."""
    times = [message.at for message in evidence.messages if message.at is not None]
    if times:
        began, ended = min(times), max(*times, evidence.row.updated_at or 0, evidence.children_ended_at or 0)
        if began_at - _SKEW <= _instant(began) and _instant(ended) <= seen_at + _SKEW:
            return Span(_instant(began), ended - began)
    return Span(min(began_at, seen_at - timedelta(milliseconds=took_ms)), took_ms)


def _instant(milliseconds: int) -> datetime:
    """Far ahead for one that no calendar has."""
    try:
        return from_timestamp(milliseconds / 1000)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def _shortened(words: str) -> str:
    return one_line(words.strip()[:_LONGEST_WORDS])
