"""What something costs, by a count that no busy machine changes."""

import sys
from collections.abc import Callable
from types import FrameType


def calls(action: Callable[[], object]) -> int:
    """How many functions are entered meanwhile; about ten in a microsecond."""
    count = 0

    def entered(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(entered)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count
