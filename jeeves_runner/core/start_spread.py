"""When a job that runs at each start of the runner has its moment."""

from hashlib import blake2b
from typing import Final

SPREAD: Final = 60.0
"""Seconds after the start over which these runs are spread."""


def delay_of(namespace: str, spread: float = SPREAD) -> float:
    """Seconds after the start at which a job's moment comes: the same at every start, whatever its id is."""
    digest = blake2b(f"{namespace}/start".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 * spread
