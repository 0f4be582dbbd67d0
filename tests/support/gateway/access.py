"""Who may ask: the token, and the lockout of addresses that came with wrong ones."""

import asyncio
import math
import time

from aiohttp import web
from support.gateway.settings import Settings

_SLOW_REFUSAL = 0.25
"""How long a 401 takes where nothing is ever locked out."""


class Access:
    """Judges requests by their bearer token."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failures: dict[str, int] = {}
        self._locked_until: dict[str, float] = {}

    async def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to one that may not ask; None where it may."""
        address = request.remote or ""
        if (left := self._locked_until.get(address, 0.0) - time.monotonic()) > 0:
            return _too_many(left)
        if request.headers.get("Authorization") == f"Bearer {self._settings.token}":
            self._failures.pop(address, None)
            return None
        failures = self._failures[address] = self._failures.get(address, 0) + 1
        if failures == self._settings.lockout_attempts:
            self._locked_until[address] = time.monotonic() + self._settings.lockout / self._settings.speed
            self._failures.pop(address)
        if not self._settings.lockout_attempts:
            await asyncio.sleep(_SLOW_REFUSAL / self._settings.speed)
        return web.json_response({"error": {"message": "Unauthorized", "type": "unauthorized"}}, status=401)


def _too_many(left: float) -> web.Response:
    message = "Too many failed authentication attempts. Please try again later."
    body = {"error": {"message": message, "type": "rate_limited"}}
    return web.json_response(body, status=429, headers={"Retry-After": str(math.ceil(left))})
