"""Lookups of names in threads of their own.

While the name service hangs, no part of the runner lacks a thread that all share, and no stop waits.
"""

import asyncio
import socket
from functools import partial
from typing import Any, Final

from jeeves_runner.side_thread import SideThread

_PATIENCE: Final = 30.0
"""Seconds after which a name counts as one that cannot be found now."""

Found = tuple[Any, ...]
"""An address, as ``socket.getaddrinfo`` has it."""


def look_up_aside(loop: asyncio.AbstractEventLoop) -> None:
    """Have all lookups of this loop made so, also those of libraries."""
    loop.getaddrinfo = _getaddrinfo  # type: ignore[method-assign]


async def _getaddrinfo(
    host: str | bytes | None,
    port: str | bytes | int | None,
    *,
    family: int = 0,
    type: int = 0,  # noqa: A002 - the name that callers know
    proto: int = 0,
    flags: int = 0,
) -> list[Found]:
    work = partial(socket.getaddrinfo, host, port, family, type, proto, flags)
    try:
        return await SideThread("lookup of a name").call(work, _PATIENCE)
    except TimeoutError:
        raise socket.gaierror(socket.EAI_AGAIN, "the name service does not answer") from None
