"""What many share, so that all of them together stay within a bound."""

import threading
from typing import Final


class Room:
    """Bytes that may be in use at once. Any thread may take some."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock: Final = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether there is room for so many more bytes; then they are taken."""
        with self._lock:
            if size > self._free:
                return False
            self._free -= size
            return True

    def give_back(self, size: int) -> None:
        """Bytes that are not needed any more."""
        with self._lock:
            self._free += size
