"""A file on its way to Slack, in its three steps: a place for it, its bytes, and where it goes.

The library would hold all of it in memory, twice; here it is read as it is sent.
"""

from typing import Final

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from jeeves_runner.core.alerts.message import Attachment
from jeeves_runner.core.wording import brief
from jeeves_runner.notify.contract import NotSent, Rejected
from jeeves_runner.notify.portions import portions
from jeeves_runner.notify.slack_errors import error_of, is_refused

_HINTS: Final[dict[str, str]] = {
    "missing_scope": "give the app the scope files:write, and install it again",
    "not_in_channel": "invite the app there: /invite @ITS-NAME; a public channel takes no files of others",
}
_SEE: Final = (
    "see what Slack says of it: https://docs.slack.dev/reference/methods/files.completeUploadExternal"
)


async def upload(client: AsyncWebClient, attachment: Attachment, title: str, channel: str, ts: str) -> None:
    """Put it into the thread of a message. Raises one of ``slack_errors.FAULTS``, also where it cannot be
    read."""
    place = await client.files_getUploadURLExternal(filename=attachment.name, length=attachment.text.size)
    await _send(client, str(place.get("upload_url")), attachment)
    await client.files_completeUploadExternal(
        files=[{"id": str(place.get("file_id")), "title": title}], channel_id=channel, thread_ts=ts
    )


def refusal(fault: Exception, judged: NotSent | Rejected) -> Rejected | None:
    """Why Slack takes no file there, if that is what a fault says; None: another try may do. ``judged``: what
    it would mean for a message."""
    if not is_refused(fault):
        return None
    word = error_of(fault)
    hint = judged.hint if isinstance(judged, Rejected) else _SEE
    return Rejected(f"Slack answers {brief(word)}", hint=_HINTS.get(word, hint))


async def _send(client: AsyncWebClient, url: str, attachment: Attachment) -> None:
    # Its length is said before: Slack takes no body in chunks. How long it may take is the caller's to say.
    headers = {"Content-Length": str(attachment.text.size), "Content-Type": "application/octet-stream"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http,
        http.post(
            url, data=portions(attachment.text), headers=headers, proxy=client.proxy, allow_redirects=False
        ) as answer,
    ):
        if answer.status != 200:
            raise SlackClientError(f"Slack answers {answer.status} to the bytes of a file")
