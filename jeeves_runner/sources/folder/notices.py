"""One arming of the system's notifications, in a thread: setting it up walks all folders and may hang."""

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from watchfiles import watch

_DEBOUNCE_MS = 100
_STEP_MS = 20


class Notices:
    """Watches folders until ``close``. All calls back are made in the event loop that this is made in.

    ``fault``: why there are no notifications any more; None while there are.
    """

    def __init__(
        self, folders: Sequence[Path], places: Collection[Path] | None, changed: Callable[[], None]
    ) -> None:
        """``places``: those in the folders whose changes count; None for all, however deep.
        ``changed`` is called after each burst of changes, and when ``fault`` is set."""
        self.fault: Exception | None = None
        self._folders = folders
        self._places = None if places is None else frozenset(map(str, places))
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._standing = asyncio.Event()
        self._stop = _Stop(lambda: self._tell(self._standing.set))
        try:
            threading.Thread(target=self._run, name="notices of manifests", daemon=True).start()
        except RuntimeError as error:  # the system has no room for a thread now
            self._fail(error)

    async def stand(self, patience: float) -> None:
        """Wait until changes are heard, or until it is known that they are not; TimeoutError."""
        async with asyncio.timeout(patience):
            await self._standing.wait()

    def close(self) -> None:
        """Hear of no more changes. The thread ends soon, and is not waited for."""
        self._changed = lambda: None
        self._stop.is_asked = True

    def _run(self) -> None:
        try:
            for _ in watch(
                *self._folders,
                watch_filter=lambda _, path: self._places is None or path in self._places,
                debounce=_DEBOUNCE_MS,
                step=_STEP_MS,
                stop_event=self._stop,
                recursive=self._places is None,
                ignore_permission_denied=True,
                raise_interrupt=False,
            ):
                self._tell(self._change)
        except Exception as error:  # noqa: BLE001 - whatever it is, there are no notifications any more
            fault = error
            self._tell(lambda: self._fail(fault))

    def _change(self) -> None:
        self._changed()

    def _fail(self, fault: Exception) -> None:
        self.fault = fault
        self._standing.set()
        self._changed()

    def _tell(self, what: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:  # the loop has been closed meanwhile
            return


class _Stop:
    """Asked by the watch at each of its steps whether it is to end; so it stands when it first asks."""

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.is_asked = False
        self._on_first: Callable[[], None] | None = on_first

    def is_set(self) -> bool:
        if self._on_first is not None:
            self._on_first()
            self._on_first = None
        return self.is_asked
