"""What took long to be found out, kept for the next one who asks for the same."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, TypeVar, cast

T = TypeVar("T")

_MOST: Final = 4
"""How many are kept: each may take some megabytes."""


class KeptFinds:
    """Used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def find(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` has made under this key, now or before. Others who ask meanwhile wait: for the
        same, or for the processor that they would take."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return cast(T, self._kept[key])
