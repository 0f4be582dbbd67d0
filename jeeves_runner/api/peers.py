"""Where a request comes from: its connection, and what a proxy that is believed says of its sender.

What proxies and the networks before them add to requests has no common form, so every header counts whose
name speaks of another sender: such a request is not from this machine, even where its connection is.
"""

import asyncio
import os
import re
import socket
import struct
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from aiohttp import web

from jeeves_runner.access import user_name
from jeeves_runner.config_api import Network
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

_UCRED: Final = struct.Struct("=iII")
_LONGEST: Final = 64


class Peer(NamedTuple):
    """The sender of a request."""

    origin: str
    """Its address; of the Unix socket, the user who opened it."""
    is_socket: bool = False
    """Whether it came over the Unix socket, and no proxy speaks for it."""
    is_loopback: bool = False
    """Whether its connection is from this machine, and no proxy speaks for it."""
    is_https: bool = False
    """Whether a proxy that is believed has got it by https."""
    proxy_header: str | None = None
    """The header that says that a proxy brought it, if one does."""
    is_believed: bool = False
    """Whether that proxy is believed: ``origin`` is who asked it."""


def peer_of(request: web.Request, trusted: Sequence[Network]) -> Peer | None:
    """Who sent it; None if the connection is closed."""
    transport = request.transport
    if transport is None:
        return None
    header = _proxy_header(request)
    connection = request.protocol
    if header is None and isinstance(known := getattr(connection, "direct_peer", None), Peer):
        return known
    peer = _told_by(request, transport, header, trusted)
    if header is None and hasattr(connection, "direct_peer"):
        connection.direct_peer = peer
    return peer


def _proxy_header(request: web.Request) -> str | None:
    """The first header that says that a proxy has brought a request."""
    for name in request.headers:
        if _is_of_a_proxy(name):
            return name
    return None


def _told_by(
    request: web.Request, transport: asyncio.Transport, header: str | None, trusted: Sequence[Network]
) -> Peer:
    wire = transport.get_extra_info("socket")
    if _is_unix(wire):
        return Peer(_user_of(wire), is_socket=header is None, proxy_header=header)
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple):
        return Peer("unknown")
    address = plain_address(name[0])
    if header is None:
        return Peer(str(address), is_loopback=address.is_loopback)
    if not _is_among(address, trusted):
        return Peer(str(address), proxy_header=header)
    is_https = request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"
    sender = _sender(request, address, trusted)
    return Peer(sender, is_https=is_https, proxy_header=header, is_believed=True)


def _sender(request: web.Request, proxy: IPv4Address | IPv6Address, trusted: Sequence[Network]) -> str:
    """The last in ``X-Forwarded-For`` that is no proxy which is believed: those before it may be made up."""
    told = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for text in reversed(told):
        try:
            address = plain_address(text.strip())
        except ValueError:
            return brief(text.strip(), _LONGEST) or str(proxy)
        if not _is_among(address, trusted):
            return str(address)
    return str(proxy)


def _is_among(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


@lru_cache(maxsize=256)
def _is_of_a_proxy(name: str) -> bool:
    return _OF_A_PROXY.fullmatch(name.lower().replace("_", "-")) is not None


def _is_unix(wire: object) -> bool:
    family = getattr(wire, "family", None)  # asyncio hands out a wrapper of the socket
    return family is not None and family == getattr(socket, "AF_UNIX", None)


def _user_of(wire: socket.socket) -> str:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return "unix socket"
    _, user, _ = _UCRED.unpack(wire.getsockopt(socket.SOL_SOCKET, option, _UCRED.size))
    return f"unix socket, {name_of(user)}"


@lru_cache(maxsize=256)
def name_of(user: int) -> str:
    """What a user is called: of others the number, since a directory of names may take long to answer, and
    the event loop would wait for it."""
    return user_name(user) if user in (0, os.getuid()) else f"user {user}"


@lru_cache(maxsize=256)
def plain_address(text: str) -> IPv4Address | IPv6Address:
    """The address that a text is, that of IPv4 where IPv6 writes one; ValueError for what is none."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
