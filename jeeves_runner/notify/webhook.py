"""Webhooks: a message as JSON, POSTed, and signed so that its receiver knows who sent it, and when.

Its id is that of the alert, so a receiver that has seen it need not act again.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import aiohttp

from jeeves_runner.clock import Clock
from jeeves_runner.core.alerts.body import body_of, whole_body
from jeeves_runner.core.alerts.message import Message
from jeeves_runner.core.alerts.signing import key_fault, signature
from jeeves_runner.core.retry_after import retry_after
from jeeves_runner.core.wording import brief
from jeeves_runner.notify.contract import NotSent, Rejected, Sent
from jeeves_runner.notify.hiding import of_url, texts_of, without
from jeeves_runner.notify.token import Token
from jeeves_runner.unreachable import reason_of

_WHOLE: Final = 30.0
"""Seconds that one call may take."""
_ANSWER: Final = 4096
"""Bytes of an answer that are read, for its words."""
_WORDS: Final = 5.0
"""Seconds for them: what it answers is known without."""
_LATER: Final = frozenset({408, 425, 429, 503})
"""Statuses after which nothing was done: another try may do."""


class Webhook:
    """One address. ``url`` is read as a secret: all who know it can often post there."""

    def __init__(
        self,
        name: str,
        url: Token,
        secret: Token | None,
        template: Any,
        clock: Clock,
        *,
        named: Mapping[str, Token] | None = None,
    ) -> None:
        """``template`` is a JSON value, or None for the whole message; ``secret`` None: unsigned; ``named``
        are the secrets that the template can name."""
        self._name = name
        self._url = url
        self._secret = secret
        self._template = template
        self._clock = clock
        self._named = named or {}

    async def check(self) -> bool:
        """Whether what it sends is signed; it is not called. Rejected and NotSent where something that it
        needs is not there."""
        await self._url.read()
        await self._read_named()
        if self._secret is not None:
            await self._key(self._secret)
        return self._secret is not None

    async def send(self, message: Message, *, thread: str | None, tried_at: datetime | None) -> Sent:
        """As ``contract.Channel.send``. There is no way to look whether an earlier try has arrived; its id
        is the same."""
        url = await self._url.read()
        named = await self._read_named()
        body = whole_body(message) if self._template is None else body_of(self._template, message, named)
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = await self._headers(message.alert_id, data)
        try:
            async with (
                asyncio.timeout(_WHOLE),
                aiohttp.ClientSession(trust_env=True) as http,
                http.post(url, data=data, headers=headers, allow_redirects=False) as answer,
            ):
                if not 200 <= answer.status < 300:
                    raise self._refused(answer, await self._words(answer, [*of_url(url), *named.values()]))
        except aiohttp.ClientConnectorError as error:
            raise NotSent(f"webhook {self._name} cannot be reached: {reason_of(error)}") from None
        except TimeoutError:
            raise NotSent(f"webhook {self._name} has not answered in time", may_have_arrived=True) from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise Rejected(
                f"the URL of webhook {self._name} cannot be called",
                hint=f"correct `notifications.webhooks.{self._name}`",
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            words_of = brief(type(error).__name__)
            raise NotSent(f"webhook {self._name} broke off: {words_of}", may_have_arrived=True) from None
        return Sent()

    async def _headers(self, alert_id: str, data: bytes) -> dict[str, str]:
        at = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "jeeves-runner",
            "webhook-id": alert_id,
            "webhook-timestamp": at,
        }
        if self._secret is not None:
            headers["webhook-signature"] = signature(await self._key(self._secret), alert_id, at, data)
        return headers

    async def _key(self, secret: Token) -> str:
        """With which it is signed: Rejected where that is none, or its receiver would refuse each message."""
        key = await secret.read()
        if (fault := key_fault(key)) is not None:
            setting = f"notifications.webhooks.{self._name}.secret_path"
            message = f"webhook {self._name}: what is in {secret.where} is no key: {fault}"
            raise Rejected(message, hint=f"put the key that its receiver has into the file of `{setting}`")
        return key

    async def _read_named(self) -> dict[str, str]:
        return {name: await token.read() for name, token in self._named.items()}

    async def _words(self, answer: aiohttp.ClientResponse, told: Sequence[str]) -> str:
        """What it says, without the secrets that it was told: some answer with all that they got."""
        words = bytearray()
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(_WORDS):
                while len(words) < _ANSWER and (part := await answer.content.read(_ANSWER - len(words))):
                    words += part
        secrets = [*told, *texts_of(self._template)]
        if self._secret is not None:
            secrets.append(await self._secret.read())
        return without(words.decode("utf-8", "replace"), secrets, is_cut=len(words) >= _ANSWER)

    def _refused(self, answer: aiohttp.ClientResponse, words: str) -> NotSent | Rejected:
        said = f"webhook {self._name} answers {answer.status}"
        if words.strip():
            said += f": {brief(' '.join(words.split()))}"
        if answer.status in _LATER or answer.status >= 500:
            return NotSent(
                said,
                retry_after=retry_after(answer.headers.get("Retry-After"), self._clock.now()),
                may_have_arrived=answer.status not in _LATER,
            )
        where = f"`notifications.webhooks.{self._name}`"
        hints = {
            400: f"it does not take this body: see the template of {where}",
            401: f"correct the URL or secret of {where}",
            403: f"correct the URL or secret of {where}",
            404: f"the address is gone: make a new one, and correct the URL of {where}",
            410: f"the address is gone: make a new one, and correct the URL of {where}",
            413: f"it does not take bodies of this size: give {where} a shorter template",
            422: f"it does not take this body: see the template of {where}",
        }
        is_elsewhere = 300 <= answer.status < 400
        hint = f"redirects are not followed: correct the URL of {where}" if is_elsewhere else None
        return Rejected(said, hint=hint or hints.get(answer.status, f"see {where}"))
