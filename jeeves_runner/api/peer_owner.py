"""Which user of this machine a TCP connection over loopback comes from.

Linux tells it, of a connection that is open on both sides: by a question over a netlink socket
(sock_diag(7)), or where that is not let through, in /proc/net/tcp. Other systems do not.
"""

import errno
import os
import socket
import struct
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

Address = tuple[str, int]
"""An address and a port."""

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_HEADER: Final = struct.Struct("=IHHII")
_QUESTION: Final = struct.Struct("=BBBBI")
"""inet_diag_req_v2 up to its socket: family, protocol, extensions, padding, states."""

_SOCKET: Final = struct.Struct("!HH16s16s")
"""inet_diag_sockid up to its cookie: ports, addresses."""

_ANSWER: Final = struct.Struct("=4x48xIIIII")
"""inet_diag_msg: after its four bytes and its socket, expires, rqueue, wqueue, uid, inode."""

_ESTABLISHED: Final = 1
_ANY_COOKIE: Final = b"\xff" * 8
_PATIENCE: Final = 0.2
"""Seconds for the kernel's answer, which it gives at once."""


def owner(peer: Address, own: Address) -> int | None:
    """The number of the user whose process holds the other end, at ``peer``, of a connection to ``own``.

    None where that cannot be known: the system does not tell it, or the other end is closed by now.
    """
    if not Path("/proc/net").exists():
        return None
    try:
        return _asked(peer, own)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        return _read(peer, own)


def can_be_known() -> bool:
    """Whether this system tells whose a connection is."""
    return Path("/proc/net/tcp").exists()


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
    *_, user, inode = _ANSWER.unpack_from(answer, _HEADER.size)
    return user if inode else None


def _packed(address: IPv4Address | IPv6Address) -> bytes:
    return address.packed.ljust(16, b"\0")


def _read(peer: Address, own: Address) -> int | None:
    """The same from the list of all connections."""
    peer_ip = ip_address(peer[0])
    name = "tcp" if isinstance(peer_ip, IPv4Address) else "tcp6"
    wanted = [f"{_in_hex(*peer)}", f"{_in_hex(*own)}", "01"]
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
