"""Which user of this machine a TCP connection over loopback comes from.

Linux tells it, of a connection that is open on both sides: by a question over a netlink socket
(sock_diag(7)), or where that is not let through, in /proc/net/tcp. Other systems do not.
"""

import errno
import os
import socket
import struct
from contextlib import suppress
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, Protocol

Address = tuple[str, int]
"""An address and a port."""


class Wire(Protocol):
    """A socket, as far as this module asks it."""

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes: ...


_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_HEADER: Final = struct.Struct("=IHHII")
_QUESTION: Final = struct.Struct("=BBBBI")
"""inet_diag_req_v2 up to its socket: family, protocol, extensions, padding, states."""

_SOCKET: Final = struct.Struct("!HH16s16s")
"""inet_diag_sockid up to its cookie: ports, addresses."""

_ANSWER: Final = struct.Struct("=xB2x48xIIIII")
"""inet_diag_msg: its state; after its four bytes and its socket, expires, rqueue, wqueue, uid, inode."""

_ESTABLISHED: Final = 1
_CLOSE_WAIT: Final = 8
_OPEN: Final = frozenset({_ESTABLISHED, 4, 5})
"""The states of an end that can be read from; in 4 and 5 all has been written to it."""

_ANY_COOKIE: Final = b"\xff" * 8
_PATIENCE: Final = 0.2
"""Seconds for the kernel's answer, which it gives at once."""


def owner(peer: Address, own: Address) -> int | None:
    """The number of the user whose process holds the other end, at ``peer``, of a connection to ``own``.

    None where that cannot be known: the system does not tell it, or the other end is closed by now. Users
    that have no number in the user namespace of this process all look like one; they are told apart by none.
    """
    ends = _plain(peer), _plain(own)
    found = _asked_or_none(*ends) if _asks_kernel() else _read(*ends)
    return None if found is None or found in _shared_numbers() else found


def is_open(own_end: Wire) -> bool:
    """Whether our end of a connection is still that of a connection. Only then has ``owner``, asked before
    this, told of its other end: an end that was reset leaves its address to the next one."""
    try:
        state: int = own_end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:
        return False
    return state in (_ESTABLISHED, _CLOSE_WAIT)


@cache
def can_be_known() -> bool:
    """Whether this system tells whose a connection is."""
    return _asks_kernel() or Path("/proc/net/tcp").exists()


@cache
def _asks_kernel() -> bool:
    """Whether the kernel answers: asked of a connection of our own. Where it lacks the module for this, it
    says of every connection that there is none."""
    if not hasattr(socket, "AF_NETLINK"):
        return False
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            own = listener.getsockname()
            with socket.create_connection(own) as client:
                return _asked(client.getsockname(), own) is not None
    except OSError:
        return False


@cache
def _shared_numbers() -> frozenset[int]:
    """Numbers that stand for more than one user: that of all who have none in this user namespace."""
    try:
        mapped = Path("/proc/self/uid_map").read_text("ascii").split()
        if mapped == ["0", "0", str(2**32 - 1)]:
            return frozenset()
        return frozenset({int(Path("/proc/sys/kernel/overflowuid").read_text("ascii"))})
    except (OSError, ValueError):
        return frozenset()


def _asked_or_none(peer: Address, own: Address) -> int | None:
    try:
        return _asked(peer, own)
    except OSError as error:
        return None if error.errno == errno.ENOENT else _read(peer, own)


def _plain(end: Address) -> Address:
    """The same with an IPv4 address where IPv6 has been used to write one."""
    address = ip_address(end[0].partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (str(mapped or address), end[1])


def _asked(peer: Address, own: Address) -> int | None:
    peer_ip, own_ip = ip_address(peer[0]), ip_address(own[0])
    family = socket.AF_INET if isinstance(peer_ip, IPv4Address) else socket.AF_INET6
    ends = _SOCKET.pack(peer[1], own[1], _packed(peer_ip), _packed(own_ip))
    body = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << _ESTABLISHED)
    body += ends + struct.pack("=I", 0) + _ANY_COOKIE
    head = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE)
        kernel.sendto(head + body, (0, 0))
        answer = kernel.recv(4096)
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        (code,) = struct.unpack_from("=i", answer, _HEADER.size)
        raise OSError(-code, os.strerror(-code))
    state, *_, user, inode = _ANSWER.unpack_from(answer, _HEADER.size)
    return user if inode and state in _OPEN else None


def _packed(address: IPv4Address | IPv6Address) -> bytes:
    return address.packed.ljust(16, b"\0")


def _read(peer: Address, own: Address) -> int | None:
    """The same from the lists of all connections."""
    if isinstance(ip_address(peer[0]), IPv6Address):
        return _listed("tcp6", peer, own)
    found = _listed("tcp", peer, own)
    if found is None:  # a program may have written the address in IPv6
        found = _listed("tcp6", (f"::ffff:{peer[0]}", peer[1]), (f"::ffff:{own[0]}", own[1]))
    return found


def _listed(name: str, peer: Address, own: Address) -> int | None:
    wanted = [_in_hex(*peer), _in_hex(*own), "01"]
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/net", name).read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1:4] == wanted:
                return int(fields[7]) if fields[9] != "0" else None
    return None


def _in_hex(address: str, port: int) -> str:
    """As the kernel prints it: words of 32 bits in the machine's order."""
    packed = ip_address(address).packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
