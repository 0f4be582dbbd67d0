"""The threads that all parts of the runner share, for ``asyncio.to_thread``.

They are all started at the start. A pool that starts them as they are needed fails its caller at a limit on
processes, although its other threads could do the work; and most callers are tasks that the runner needs.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

COUNT: Final = 16


def started_threads(count: int, name: str) -> ThreadPoolExecutor:
    """A pool that starts no more threads: so many, or as many as the system has room for now.

    RuntimeError if it has none for a single one.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    all_there = threading.Barrier(count)  # so none of them takes two of these calls
    for _ in range(count):
        try:
            pool.submit(all_there.wait)
        except RuntimeError:
            all_there.abort()
            pool.shutdown()
            if count == 1:
                raise
            return started_threads(count // 2, name)
    return pool
