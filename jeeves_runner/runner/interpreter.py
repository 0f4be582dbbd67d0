"""The interpreter in a server: how its threads share it, and when it looks for garbage."""

import asyncio
import gc
import sys
from typing import Final

_SWITCH_INTERVAL: Final = 0.001
"""Seconds after which a thread that computes lets the event loop have the interpreter."""

_GARBAGE_INTERVAL: Final = 3600.0
"""Seconds between two full collections."""

_NEVER: Final = 1_000_000_000


def favour_event_loop() -> None:
    """Let no thread that computes hold up the event loop for long."""
    sys.setswitchinterval(_SWITCH_INTERVAL)


async def collect_garbage() -> None:
    """Full collections at leisure: left to itself, Python walks thousands of rows just when a large
    plan has made many new ones, and the event loop stands still meanwhile."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)
    while True:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        await asyncio.sleep(_GARBAGE_INTERVAL)
