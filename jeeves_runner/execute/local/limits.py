"""How many files this process may have open: all it can get. What it starts keeps the usual number."""

import resource
import sys
from contextlib import suppress

_MOST_ON_MACOS = 10_240
"""Where the hard limit says "infinity", macOS still refuses more than this."""


def raise_open_files() -> int:
    """Let this process open as many files as its hard limit allows; the soft limit it had before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, _MOST_ON_MACOS) if sys.platform == "darwin" else hard
    with suppress(ValueError, OSError):  # a system that does not allow it: the runner works with what it has
        if soft != most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return soft


def give_back_open_files(pid: int, soft: int) -> None:
    """Give a process just started the soft limit of old: programs that use ``select``, or close every
    descriptor they might have, do badly with a high one.

    From outside, for a ``preexec_fn`` would cost every start a whole fork in place of a vfork. The
    program has run for some microseconds then, which is too short to come near either limit.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # it has ended already, or became another user's
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
