"""The double: what was posted, who may do what, and what goes wrong.

It answers as Slack does: 200 with ``ok: false`` for a refusal, 429 with Retry-After, metadata only for those
who ask for it, files in three steps. It lives in a thread of the test, whatever process calls it.
"""

import asyncio
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import web
from support.slack.faults import Fault
from support.slack.limits import fault_in, texts_of

TOKEN = "xoxb-0-token-of-the-double"
PAGE = 15
"""Messages of one page of the history, so that there are several."""

Message = dict[str, Any]
Refusal = str


class Slack:
    """A workspace. Its lists may be read from any thread."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        """All that was posted, in its order, with ``channel, ts, thread_ts, text, blocks``."""
        self.files: list[dict[str, Any]] = []
        """All files that were completed: ``channel, thread_ts, title, name, content``."""
        self.calls: Counter[str] = Counter()
        """How often each method was called."""
        self.channels = {"C0000001": True, "C0000002": True, "C0000003": False}
        """Those there are, and whether the app is in them."""
        self.scopes = {"chat:write", "files:write", "channels:history"}
        self.token = TOKEN
        self._faults: list[Fault] = []
        self._uploads: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._life = _Life(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._life.port}/api/"

    def switch_on(self, *faults: Fault) -> None:
        self._faults += faults

    def delete(self, ts: str) -> None:
        """As a person does."""
        self.messages = [each for each in self.messages if each["ts"] != ts]

    def switch_off(self) -> None:
        """Take all faults away."""
        self._faults.clear()

    def down(self) -> None:
        """Refuse all connections until ``up``."""
        self._life.close()

    def up(self) -> None:
        """Answer again, at the same port."""
        self._life.open()

    def texts(self, channel: str | None = None) -> list[str]:
        """The plain texts that were posted, in their order."""
        return [each["text"] for each in self.messages if channel in (None, each["channel"])]

    def shown(self, message: Message) -> str:
        """All that the blocks of a message show."""
        return "\n".join(texts_of(message["blocks"]))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Any call."""
        method = request.match_info["method"]
        self.calls[method] += 1
        fault = self._fault(method, await _arguments(request))
        if fault is not None:
            await asyncio.sleep(fault.delay)
        if fault is None or fault.kind == "slow":
            return await self._act(method, request)
        if fault.acted:
            await self._act(method, request)
        match fault.kind:
            case "hang":
                await asyncio.Event().wait()
            case "drop":
                assert request.transport is not None
                request.transport.abort()
        body = fault.body or json.dumps({"ok": False, "error": fault.word})
        return web.Response(
            status=fault.status, text=body, headers=fault.headers, content_type=fault.content_type
        )

    async def upload(self, request: web.Request) -> web.Response:
        """The second step of a file."""
        self.calls["upload"] += 1
        if (fault := self._fault("upload", {})) is not None and not fault.acted:
            return web.Response(status=fault.status if fault.status != 200 else 500)
        upload = self._uploads[request.match_info["file"]]
        if request.content_length != upload["length"]:  # chunks too
            return web.Response(status=400)
        upload["content"] = await request.read()
        return web.Response(text="OK", content_type="text/plain")

    def _fault(self, method: str, given: Message) -> Fault | None:
        for fault in list(self._faults):
            if fault.on in (method, "*") and fault.channel in ("", given.get("channel")):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
        return None

    async def _act(self, method: str, request: web.Request) -> web.Response:
        arguments = await _arguments(request)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _refuse("invalid_auth")
        acts = {
            "auth.test": lambda _: {"team": "double", "user": "jeeves"},
            "chat.postMessage": self._post,
            "conversations.history": self._history,
            "conversations.replies": self._history,
            "files.getUploadURLExternal": self._upload_url,
            "files.completeUploadExternal": self._complete,
        }
        if method not in acts:
            return _refuse("unknown_method")
        answer = acts[method](arguments)
        if isinstance(answer, Refusal):
            return _refuse(answer)
        scopes = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        return web.json_response({"ok": True, **answer}, headers=scopes)

    def _place(self, channel: str, scope: str) -> Refusal | None:
        if scope not in self.scopes:
            return "missing_scope"
        if channel not in self.channels:
            return "channel_not_found"
        return None if self.channels[channel] else "not_in_channel"

    def _post(self, given: Message) -> Message | Refusal:
        if (refusal := self._place(given["channel"], "chat:write")) is not None:
            return refusal
        blocks = given.get("blocks") or []
        if (wrong := fault_in(blocks)) is not None:
            return wrong
        if not given.get("text") or len(given["text"]) > 40_000:
            return "no_text" if not given.get("text") else "msg_too_long"
        thread = given.get("thread_ts")
        if not self._is_there(thread):
            thread = None  # Slack says nothing of it
        added = self._add(given["channel"], thread, given)
        return {**added, "message": {"ts": added["ts"], **({} if thread is None else {"thread_ts": thread})}}

    def _is_there(self, ts: str | None) -> bool:
        return any(each["ts"] == ts for each in self.messages)

    def _add(self, channel: str, thread: str | None, rest: Message) -> Message:
        ts = f"{1_900_000_000 + next(self._numbers)}.000100"
        self.messages.append({"blocks": [], **rest, "channel": channel, "thread_ts": thread, "ts": ts})
        return {"channel": channel, "ts": ts}

    def _history(self, given: Message) -> Message | Refusal:
        """Of a thread where ``ts`` is given: its first message and the replies. Else the channel's own."""
        if (refusal := self._place(given["channel"], "channels:history")) is not None:
            return refusal
        thread = given.get("ts")
        if thread is not None and not self._is_there(thread):
            return "thread_not_found"
        found = [
            each
            for each in self.messages
            if each["channel"] == given["channel"]
            and (each["thread_ts"] is None if thread is None else thread in (each["ts"], each["thread_ts"]))
        ]
        if thread is None:
            found.reverse()
        first = int(given.get("cursor") or 0)
        page = found[first : first + PAGE]
        if str(given.get("include_all_metadata")) not in ("1", "true", "True"):
            page = [{key: value for key, value in each.items() if key != "metadata"} for each in page]
        more = str(first + PAGE) if len(found) > first + PAGE else ""
        return {"messages": page, "response_metadata": {"next_cursor": more}}

    def _upload_url(self, given: Message) -> Message | Refusal:
        if "files:write" not in self.scopes:
            return "missing_scope"
        file = f"F{next(self._numbers):07}"
        self._uploads[file] = {"name": given["filename"], "length": int(given["length"])}
        return {"file_id": file, "upload_url": f"http://127.0.0.1:{self._life.port}/upload/{file}"}

    def _complete(self, given: Message) -> Message | Refusal:
        if (refusal := self._place(given["channel_id"], "files:write")) is not None:
            return refusal
        files = json.loads(given["files"]) if isinstance(given["files"], str) else given["files"]
        for file in files:
            upload = self._uploads.pop(file["id"])
            assert len(upload["content"]) == upload["length"]
            shown = {"title": file["title"], "name": upload["name"], "content": upload["content"].decode()}
            self.files.append({**shown, "channel": given["channel_id"], "thread_ts": given.get("thread_ts")})
            self._add(
                given["channel_id"], given.get("thread_ts"), {"text": "", "files": [{"title": file["title"]}]}
            )
        return {"files": files}


async def _arguments(request: web.Request) -> Message:
    """As the library sends them: JSON, a form, or the query."""
    if request.content_type == "application/json":
        found: Message = json.loads(await request.text() or "{}")
        return found
    return {**request.query, **(await request.post())}


def _refuse(word: str) -> web.Response:
    return web.json_response({"ok": False, "error": word})


class _Life:
    """A server in a thread of its own, which can be closed and opened at its port."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slack", daemon=True)
        self._thread.start()
        self._runner: web.AppRunner | None = None
        self.open()

    def open(self) -> None:
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(30)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)

    def end(self) -> None:
        with suppress(RuntimeError):
            self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _open(self) -> None:
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_route("*", "/api/{method}", self._slack.answer)
        app.router.add_post("/upload/{file}", self._slack.upload)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


@contextmanager
def slack_double() -> Iterator[Slack]:
    """A workspace that is there for the time of a test."""
    slack = Slack()
    try:
        yield slack
    finally:
        slack._life.end()
