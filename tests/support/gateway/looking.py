"""``sessions_list`` and ``sessions_history``: what is seen of sessions."""

import json
from collections.abc import Sequence

from support.gateway.answers import Args, BadArgument, Details
from support.gateway.sessions import Message, Session, Sessions
from support.gateway.settings import Settings

PAGE_BYTES = 64 * 1024
"""How long a page of ``sessions_list`` may be."""
TOOL_TEXT = 4_000
"""After how many characters ``sessions_history`` cuts a text."""


_OUT_OF_SIGHT = (
    "Session history visibility is restricted to the current session tree (tools.sessions.visibility=tree)."
)


class Looking:
    """Shows sessions."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._sizes: dict[str, tuple[int, int]] = {}
        self.no_status = False
        """Whether the rows of the next list lack their status."""

    def list(self, args: Args, parent: str) -> Details:
        limit, offset = args.get("limit", 100), args.get("offset", 0)
        if not isinstance(limit, int) or limit < 1:
            raise BadArgument("limit must be a positive integer")
        limit = min(limit, 200)
        does = self._settings.does
        found = sorted(self._sessions, key=lambda each: each.version, reverse=True)
        if does.searches:
            search, label = str(args.get("search") or "").lower(), args.get("label")
            found = [
                each
                for each in found
                if (label is None or each.label == label) and search in f"{each.key} {each.label}".lower()
            ]
        if not does.pages:
            # Its limit counts what the caller does not see, too.
            rows = [self._row(each) for each in found[:limit] if each.parent == parent]
            said = {"visibility": {"mode": "tree", "restricted": True}} if does.searches else {}
            return {"count": len(rows), "sessions": rows, **said}
        return self._page(found, limit, offset)

    def _row(self, session: Session) -> Details:
        row = session.row()
        if self.no_status:
            row.pop("status", None)
        return row

    def _page(self, found: Sequence[Session], limit: int, offset: int) -> Details:
        rows: list[Details] = []
        # The text counts, which is indented; around the rows it has some 150 bytes.
        size = 150
        for each in found[offset : offset + limit]:
            row = self._row(each)
            size += self._size(each, row)
            if size > PAGE_BYTES:
                break
            rows.append(row)
        after = offset + len(rows)
        details: Details = {"count": len(rows), "sessions": rows, "hasMore": after < len(found)}
        if after < len(found):
            details["nextOffset"] = after
        details["limitApplied"] = limit
        if len(rows) < limit and after < len(found):
            details["truncationReason"] = "byte-limit"
        return details

    def _size(self, session: Session, row: Details) -> int:
        """The bytes of its row; found once for each change, because a poll of many costs most here."""
        version, size = self._sizes.get(session.key, (0, 0))
        if version != session.version:
            size = _text_size(row)
            self._sizes[session.key] = (session.version, size)
        return size

    def history(self, args: Args, parent: str) -> Details:
        key = args.get("sessionKey")
        if not key:
            raise BadArgument("sessionKey required")
        session = self._sessions.get(key)
        if not self._settings.does.sees_all and (session is None or session.parent != parent):
            return {"status": "forbidden", "error": _OUT_OF_SIGHT}
        if session is None:
            return {"status": "error", "error": f"No session found: {key}"}
        shown = [
            each
            for each in session.messages
            if args.get("includeTools", False) or each["role"] not in ("tool", "toolResult")
        ]
        messages = [
            _without_usage(cut(each, TOOL_TEXT, "\n…(truncated)…"))
            for each in shown[-args.get("limit", 200) :]
        ]
        # Whatever was left out counts as cut, the usage too: so it is said of all that has an answer.
        trimmed = any("usage" in each for each in shown)
        return {
            "sessionKey": key,
            "messages": messages,
            "truncated": trimmed,
            "droppedMessages": False,
            "contentTruncated": trimmed,
            "contentRedacted": False,
            "bytes": len(json.dumps(messages)),
            "pendingInputs": {"items": [], "total": 0},
        }


def _text_size(row: Details) -> int:
    """The bytes of a row in the text of a page, where each of its lines is indented by four more."""
    text = json.dumps(row, indent=2)
    return len(text.encode()) + 4 * (text.count("\n") + 1) + 2


def cut(message: Message, size: int, mark: str) -> Message:
    """The message with its texts of more than ``size`` characters cut, and ``mark`` at their ends."""
    content = message["content"]
    if isinstance(content, str):
        return {**message, "content": content[:size] + mark} if len(content) > size else message
    if all(len(part.get("text", "")) <= size for part in content):
        return message
    parts = [
        {**part, "text": part["text"][:size] + mark} if len(part.get("text", "")) > size else part
        for part in content
    ]
    return {**message, "content": parts}


def _without_usage(message: Message) -> Message:
    return {name: value for name, value in message.items() if name != "usage"}
