"""What is gathered of a session, and what is not asked for before it is needed."""

import asyncio
import threading
from typing import NoReturn

import pytest
from support.gateway import Settings, double
from support.session_runs import end_of, order

from jeeves_runner.core.expressions import search
from jeeves_runner.execute.session.answers import Details, Messages, Row, messages_of, page_of
from jeeves_runner.execute.session.gateway import Gateway, Unreachable
from jeeves_runner.execute.session.reading import evidence_of

PARENT, CHILD = "agent:main:subagent:parent", "agent:main:subagent:child"


class Far(Gateway):
    """A gateway with a session that has ended with a long text, and with its child."""

    def __init__(self, child: str) -> None:
        super().__init__("http://127.0.0.1:1", lambda: "token", timeout=1)
        self.rows = [
            {"key": PARENT, "status": "done", "childSessions": [CHILD]},
            {"key": CHILD, "status": child},
        ]
        self.whole_texts = 0

    def row(self) -> Row:
        return page_of({"sessions": self.rows}).rows[0]

    async def invoke(self, tool: str, args: Details, *, parent: str | None = None) -> Details:
        assert tool == "sessions_list"
        return {"sessions": self.rows, "hasMore": False}

    async def history(self, key: str, limit: int, cursor: str | None = None) -> Messages:
        said = {"role": "assistant", "stopReason": "stop", "content": "much\n...(truncated)..."}
        return messages_of({"messages": [said]})

    def socket(self, limit: int) -> NoReturn:
        self.whole_texts += 1
        raise Unreachable("it has none")


def test_what_is_expected_of_a_text_is_looked_for_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """One expression may take seconds."""
    threads: list[threading.Thread] = []

    def watched(pattern: str, text: str) -> bool:
        threads.append(threading.current_thread())
        return search(pattern, text)

    monkeypatch.setattr("jeeves_runner.execute.session.expected.search", watched)
    with double(Settings(speed=20)) as far:
        assert end_of(far, order("MODE:echo=done", expect_result="d.ne"))[0].status == "ok"
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_the_whole_text_is_fetched_once_all_children_have_ended() -> None:
    """It may have megabytes, and a session that waits for its children is looked at again and again."""

    async def scenario(child: str) -> tuple[bool, int]:
        far = Far(child)
        found = await evidence_of(far, far.row(), "agent:main:runner-job")
        assert found is not None
        return found[1].all_ended, far.whole_texts

    assert asyncio.run(scenario("running")) == (False, 0)
    assert asyncio.run(scenario("done")) == (True, 1)
