"""Slack: a message is posted, and looked for before it is posted again.

Each message carries its alert's id in its metadata. After a try that may or may not have arrived, the
channel's newest messages are read for that id. An app without the scope for it (``channels:history`` and its
kin) cannot look: then a message may arrive twice.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from jeeves_runner.clock import Clock
from jeeves_runner.core.alerts.in_part import instead_of
from jeeves_runner.core.alerts.message import Attachment, Message
from jeeves_runner.core.alerts.whole_text import of_text
from jeeves_runner.notify.contract import NotSent, Rejected, Sent
from jeeves_runner.notify.slack_blocks import Block, Rendered, render
from jeeves_runner.notify.slack_errors import FAULTS, NO_THREAD, TOO_MUCH, error_of, is_refused, judged
from jeeves_runner.notify.slack_files import refusal, upload
from jeeves_runner.notify.token import Token

EVENT: Final = "jeeves_runner_alert"
"""The type of the metadata."""

_CALL: Final = 15
"""Seconds that one call may take."""
_WHOLE: Final = 55.0
"""Seconds that all calls for one message may take."""
_PAGES: Final = 10
_PAGE: Final = 200
_SKEW: Final = timedelta(hours=1)
"""By how much this machine's clock may be ahead of Slack's without a message being overlooked."""

log = logging.getLogger(__name__)

# The library writes whole calls to its log at level DEBUG, and asks this level of the logger alone.
_library_log = logging.getLogger(f"{__name__}.library")
_library_log.setLevel(logging.WARNING)


class Slack:
    """A workspace: what its channels share. ``base_url`` ends with a slash."""

    def __init__(self, token: Token, clock: Clock, base_url: str) -> None:
        self.clock = clock
        self._token = token
        self._base_url = base_url

    async def client(self) -> AsyncWebClient:
        """For one message. Rejected if there is no token. Tries are repeated by the delivery, not within."""
        token = await self._token.read()
        return AsyncWebClient(
            token=token, base_url=self._base_url, timeout=_CALL, retry_handlers=[], logger=_library_log
        )

    def judged(self, fault: Exception) -> NotSent | Rejected:
        """What a call that failed is for the one who sends."""
        return judged(fault, self.clock.now(), self._token.where)


class SlackChannel:
    """One channel of a workspace, by its id."""

    def __init__(self, slack: Slack, channel: str) -> None:
        self._slack = slack
        self._channel = channel

    async def send(self, message: Message, *, thread: str | None, tried_at: datetime | None) -> Sent:
        """As ``contract.Channel.send``; ``thread`` and what is returned is Slack's ``ts``."""
        client = await self._slack.client()
        try:
            async with asyncio.timeout(_WHOLE):
                return await _Posting(self._slack, client, self._channel, message, thread).carry_out(tried_at)
        except TimeoutError as error:
            raise self._slack.judged(error) from None


class _Posting:
    """The calls for one message."""

    def __init__(
        self, slack: Slack, client: AsyncWebClient, channel: str, message: Message, thread: str | None
    ) -> None:
        self._slack = slack
        self._client = client
        self._channel = channel
        self._message = message
        self._thread = thread

    async def carry_out(self, tried_at: datetime | None) -> Sent:
        shown = render(self._message)
        ts = None if tried_at is None else await self._find(tried_at)
        if ts is None:
            ts = await self._post(shown)
        lacks = [
            await self._attach(attachment, self._thread or ts, looked_for_at=tried_at)
            for attachment in self._attachments(shown)
        ]
        return Sent(ts, "; ".join(filter(None, lacks)) or None)

    async def _post(self, shown: Rendered) -> str:
        """Post it, in a plainer form where Slack takes no other; its ``ts``."""
        blocks: list[Block] | None = shown.blocks
        while True:
            try:
                return await self._call_post(shown.text, blocks)
            except FAULTS as fault:
                word = error_of(fault)
                if word in NO_THREAD and self._thread is not None:
                    self._thread = None
                elif word in TOO_MUCH and blocks is not None:
                    blocks = None
                else:
                    raise self._slack.judged(fault) from None
            log.warning("Slack does not take the form of a message (%s); it is sent in a plainer one", word)

    async def _call_post(self, text: str, blocks: list[Block] | None) -> str:
        answer = await self._client.chat_postMessage(
            channel=self._channel,
            text=text,
            blocks=blocks,
            thread_ts=self._thread,
            metadata={"event_type": EVENT, "event_payload": {"alert_id": self._message.alert_id}},
            unfurl_links=False,
            unfurl_media=False,
        )
        ts = answer.get("ts")
        if not isinstance(ts, str):
            raise ValueError("an answer without the name of the message")
        if isinstance(posted := answer.get("message"), dict) and "thread_ts" not in posted:
            self._thread = None  # what it replied to has been deleted: Slack has posted it all the same
        return ts

    async def _find(self, tried_at: datetime) -> str | None:
        """The ``ts`` of this message, if it has arrived; None also where the app may not look.

        A reply may have become a message of the channel itself: what it replied to has been deleted.
        """
        oldest = f"{(tried_at - _SKEW).timestamp():.6f}"
        for thread in dict.fromkeys((self._thread, None)):
            async for found in self._recent(thread, oldest):
                metadata = found.get("metadata") or {}
                if metadata.get("event_payload", {}).get("alert_id") == self._message.alert_id:
                    self._thread = thread
                    return str(found.get("ts"))
        return None

    async def _recent(self, thread: str | None, oldest: str | None) -> AsyncIterator[dict[str, Any]]:
        """Messages of the channel, or the replies of a thread, as far as some pages reach; none where Slack
        does not show them."""
        cursor = None
        for _ in range(_PAGES):
            asked: dict[str, Any] = {
                "channel": self._channel,
                "include_all_metadata": True,
                "limit": _PAGE,
                "cursor": cursor,
                "oldest": oldest,
            }
            try:
                if thread is None:
                    answer = await self._client.conversations_history(**asked)
                else:
                    answer = await self._client.conversations_replies(ts=thread, **asked)
            except FAULTS as fault:
                if is_refused(fault):
                    return
                raise self._still_unknown(fault) from None
            for found in answer.get("messages") or ():
                yield found
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def _still_unknown(self, fault: Exception) -> NotSent:
        reason = self._slack.judged(fault)
        wait = reason.retry_after if isinstance(reason, NotSent) else None
        return NotSent(reason.message, retry_after=wait, may_have_arrived=True)

    def _attachments(self, shown: Rendered) -> list[Attachment]:
        found = [] if self._message.attachment is None else [self._message.attachment]
        if shown.rest:
            found.append(Attachment("more.txt", of_text("\n".join(shown.rest) + "\n")))
        return found

    async def _attach(
        self, attachment: Attachment, thread: str, *, looked_for_at: datetime | None
    ) -> str | None:
        """Upload a text as a reply to its message, which has arrived. Where Slack takes no file, its
        beginning and its end are a reply; then what is lacking, for people."""
        title = f"{attachment.name} ({self._message.alert_id})"
        try:
            if looked_for_at is None or not await self._is_attached(thread, title):
                await upload(self._client, attachment, title, self._channel, thread)
            return None
        except FAULTS as fault:
            refused = refusal(fault, self._slack.judged(fault))
            if refused is None:
                raise self._still_unknown(fault) from None
        why = f"{refused.message}; {refused.hint}"
        reply = instead_of(self._message, attachment, why)
        try:
            await _Posting(self._slack, self._client, self._channel, reply, thread).carry_out(looked_for_at)
        except NotSent as fault:
            raise NotSent(fault.message, retry_after=fault.retry_after, may_have_arrived=True) from None
        except Rejected as fault:
            why = f"{why}; {fault.message}"
        return f"{attachment.name} has arrived in part: {why}"

    async def _is_attached(self, thread: str, title: str) -> bool:
        async for found in self._recent(thread, None):
            if any(file.get("title") == title for file in found.get("files") or ()):
                return True
        return False
