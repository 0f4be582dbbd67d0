"""Heartbeats: a URL that is called when all is well, for those who notice when it is not called any more.

The form is that of Healthchecks and its kin: ``URL`` is success, ``URL/fail`` failure.
"""

import asyncio
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from jeeves_runner.notify.contract import NotSent, Rejected
from jeeves_runner.unreachable import reason_of

_WHOLE: Final = 10.0
"""Seconds that one call may take."""
_LATER: Final = frozenset({408, 425, 429})


async def call(url: str) -> None:
    """Call it. Raises NotSent and Rejected, which do not name the address: it is often a secret."""
    try:
        async with (
            asyncio.timeout(_WHOLE),
            aiohttp.ClientSession(trust_env=True) as http,
            http.get(url, headers={"User-Agent": "jeeves-runner"}) as answer,
        ):
            if 200 <= answer.status < 300:
                return
            if answer.status in _LATER or answer.status >= 500:
                raise NotSent(f"it answers {answer.status}")
            raise Rejected(f"it answers {answer.status}", hint="correct the URL")
    except aiohttp.ClientConnectorError as error:
        raise NotSent(f"it cannot be reached: {reason_of(error)}") from None
    except TimeoutError:
        raise NotSent("it has not answered in time") from None
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError):
        raise _no_url() from None
    except (aiohttp.ClientError, OSError) as error:
        raise NotSent(f"the call broke off: {type(error).__name__}") from None


def failure_of(url: str) -> str:
    """The address that is told of a failure. Rejected where it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _no_url() from None
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))


def _no_url() -> Rejected:
    return Rejected("it is no URL that can be called", hint="correct it")
