"""Pages of other sites, whose requests a browser would carry along with all that lets it in.

A page under a name that resolves to this machine gives itself away by its ``Host`` (DNS rebinding), one that
posts across sites by its ``Origin`` or ``Sec-Fetch-Site``.
"""

from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from jeeves_runner.api.peers import Peer, plain_address
from jeeves_runner.core.urls import is_open_to_read
from jeeves_runner.core.wording import brief

_OWN_PAGES: Final = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site`` of what the server's own pages ask for, and of what a person typed or clicked."""

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_PORTS: Final = {"http": 80, "https": 443}


class Fault(NamedTuple):
    """Why a request may be that of a foreign page."""

    detail: str
    """What is wrong."""
    hint: str | None = None
    """What to do about it."""


class ForeignPages:
    """Tells them. ``public_url``: where people reach the server; None: where it listens."""

    def __init__(self, public_url: str | None) -> None:
        public = None if public_url is None else urlsplit(public_url)
        self.come_by_https = public is not None and public.scheme == "https"
        self._origin = None if public is None else _origin(public.scheme, public.netloc)
        self._hosts = frozenset() if public is None else _spellings(public.scheme, public.netloc)

    def fault_of(self, request: web.Request, peer: Peer) -> Fault | None:
        """Why a page, if one has its browser send this request, is not served."""
        hosts = [host.lower() for host in request.headers.getall("Host", ())]
        own = _own_hosts(request)
        if len(hosts) != 1 or (hosts[0] not in own and hosts[0] not in self._hosts):
            named = ", ".join(sorted(own | self._hosts))
            detail = f"the Host header must be one of this server's own: {named}"
            if not named:  # a Unix socket has no name that browsers know
                detail = "through a proxy, the Unix socket takes a token or the Host of `api.public_url`"
            return Fault(detail, "set `api.public_url` where people reach it under another name")
        if request.method in _SAFE_METHODS:
            return None
        origins = {_origin("https" if peer.is_https else "http", hosts[0]), self._origin}
        for origin in request.headers.getall("Origin", []):
            if origin.lower() not in origins:
                return Fault(f"pages of {brief(origin) or 'an unknown site'} may not operate this server")
        for site in request.headers.getall("Sec-Fetch-Site", []):
            if site.lower() not in _OWN_PAGES:
                told = f"(Sec-Fetch-Site: {brief(site)})"
                return Fault(f"pages of another site may not operate this server {told}")
        return None

    def kept_at(self, request: web.Request) -> str | None:
        """Where a browser keeps a cookie that goes by https alone, if it sends this request over http: it
        throws it away there, but on its own machine, and says nothing. None: it keeps it."""
        is_plain = is_open_to_read(request.headers.get("Origin", ""))
        return self._origin if self.come_by_https and is_plain else None


def _own_hosts(request: web.Request) -> frozenset[str]:
    transport = request.transport
    listening = None if transport is None else transport.get_extra_info("sockname")
    return _hosts_at(listening[:2]) if isinstance(listening, tuple) else frozenset()


@lru_cache(maxsize=64)
def _hosts_at(listening: tuple[str, int]) -> frozenset[str]:
    """What a client that means this machine writes into ``Host``; a bare address is no name to rebind."""
    address, port = str(plain_address(listening[0])), listening[1]
    literal = f"[{address}]" if ":" in address else address
    names = {"localhost", "127.0.0.1", "[::1]", literal}
    bare = names if port == _PORTS["http"] else set()
    return frozenset({f"{name}:{port}" for name in names} | bare)


def _spellings(scheme: str, netloc: str) -> frozenset[str]:
    """A host with its port, and without it where that is the usual one."""
    bare = _bare(scheme, netloc)
    has_port = ":" in bare.rpartition("]")[2]
    return frozenset({bare} if has_port else {bare, f"{bare}:{_PORTS[scheme]}"})


def _origin(scheme: str, netloc: str) -> str:
    """As browsers write it: without the usual port."""
    return f"{scheme}://{_bare(scheme, netloc)}"


def _bare(scheme: str, netloc: str) -> str:
    return netloc.lower().removesuffix(f":{_PORTS[scheme]}")
