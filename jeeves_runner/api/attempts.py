"""Wrong tokens: each further one of the same peer within a minute is answered later than the one before.

A token has too many bits to be guessed; what is slowed is the noise, in the log and in the audit.
"""

import asyncio
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.errors import TooManyAttempts

_FREE: Final = 3
"""Wrong tokens within a minute that are answered at once."""

_FIRST: Final = 0.25
_LONGEST: Final = 8.0
"""Seconds of the first and the longest delay; each is twice the one before."""

_MEMORY: Final = 60.0
"""Seconds after which a wrong token is forgotten."""

_PEERS: Final = 10_000


class Attempts:
    """Remembers who has shown wrong tokens, ten thousand peers at most.

    ``most``: answers that are held back at the same time; one more is refused with a time to come back. Each
    keeps a connection, and those who show nothing wrong need some too.
    """

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._held_back = 0

    async def slow(self, peer: str) -> None:
        """Note a wrong token of this peer, and wait as long as it deserves. TooManyAttempts, at once, if too
        many others wait."""
        count = self._note(network_of(peer))
        if count <= _FREE:
            return
        delay: float = min(_LONGEST, _FIRST * 2 ** (min(count - _FREE, 30) - 1))
        if self._held_back >= self._most:
            raise too_many(delay)
        self._held_back += 1
        try:
            await asyncio.sleep(delay)
        finally:
            self._held_back -= 1

    def _note(self, network: str) -> int:
        now = self._clock.monotonic()
        count, at = self._wrong.pop(network, (0, now))
        count = count + 1 if now - at < _MEMORY else 1
        self._wrong[network] = (count, now)
        while len(self._wrong) > _PEERS:
            self._wrong.popitem(last=False)
        return count


def network_of(origin: str) -> str:
    """What one sender has: of IPv6 the first 64 bits."""
    try:
        address = ip_address(origin.partition("%")[0])
    except ValueError:
        return origin
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)


def too_many(seconds: float) -> TooManyAttempts:
    """The error for a wrong token too many; ``seconds``: after which to try again."""
    hint = "wait, then send the right one"
    return TooManyAttempts("too many wrong tokens were sent", hint=hint, seconds=seconds)
