"""Gathers what the gateway says of a session: its messages, its children, what all of them used."""

from typing import Final, NamedTuple

from jeeves_runner.execute.session.answers import (
    Details,
    Message,
    Messages,
    Row,
    last_answer,
    messages_of,
)
from jeeves_runner.execute.session.gateway import Gateway, Refused
from jeeves_runner.execute.session.label import search_for
from jeeves_runner.execute.session.listing import RECENT, rows_of
from jeeves_runner.execute.session.outcome import Evidence, is_unfinished
from jeeves_runner.execute.session.whole_text import whole_answer

_MESSAGES: Final = 50
"""Of one page; each may have 8,000 characters, twice."""
_FEW_MESSAGES: Final = 20
_PAGES: Final = 200
_MOST_CHILDREN: Final = 200


class Transcript(NamedTuple):
    """The messages of a session."""

    messages: tuple[Message, ...]
    """In their order; all, or the last ones where the gateway shows no others."""
    tokens: int | None
    """The sum of what its model's calls used; None where the gateway does not say."""


class Family(NamedTuple):
    """The children of a session, and theirs."""

    all_ended: bool
    """Whether the runs of all of them are over."""
    tokens: int
    """What they used, as far as it is known."""
    ended_at: int | None
    """When the last of them ended, in milliseconds since the epoch by the gateway's clock, as far as it is
    known."""


async def row_of(gateway: Gateway, key: str, parent: str) -> Row | None:
    """The row of one session; None if the gateway does not know it."""
    rows = await rows_of(gateway, parent, {"search": search_for(key)}, lambda row: row.key == key)
    return rows[0] if rows else None


async def tasks_of(gateway: Gateway, parent: str) -> list[Details] | None:
    """The tasks of a parent's sessions: a session has one from its acceptance on. None where the gateway has
    none to show."""
    args = {"action": "list", "recentMinutes": RECENT}
    try:
        tasks = (await gateway.invoke("subagents", args, parent=parent)).get("tasks")
    except Refused:
        return None
    return [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else None


async def has_begun(gateway: Gateway, row: Row, parent: str) -> bool:
    """Whether there is a session behind a row, as far as the gateway can tell.

    The row is made first. Where the caller's connection ends at that moment, it is left, and nothing comes of
    it.
    """
    if row.status is not None:
        return True
    tasks = await tasks_of(gateway, parent)
    return tasks is None or any(task.get("label") == row.label for task in tasks)


async def transcript(gateway: Gateway, key: str, parent: str) -> Transcript:
    """All messages, by the way that tells what they used; the last ones by the other way."""
    try:
        pages = [await gateway.history(key, _MESSAGES)]
        while (cursor := pages[-1].cursor) is not None and len(pages) < _PAGES:
            pages.append(await gateway.history(key, _MESSAGES, cursor))
    except Refused as refusal:
        if refusal.status not in (403, 404):
            raise
        return Transcript((await _few_messages(gateway, key, parent)).messages, None)
    messages = tuple(message for page in reversed(pages) for message in page.messages)
    return Transcript(messages, sum(message.tokens for message in messages if message.role == "assistant"))


async def _few_messages(gateway: Gateway, key: str, parent: str) -> Messages:
    args = {"sessionKey": key, "limit": _FEW_MESSAGES, "includeTools": False}
    return messages_of(await gateway.invoke("sessions_history", args, parent=parent))


async def family_of(gateway: Gateway, row: Row) -> Family:
    """How it stands with all that a session has begun itself, and that these have."""
    all_ended, tokens, ended_at = True, 0, 0
    seen = {row.key}
    waiting = [(key, row.key) for key in row.children]
    while waiting and len(seen) <= _MOST_CHILDREN:
        key, parent = waiting.pop()
        if key in seen:
            continue
        seen.add(key)
        child = await row_of(gateway, key, parent)
        if child is None:  # its row is gone, and with it what is known of it
            continue
        waiting += [(grandchild, key) for grandchild in child.children]
        said = await transcript(gateway, key, parent)
        all_ended &= child.has_ended and not is_unfinished(child, said.messages)
        tokens += (child.tokens or 0) if said.tokens is None else said.tokens
        ended_at = max(ended_at, child.updated_at or 0)
    return Family(all_ended, tokens, ended_at or None)


class Meter:
    """Counts what the session of a key has used while it runs, and reads each of its messages once."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._newest = 0
        self._sum = 0

    async def read(self, gateway: Gateway) -> int | None:
        """The sum up to now; None where the gateway does not say."""
        fresh: list[Message] = []
        cursor: str | None = None
        try:
            for _ in range(_PAGES):
                page = await gateway.history(self._key, _MESSAGES, cursor)
                new = [each for each in page.messages if (each.number or 0) > self._newest]
                fresh += new
                cursor = page.cursor
                if cursor is None or len(new) < len(page.messages):
                    break
        except Refused as refusal:
            if refusal.status not in (403, 404):
                raise
            return None
        self._newest = max((each.number or 0 for each in fresh), default=self._newest)
        self._sum += sum(each.tokens for each in fresh if each.role == "assistant")
        return self._sum


async def evidence_of(gateway: Gateway, row: Row, parent: str) -> tuple[Evidence, Family] | None:
    """All there is to say of a session whose row says that it has ended, and of its children; None if it
    goes on all the same. Its text is left out until all of these have ended: it may be long, and more may
    come."""
    said = await transcript(gateway, row.key, parent)
    if is_unfinished(row, said.messages):
        return None
    family = await family_of(gateway, row)
    own = row.tokens if said.tokens is None else said.tokens
    tokens = family.tokens or None if own is None else own + family.tokens
    last = last_answer(said.messages) if family.all_ended else None
    text, is_cut = await _text_of(gateway, row.key, last)
    return Evidence(row, said.messages, tokens, text, is_cut, family.ended_at), family


async def _text_of(gateway: Gateway, key: str, last: Message | None) -> tuple[str, bool]:
    """What the model said last, and whether it is cut."""
    if last is None:
        return "", False
    if last.is_cut:
        whole = await whole_answer(gateway, key)
        if whole is not None and whole.role == "assistant" and not whole.is_cut:
            return whole.text, False
    return last.text, last.is_cut
