"""Who may talk to the server: programs of this machine, and no web page but the server's own.

Over TCP, without tokens, the boundary is loopback itself. A browser would carry a foreign page's
requests across it: a page under a name that resolves to 127.0.0.1 gives itself away by its
``Host``, one that posts across sites by its ``Origin``. A request that a proxy brought is not from
this machine.

The Unix socket needs none of this. Its file lets in the owner alone, and no browser reaches it.
"""

import socket
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from aiohttp import web

_PROXY_HEADERS: Final = frozenset({"forwarded", "via"})
_PROXY_PREFIX: Final = "x-forwarded-"


def refusal(request: web.Request, *, acts: bool) -> str | None:
    """Why this request is not served, None if it is. ``acts``: it would change something."""
    transport = request.transport
    if transport is None:
        return "the connection is closed"
    if _is_unix(transport.get_extra_info("socket")):
        return None
    if not _is_loopback(transport.get_extra_info("peername")):
        return "only programs of this machine may ask"
    for name in request.headers:
        lower = name.lower()
        if lower in _PROXY_HEADERS or lower.startswith(_PROXY_PREFIX):
            return f"the header {name} says that the request comes through a proxy, not from this machine"
    hosts = request.headers.getall("Host", [])
    own = _own_hosts(transport.get_extra_info("sockname")[:2])
    if len(hosts) != 1 or hosts[0].lower() not in own:
        return f"the Host header must be one of this machine's own: {', '.join(sorted(own))}"
    if acts:
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() != f"http://{hosts[0].lower()}":
            return f"pages of {origin} may not operate this server"
    return None


def _is_unix(connection: object) -> bool:
    family = getattr(connection, "family", None)  # asyncio hands out a wrapper of the socket
    return family is not None and family == getattr(socket, "AF_UNIX", None)


def _is_loopback(peer: object) -> bool:
    return isinstance(peer, tuple) and _is_loopback_address(peer[0])


@lru_cache(maxsize=64)
def _is_loopback_address(text: str) -> bool:
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


@lru_cache(maxsize=64)
def _own_hosts(listening: tuple[str, int]) -> frozenset[str]:
    """What a client that means this machine writes into ``Host``; a bare address is no name to rebind."""
    address, port = listening
    literal = f"[{address}]" if ":" in address else address
    names = {"localhost", "127.0.0.1", "[::1]", literal}
    bare = names if port == 80 else set()
    return frozenset({f"{name}:{port}" for name in names} | bare)
