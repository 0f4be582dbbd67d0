"""Carries the faults out: stands between the requests and what answers them."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from support.gateway.faults import Fault

_OF_ITS_ANSWER = ("half", "torn", "big")
"""Kinds that need the answer, so it has always acted."""

Handler = Callable[[], Awaitable[web.Response]]


class Mischief:
    """Holds the faults that are switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def switch_on(self, fault: Fault) -> None:
        self._faults.append(fault)

    def switch_off(self) -> None:
        self._faults.clear()

    def take(self, name: str) -> Fault | None:
        """The first fault that meets a request of this name; its times go down by one."""
        for place, fault in enumerate(self._faults):
            if fault.on in ("*", name, name.partition(".")[0]):
                if fault.times is not None:
                    left = Fault(**{**fault.to_json(), "times": fault.times - 1})
                    self._faults[place : place + 1] = [left] if left.times else []
                return fault
        return None


async def carry_out(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer ``request`` as the fault has it."""
    response = await handler() if fault.acted or fault.kind in _OF_ITS_ANSWER else None
    match fault.kind:
        case "late":
            await asyncio.sleep(fault.seconds)
            return response or await handler()
        case "hang":
            await asyncio.get_running_loop().create_future()
        case "drop" | "husk":
            return _dropped(request)
        case "answer":
            kind = "application/json"
            return web.Response(
                status=fault.status, text=fault.body, headers=fault.headers, content_type=kind
            )
    assert response is not None
    body = _bytes(response)
    match fault.kind:
        case "half":
            response.body = body[: len(body) // 2]
        case "big":
            response.body = body.rstrip()[:-1] + b',"padding":"' + b"x" * fault.size + b'"}'
        case "torn":
            return await _torn(request, body)
    return response


def _bytes(response: web.Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def _dropped(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _torn(request: web.Request, body: bytes) -> web.StreamResponse:
    torn = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await torn.prepare(request)
    await torn.write(body[: len(body) // 2])
    assert request.transport is not None
    request.transport.close()
    return torn
