"""Gets ready what masks the secrets of a run: at once for short ones, in a thread for long ones."""

import os
from collections.abc import Sequence
from threading import Lock
from typing import Final

from jeeves_runner.errors import InvalidValue, StartFailed
from jeeves_runner.execute.output.automaton import Automaton
from jeeves_runner.execute.output.secret_texts import texts_of
from jeeves_runner.side_thread import SideThread

MAX_SECRETS: Final = 256 * 1024
"""Bytes of all secrets of a run together."""

_AT_ONCE: Final = 512
"""Characters of all secrets of a run up to which their automaton takes a few milliseconds."""
_PATIENCE: Final = 30.0
"""Seconds to wait for one that is made in the thread. It takes one or two, after those before it."""
_MOST_KEPT: Final = 32
_MOST_STATES: Final = 4 * 1024 * 1024
"""Of all that are kept, some 60 MB. The newest is kept however large it is."""


def check_size(secrets: Sequence[str]) -> None:
    """InvalidValue for more secrets than a run may have: what masks them takes up to a hundred times their
    size, and a second of the interpreter's time."""
    size = sum(len(os.fsencode(secret)) for secret in secrets)
    if size > MAX_SECRETS:
        raise InvalidValue(
            f"the secrets of the run have {-(-size // 1024)} KiB together",
            hint=f"at most {MAX_SECRETS // 1024} KiB can be masked; let the script read longer ones itself",
        )


class Masks:
    """Keeps the automata made last: the runs of a job mostly have the same secrets.

    Use it from one event loop at a time. Automata of long secrets are made one after another, in one thread:
    what takes a second of the interpreter would hold the loop for as long, and several threads would each
    take their turns from it.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Automaton] = {}  # those used last at the end
        self._lock = Lock()
        self._thread = SideThread("masks")

    async def of(self, secrets: Sequence[str]) -> Automaton | None:
        """The automaton of these secrets; None if nothing of them is masked.

        Raises StartFailed when it is not ready in time, or when there can be no thread for it now.
        """
        key = tuple(secrets)
        if not key:
            return None
        if (known := self._known(key)) is not None:
            return known
        if sum(map(len, key)) <= _AT_ONCE:
            return self._made(key)
        try:
            return await self._thread.call(lambda: self._made(key), _PATIENCE)
        except TimeoutError:
            raise StartFailed(
                f"the secrets could not be made ready for masking within {_PATIENCE:.0f} s"
            ) from None
        except OSError as error:
            raise StartFailed(
                f"the secrets cannot be made ready for masking now: {error.strerror}"
            ) from error

    def _made(self, secrets: tuple[str, ...]) -> Automaton | None:
        """Make it, if a run before this one has not had it made meanwhile."""
        if (known := self._known(secrets)) is not None:
            return known
        texts = texts_of(secrets)
        if not texts:
            return None
        made = Automaton(texts)
        with self._lock:
            self._kept[secrets] = made
            states = sum(automaton.states for automaton in self._kept.values())
            while len(self._kept) > 1 and (len(self._kept) > _MOST_KEPT or states > _MOST_STATES):
                states -= self._kept.pop(next(iter(self._kept))).states
        return made

    def _known(self, secrets: tuple[str, ...]) -> Automaton | None:
        with self._lock:
            known = self._kept.pop(secrets, None)
            if known is not None:
                self._kept[secrets] = known
        return known


_shared = Masks()


async def mask_of(secrets: Sequence[str]) -> Automaton | None:
    """As ``Masks.of``, by the one cache of this process."""
    return await _shared.of(secrets)
