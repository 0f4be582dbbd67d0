"""What the gateway says of sessions, as values. Fields of another type than expected count as absent."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

ENDED: Final = frozenset({"done", "failed", "killed", "timeout"})
"""The statuses of a session whose run is over. Without a status it is not."""

RUNNING: Final = "running"
"""The status of a session that is at work."""

QUEUED: Final = "queued"
"""The status of a session that waits until the gateway has room to run it."""

UNFINISHED: Final = "toolUse"
"""Why a model stopped that waits for the answer of a tool."""

_CUTS: Final = ("...(truncated)...", "…(truncated)…")
"""What the gateway puts in the place of the rest of a text, each on a line of its own."""

Details = Mapping[str, Any]
"""The JSON object that a tool of the gateway answers."""


class Row(NamedTuple):
    """A session in a list of them."""

    key: str
    """By which the gateway knows it."""
    label: str
    """As it was given; empty without one."""
    status: str | None
    """A word of ``ENDED``, ``queued`` or ``running``; None while the gateway does not know."""
    tokens: int | None
    """The size of its last prompt."""
    model: str | None
    """The model's name."""
    updated_at: int | None
    """Milliseconds since the epoch by the gateway's clock: of an ended one its end."""
    children: tuple[str, ...]
    """The keys of sessions that it has begun itself."""
    is_set_up: bool = True
    """Whether it has come as far as to call its model."""

    @property
    def has_ended(self) -> bool:
        """Whether its own run is over; a child may still run."""
        return self.status in ENDED


class Message(NamedTuple):
    """One message of a session."""

    role: str
    """``user``, ``assistant``, ``toolResult`` or ``custom``."""
    text: str
    """Its text."""
    is_cut: bool
    """Whether the gateway has cut the text."""
    stop_reason: str | None
    """Why the model stopped: ``stop``, ``toolUse``, ``error``, ``aborted``."""
    fault: str | None
    """What the model's provider said was wrong."""
    tokens: int
    """What the call of the model used; 0 where that is not said."""
    model: str | None
    """``PROVIDER/NAME`` of the model."""
    number: int | None
    """Its place in the session; older messages have smaller ones."""
    at: int | None
    """When it came, in milliseconds since the epoch by the gateway's clock."""


class Page(NamedTuple):
    """A part of a list."""

    rows: tuple[Row, ...]
    """The sessions, those that were changed last first."""
    next_offset: int | None
    """Where the next part begins; None after the last."""
    is_all: bool
    """Whether no session is kept out of the list for whose child it is. Gateways before 2026.9 show a caller
    its own children alone, and of these those that are among the newest of all sessions."""


class Messages(NamedTuple):
    """A part of a session's messages."""

    messages: tuple[Message, ...]
    """In their order."""
    cursor: str | None
    """By which older ones are asked for; None if there are none."""


def page_of(details: Details) -> Page:
    """The answer of ``sessions_list``."""
    rows = tuple(_row(each) for each in _mappings(details.get("sessions")))
    following = details.get("nextOffset")
    if details.get("hasMore") is not True or not isinstance(following, int) or not rows:
        following = None
    visibility = details.get("visibility")
    is_restricted = isinstance(visibility, dict) and visibility.get("restricted") is True
    # The oldest gateways say nothing of what they leave out; those that page say whether there is more.
    return Page(rows, following, is_all="hasMore" in details and not is_restricted)


def runs_of(details: Details) -> tuple[Row, ...]:
    """The answer of ``subagents list``: the children of its caller, as rows. A label may be cut in it."""
    listed = (run for name in ("active", "recent") for run in _mappings(details.get(name)))
    return tuple(_row_of_run(run) for run in listed)


def messages_of(document: Details) -> Messages:
    """The answer of a session's history, and of ``sessions_history``."""
    messages = tuple(_message(each) for each in _mappings(document.get("messages")))
    cursor = document.get("nextCursor")
    more = document.get("hasMore") is True and isinstance(cursor, str | int) and messages
    return Messages(messages, str(cursor) if more else None)


def message_of(value: object) -> Message | None:
    """One message; None for what is none."""
    return _message(value) if isinstance(value, dict) else None


def last_answer(messages: tuple[Message, ...]) -> Message | None:
    """What the model said last."""
    return next((each for each in reversed(messages) if each.role == "assistant"), None)


def kept_of(text: str) -> str:
    """Of a text that the gateway has cut, what is left of it: without the line that says so."""
    for mark in _CUTS:
        if text.endswith(mark):
            return text.removesuffix(mark).removesuffix("\n")
    return text


def _row(row: Details) -> Row:
    return Row(
        key=_text(row, "key") or "",
        label=_text(row, "label") or "",
        status=_text(row, "status"),
        tokens=_count(row.get("totalTokens")),
        model=_text(row, "model"),
        updated_at=_count(row.get("updatedAt")),
        children=tuple(_keys(row.get("childSessions"))),
        is_set_up=isinstance(row.get("abortedLastRun"), bool),
    )


def _row_of_run(run: Details) -> Row:
    status = _text(run, "status")
    return Row(
        key=_text(run, "sessionKey") or "",
        label=_text(run, "label") or "",
        status=status if status in ENDED else None if _count(run.get("endedAt")) else RUNNING,
        tokens=_count(run.get("totalTokens")),
        model=(_text(run, "model") or "").rpartition("/")[2] or None,
        updated_at=_count(run.get("endedAt")) or _count(run.get("startedAt")),
        children=tuple(_keys(run.get("childSessions"))),
    )


def _message(message: Details) -> Message:
    own = message.get("__openclaw")
    own = own if isinstance(own, dict) else {}
    usage = message.get("usage")
    text = _text_of(message.get("content"))
    return Message(
        role=_text(message, "role") or "",
        text=text,
        is_cut=bool(own.get("truncated")) or text.endswith(_CUTS),
        stop_reason=_text(message, "stopReason"),
        fault=_text(message, "errorMessage"),
        tokens=_count(usage.get("totalTokens")) or 0 if isinstance(usage, dict) else 0,
        model="/".join(filter(None, (_text(message, "provider"), _text(message, "model")))) or None,
        number=_count(own.get("seq")),
        at=_count(message.get("timestamp")) or _count(own.get("recordTimestampMs")),
    )


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = (part for part in _mappings(content) if part.get("type") == "text")
    return "".join(_text(part, "text") or "" for part in parts)


def _keys(children: object) -> Iterator[str]:
    """A child is named by its key, or by an object that has it."""
    for child in children if isinstance(children, list) else ():
        key = child.get("key") if isinstance(child, dict) else child
        if isinstance(key, str) and key:
            yield key


def _mappings(value: object) -> Iterator[Details]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def _text(holder: Details, name: str) -> str | None:
    value = holder.get(name)
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    """A whole number from 0 up; True is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < 2**63 else None
