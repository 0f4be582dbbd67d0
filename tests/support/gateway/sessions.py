"""The sessions that the double knows, their rows, and the file that keeps them."""

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Message = dict[str, Any]

ENDED = frozenset({"done", "failed", "killed", "timeout"})
_TASK_STATUS = {"done": "completed", "failed": "failed", "killed": "cancelled", "timeout": "timed_out"}
_CONTEXT = (
    "[Subagent Context] You are running as a subagent (depth {depth}/5). "
    "Complete the current [Subagent Task]; inherited conversation is background context, not your assignment."
    "\n\n[Subagent Task]\n\n{task}\n\nBegin. Execute the assigned task to completion."
)


def now_ms() -> int:
    """Milliseconds since 1970, as the gateway tells every time."""
    return time.time_ns() // 1_000_000


@dataclass(kw_only=True)
class Session:
    """One session with its run, its task record and its messages."""

    key: str
    parent: str
    task: str
    label: str | None
    model: str
    agent: str
    depth: int
    timeout: float | None
    """``runTimeoutSeconds``; None for no limit."""
    deleted: bool = False
    """Whether nothing is kept of it once it has ended."""
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    task_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    accepted: int = field(default_factory=now_ms)
    started: int | None = None
    ended: int | None = None
    updated: int = field(default_factory=now_ms)
    version: int = 0
    """Which change of all was its last."""
    status: str | None = "queued"
    """The row's word; None where the row has none."""
    aborted: bool | None = None
    """The row's ``abortedLastRun``; None where the row has none."""
    husk: bool = False
    """Whether its caller hung up before it was accepted: it has a row, and nothing else."""
    waits: bool = False
    """Whether it waits for its children."""
    error: str | None = None
    tokens: int | None = None
    """The size of its last prompt."""
    messages: list[Message] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    """The keys of the sessions that it has spawned."""

    @property
    def over(self) -> bool:
        return self.status in ENDED or self.husk

    def say(self, role: str, content: Any, **more: Any) -> Message:
        """Add a message."""
        stamp = now_ms()
        seq = len(self.messages) + 1
        kept = {"runId": self.run_id, "id": str(uuid.uuid4()), "recordTimestampMs": stamp, "seq": seq}
        message = {"role": role, "content": content, **more, "timestamp": stamp, "__openclaw": kept}
        self.messages.append(message)
        return message

    def ask(self) -> None:
        """Add the task, as the model is given it."""
        self.say(
            "user", _CONTEXT.format(depth=self.depth, task=self.task), idempotencyKey=f"{self.run_id}:user"
        )

    def last_answer(self) -> Message | None:
        return next((each for each in reversed(self.messages) if each["role"] == "assistant"), None)

    def row(self) -> dict[str, Any]:
        """As ``sessions_list`` shows it."""
        actor = {"type": "agent", "id": self.agent, "identity": {"type": "agent", "id": self.agent}}
        row: dict[str, Any] = {
            "key": self.key,
            "sessionId": self.session_id,
            "agentId": self.agent,
            "kind": "other",
            "channel": "unknown",
            "archived": False,
            "pinned": False,
            "label": self.label,
            "createdActor": actor,
            "owner": {"actor": actor},
            "spawnedWorkspaceDir": "/home/gateway/work",
            "workspaceDir": "/home/gateway/work",
            "displayName": self.label,
            "parentSessionKey": self.parent,
            "childSessions": self.children or None,
            "updatedAt": self.updated,
            "stateVersion": self.version,
            "model": self.model.partition("/")[2],
            "contextTokens": 128000,
            "totalTokens": self.tokens,
            "status": self.status,
            "abortedLastRun": self.aborted,
        }
        return {name: value for name, value in row.items() if value is not None}

    def record(self) -> dict[str, Any]:
        """As ``subagents list`` shows its task."""
        state = "finished" if self.over else "waiting" if self.waits else "running"
        answer = self.last_answer()
        text = answer and next((part["text"] for part in answer["content"] if part["type"] == "text"), None)
        record: dict[str, Any] = {
            "taskId": self.task_id,
            "runtime": "subagent",
            "deliveryStatus": "not_applicable",
            "execution": {"state": state},
            "status": _TASK_STATUS.get(self.status or "", "running"),
            "label": self.label,
            "error": self.error,
            "progressSummary": text[:4095] if text and self.status == "done" else None,
        }
        return {name: value for name, value in record.items() if value is not None}

    def brief(self, index: int) -> dict[str, Any]:
        """As ``subagents list`` shows its run, under ``active`` or ``recent``."""
        brief: dict[str, Any] = {
            "index": index,
            "runId": self.run_id,
            "sessionKey": self.key,
            "label": self.label,
            "task": self.task[:80],
            "status": self.status if self.over else "running",
            "childSessions": self.children or None,
            "model": self.model,
            "totalTokens": self.tokens,
            "startedAt": self.started or self.accepted,
            "endedAt": self.ended,
        }
        return {name: value for name, value in brief.items() if value is not None}


class Sessions:
    """All sessions, in the order in which they came."""

    def __init__(self, file: Path | None) -> None:
        self._by_key: dict[str, Session] = {}
        self._by_task: dict[str, Session] = {}
        self._of_parent: defaultdict[str, list[Session]] = defaultdict(list)
        self._changes = 0
        self._file = file
        if file is not None and file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                self._keep(Session(**json.loads(line)))
                self._changes += 1

    def __iter__(self) -> Iterator[Session]:
        return iter(self._by_key.values())

    def get(self, key: str) -> Session | None:
        return self._by_key.get(key)

    def of_task(self, task_id: str) -> Session | None:
        return self._by_task.get(task_id)

    def of_parent(self, parent: str) -> list[Session]:
        return self._of_parent[parent]

    def tree_of(self, parent: str) -> list[Session]:
        """Those that ``parent`` has spawned, with all that these have spawned."""
        own = self._of_parent[parent]
        return [*own, *(each for child in own if child.children for each in self.tree_of(child.key))]

    def changed(self, session: Session, *, touched: bool = True) -> None:
        """Note that ``session`` is new or other than it was: from here on it outlives a kill.

        ``touched`` tells whether its row says so.
        """
        if touched:
            session.updated = now_ms()
        self._changes += 1
        session.version = self._changes
        self._keep(session)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(session)) + "\n")

    def forget(self, session: Session) -> None:
        """Keep nothing of it but its task."""
        del self._by_key[session.key]

    def _keep(self, session: Session) -> None:
        known = self._by_key.get(session.key)
        if known is not session:
            self._by_key[session.key] = self._by_task[session.task_id] = session
            siblings = self._of_parent[session.parent]
            if known is not None:
                siblings.remove(known)
            siblings.append(session)
