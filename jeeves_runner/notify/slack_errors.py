"""What Slack's answers mean: whether a message may have arrived, or will never be taken.

The words are those of the reference of ``chat.postMessage`` and of the methods for files.
"""

from datetime import datetime
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from jeeves_runner.core.retry_after import retry_after
from jeeves_runner.core.wording import brief
from jeeves_runner.notify.contract import NotSent, Rejected
from jeeves_runner.unreachable import reason_of

_TOKEN: Final = "put the bot token of an app that is installed (it begins with xoxb-) into {token}"
_CHANNEL: Final = "look the id up in the channel's details, at the bottom, and correct the manifest or config"

FINAL: Final[dict[str, str]] = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "account_inactive": _TOKEN,
    "token_revoked": _TOKEN,
    "token_expired": _TOKEN,
    "not_allowed_token_type": _TOKEN,
    "org_login_required": "ask an administrator of the workspace",
    "access_denied": "ask an administrator of the workspace",
    "no_permission": "ask an administrator of the workspace",
    "ekm_access_denied": "ask an administrator of the workspace",
    "team_access_not_granted": "ask an administrator of the workspace",
    "restricted_action": "let the app post there: the channel's settings, Posting Permissions",
    "restricted_action_read_only_channel": "let the app post there: the channel's settings",
    "restricted_action_thread_only_channel": "name a channel that takes more than replies",
    "accesslimited": "ask an administrator of the workspace",
    "enterprise_is_restricted": "ask an administrator of the workspace",
    "two_factor_setup_required": "ask an administrator of the workspace",
    "missing_scope": "give the app the scope chat:write (files:write for files), and install it again",
    "channel_not_found": f"{_CHANNEL}; a private channel is found once the app is invited: /invite",
    "not_in_channel": "invite the app there: /invite @ITS-NAME, or give it the scope chat:write.public",
    "is_archived": "unarchive the channel, or name another one",
    "channel_type_not_supported": _CHANNEL,
    "messages_tab_disabled": "let the app have its messages tab, or name a channel",
    "team_not_found": _TOKEN,
}
"""Errors that no other try changes, with what to do. ``{token}`` stands for where the token is."""

TOO_MUCH: Final = frozenset(
    "invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long metadata_too_large".split()  # noqa: SIM905
)
"""Slack does not take the form of the message; a plainer one may do."""

NO_THREAD: Final = frozenset(
    (
        "thread_not_found",
        "invalid_thread_ts",
        "cannot_reply_to_message",
        "thread_locked",
        "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel",
    )
)
"""No reply is possible there: the message has been deleted, or the channel has no threads."""

FAULTS: Final = (SlackClientError, aiohttp.ClientError, OSError, ValueError, AttributeError, TypeError)
"""What a call of the library can raise; the last three where an answer is JSON, but none of Slack's."""

_NOT_DONE: Final = frozenset(
    "ratelimited rate_limited message_limit_exceeded team_added_to_org service_unavailable".split()  # noqa: SIM905
)
"""Errors after which nothing has been posted. Of the others Slack says that some of it may have been done."""

_FAILED: Final = frozenset("internal_error fatal_error request_timeout".split())  # noqa: SIM905
"""Errors of Slack's own, or of the way to it."""


def error_of(fault: Exception) -> str:
    """Slack's word for what is wrong; empty where the answer is none of Slack's."""
    response: Any = getattr(fault, "response", None)
    data = getattr(response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    return word if isinstance(word, str) else ""


def is_refused(fault: Exception) -> bool:
    """Whether Slack knows what it was asked for, and does not do it: another try is answered alike."""
    return error_of(fault) not in ("", *_NOT_DONE, *_FAILED)


def judged(fault: Exception, now: datetime, token: str) -> NotSent | Rejected:
    """What a call that failed is for the one who sends; ``token`` says where the token stands."""
    if isinstance(fault, SlackApiError):
        return _refused(fault, now, token)
    if isinstance(fault, aiohttp.ClientConnectorError):
        return NotSent(f"Slack cannot be reached: {reason_of(fault)}")
    if isinstance(fault, TimeoutError):
        return NotSent("Slack has not answered in time", may_have_arrived=True)
    words = f"the call of Slack broke off: {brief(str(fault) or type(fault).__name__)}"
    return NotSent(words, may_have_arrived=True)


def _refused(fault: SlackApiError, now: datetime, token: str) -> NotSent | Rejected:
    word, status, headers = error_of(fault), _status(fault), _headers(fault)
    if word in FINAL:
        return Rejected(f"Slack answers {word}", hint=FINAL[word].format(token=token))
    wait = retry_after(headers.get("Retry-After"), now)
    if status == 429 or word in _NOT_DONE:
        return NotSent(f"Slack answers {word or status}", retry_after=wait)
    words = f"Slack answers {brief(word)}"
    if not word:
        doubt = "" if status >= 500 else "; is `notifications.slack.base_url` right?"
        words = f"Slack answers with status {status} and no word of its own{doubt}"
    return NotSent(words, retry_after=wait, may_have_arrived=True)


def _status(fault: SlackApiError) -> int:
    """Where the library could not read an answer, it gives that of aiohttp."""
    response: Any = fault.response
    for name in ("status_code", "status"):
        found = getattr(response, name, None)
        if isinstance(found, int):
            return found
    return 0


def _headers(fault: SlackApiError) -> dict[str, str]:
    found = getattr(fault.response, "headers", None) or {}
    return {str(name).title(): str(value) for name, value in found.items()}
