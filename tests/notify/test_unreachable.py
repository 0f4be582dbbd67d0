"""What people are told of a service that cannot be reached: why, and not where."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
import trustme
from aiohttp import web

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.alerts.message import Message
from jeeves_runner.notify import heartbeat
from jeeves_runner.notify.contract import NotSent
from jeeves_runner.notify.slack import Slack, SlackChannel
from jeeves_runner.notify.token import Place, Token
from jeeves_runner.notify.webhook import Webhook

MESSAGE = Message("db/1", "bad", "backup failed")


def _token(text: str) -> Token:
    return Token(Place("setting", None, text=text), {})


async def _by_slack(url: str) -> None:
    slack = Slack(_token("xoxb-1"), SystemClock(), f"{url}/")
    await SlackChannel(slack, "C0000001").send(MESSAGE, thread=None, tried_at=None)


async def _by_webhook(url: str) -> None:
    hook = Webhook("ops", _token(url), None, None, SystemClock())
    await hook.send(MESSAGE, thread=None, tried_at=None)


WAYS = [_by_slack, _by_webhook, heartbeat.call]


@asynccontextmanager
async def _server(context: SSLContext | None) -> AsyncIterator[str]:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/secret"
    finally:
        await runner.cleanup()


def _of_nobody() -> SSLContext:
    """A certificate by an authority that is not trusted."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("context", "reason"),
    [(_of_nobody, "its certificate is not trusted"), (lambda: None, "no TLS connection can be made")],
)
def test_a_server_without_good_tls_is_told_apart(
    way: Callable[[str], Awaitable[None]], context: Callable[[], SSLContext | None], reason: str
) -> None:
    async def call() -> None:
        async with _server(context()) as url:
            await way(url)

    with pytest.raises(NotSent, match=f"cannot be reached: {reason}$"):
        asyncio.run(call())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://no-such-host.invalid/secret", "its host is not known"),
        ("http://127.0.0.1:1/secret", "Connection refused"),
    ],
)
def test_one_that_is_not_there_is_told_by_the_reason(
    way: Callable[[str], Awaitable[None]], url: str, reason: str
) -> None:
    async def call() -> None:
        await way(url)

    with pytest.raises(NotSent, match=f"cannot be reached: {reason}$"):
        asyncio.run(call())
