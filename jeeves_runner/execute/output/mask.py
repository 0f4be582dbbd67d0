"""Masks secrets in a stream of bytes, wherever its chunks are cut."""

import re
from collections.abc import Iterable

MASK = b"***"
MIN_LENGTH = 6
"""Characters of the shortest secret that is masked: shorter ones would blot out ordinary words."""


def maskable(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """The secrets long enough to be masked, in UTF-8, longest first."""
    long_enough = {secret for secret in secrets if len(secret) >= MIN_LENGTH}
    encoded = (secret.encode("utf-8", "surrogateescape") for secret in long_enough)
    return tuple(sorted(encoded, key=lambda secret: (-len(secret), secret)))


class Masker:
    """Replaces secrets in one stream; the result depends on the whole stream, not on its chunks.

    From the left, the longest secret at each place is replaced. The end of a chunk that may be the
    beginning of a secret is held back until more comes.
    """

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        """``secrets`` as ``maskable`` gives them."""
        self._secrets = secrets
        self._pattern = re.compile(b"|".join(re.escape(secret) for secret in secrets)) if secrets else None
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be passed on after this chunk."""
        if self._pattern is None:
            return data
        return self._mask(self._pattern, self._held + data)

    def close(self) -> bytes:
        """What was held back, now that no more comes."""
        rest, self._held = self._held, b""
        return rest if self._pattern is None else self._pattern.sub(MASK, rest)

    def _mask(self, pattern: re.Pattern[bytes], data: bytes) -> bytes:
        parts: list[bytes] = []
        position = 0
        undecided = self._first_undecided(data, position)
        while (match := pattern.search(data, position)) and match.start() < undecided:
            parts += (data[position : match.start()], MASK)
            position = match.end()
            if position > undecided:
                undecided = self._first_undecided(data, position)
        parts.append(data[position:undecided])
        self._held = data[undecided:]
        return b"".join(parts)

    def _first_undecided(self, data: bytes, start: int) -> int:
        """The first index from ``start`` on where the data may end in the middle of a secret."""
        earliest = len(data)
        for secret in self._secrets:
            index = data.find(secret[:1], max(start, len(data) - len(secret) + 1), earliest)
            while index != -1:
                if secret.startswith(data[index:]):
                    earliest = index
                    break
                index = data.find(secret[:1], index + 1, earliest)
        return earliest
