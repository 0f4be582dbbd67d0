"""Every answer tells browsers and caches what to make of it.

The client of the other tests looks at each answer that it gets.
"""

import asyncio
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from support.api import Api, check_headers, with_api
from support.ledger import Ledger

from jeeves_runner.api import connection
from jeeves_runner.api.handlers import runner


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


async def head(port: int, request: str) -> dict[str, str]:
    """The headers of what a server answers to these bytes, by name."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.format(port=port).encode())
    told = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    return dict(line.split(": ", 1) for line in told.strip().splitlines()[1:])


OF_NO_ROUTE: Final = {
    "no HTTP": "NONSENSE\r\n\r\n",
    "two lengths": "POST /reconcile HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 1\r\n"
    "Content-Length: 2\r\n\r\n",
    "an expectation": "POST /reconcile HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nExpect: x\r\n\r\n",
    "no path of ours": "GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
    "another host": "GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
}


@pytest.mark.parametrize("request_text", OF_NO_ROUTE.values(), ids=OF_NO_ROUTE)
def test_what_reaches_no_route_is_answered_with_them(ledger: Ledger, request_text: str) -> None:
    async def scenario(api: Api) -> dict[str, str]:
        return await head(api.port, request_text)

    check_headers(with_api(ledger, scenario))


def test_one_connection_too_many_is_answered_with_them() -> None:
    lines = connection._REFUSAL.decode().partition("\r\n\r\n")[0].splitlines()[1:]
    check_headers(dict(line.split(": ", 1) for line in lines))


def test_an_answer_that_is_sent_in_parts_has_them(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its handler prepares it, before the connection sees it."""

    class InParts(web.StreamResponse):
        @property
        def prepared(self) -> bool:
            return True

    monkeypatch.setattr(runner, "json_response", lambda _document: InParts())

    async def scenario(api: Api) -> dict[str, str]:
        return await head(api.port, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")

    check_headers(with_api(ledger, scenario))
