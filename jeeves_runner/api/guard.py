"""Who may talk to the server: programs of this machine, and no web page but the server's own.

Over TCP, without tokens, the boundary is loopback itself. A browser would carry a foreign page's
requests across it: a page under a name that resolves to 127.0.0.1 gives itself away by its
``Host``, one that posts across sites by its ``Origin`` or ``Sec-Fetch-Site``. A request that a proxy
brought is not from this machine: what proxies and the networks before them add to requests has no
common form, so every header counts whose name speaks of another sender.

The Unix socket needs none of this. Its file lets in the owner alone, and no browser reaches it.
"""

import re
import socket
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from aiohttp import web

from jeeves_runner.core.wording import brief

_OF_A_PROXY: Final = re.compile(
    r"""(.+-)? (forwarded | via | proxy | proxied | proxyuser | cdn | real | original | rewrite
              | (client|user|remote|connecting|originating|peer|source)-?(ip(v6)?|addr))
        (-.+)?
      | (cf | fly | fastly | akamai | tailscale | ngrok | x-envoy | x-vercel | x-azure | x-amzn | x-appengine
         | x-arr | x-nginx | x-varnish | x-traefik | x-haproxy | x-cloud) -.+""",
    re.VERBOSE,
)
"""The names of headers that proxies, balancers and delivery networks add, in lower case."""

_OWN_PAGES: Final = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site`` of what the server's own pages ask for, and of what a person typed or clicked."""


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
        if _is_of_a_proxy(name.lower()):
            return f"the header {name} says that the request comes through a proxy, not from this machine"
    hosts = request.headers.getall("Host", [])
    own = _own_hosts(transport.get_extra_info("sockname")[:2])
    if len(hosts) != 1 or hosts[0].lower() not in own:
        return f"the Host header must be one of this machine's own: {', '.join(sorted(own))}"
    return _refusal_of_page(request, hosts[0].lower()) if acts else None


def _refusal_of_page(request: web.Request, host: str) -> str | None:
    """Why a page, if one sent this request, may not operate the server."""
    for origin in request.headers.getall("Origin", []):
        if origin.lower() != f"http://{host}":
            return f"pages of {brief(origin) or 'an unknown site'} may not operate this server"
    for site in request.headers.getall("Sec-Fetch-Site", []):
        if site.lower() not in _OWN_PAGES:
            return f"pages of another site may not operate this server (Sec-Fetch-Site: {brief(site)})"
    return None


@lru_cache(maxsize=256)
def _is_of_a_proxy(name: str) -> bool:
    return _OF_A_PROXY.fullmatch(name) is not None


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
