"""Who hears that a log has grown: its followers need neither threads nor looks at intervals."""

import threading
from collections.abc import Callable
from typing import Final

from jeeves_runner.execute.output.log_place import LogPlace


class LogWatch:
    """Hears of one log until it is closed. ``grown`` is called by the thread that writes, and not again
    before ``take``."""

    def __init__(self, data_dir: str, run_id: int, grown: Callable[[], None]) -> None:
        self._key = data_dir, run_id
        self._grown = grown
        self._is_told = False
        _GROWTH.add(self._key, self)

    def take(self) -> None:
        """What has been written by now is about to be read."""
        self._is_told = False

    def tell(self) -> None:
        """It has grown."""
        if not self._is_told:
            self._is_told = True
            self._grown()

    def close(self) -> None:
        """Hear no more."""
        _GROWTH.remove(self._key, self)


def has_grown(place: LogPlace) -> None:
    """Tell those who watch the log of a run."""
    for watch in _GROWTH.of((place.data_dir, place.run_id)):
        watch.tell()


class _Growth:
    """The watches by the logs that they are for. Any thread may ask."""

    def __init__(self) -> None:
        self._watches: dict[tuple[str, int], tuple[LogWatch, ...]] = {}
        self._lock = threading.Lock()

    def of(self, key: tuple[str, int]) -> tuple[LogWatch, ...]:
        return self._watches.get(key, ())

    def add(self, key: tuple[str, int], watch: LogWatch) -> None:
        with self._lock:
            self._watches[key] = (*self.of(key), watch)

    def remove(self, key: tuple[str, int], watch: LogWatch) -> None:
        with self._lock:
            left = tuple(each for each in self.of(key) if each is not watch)
            if left:
                self._watches[key] = left
            else:
                self._watches.pop(key, None)


_GROWTH: Final = _Growth()
