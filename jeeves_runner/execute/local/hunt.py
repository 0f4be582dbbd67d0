"""The hunt for the processes of a run: search, signal, search again, until none is left.

A pid alone proves nothing: another process may have got it since. A process that is found is signalled only
through a pidfd, opened first and looked at again afterwards. Other systems than Linux have neither pidfds nor
environments to read; there only a process group is signalled.
"""

import logging
import os
import select
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from jeeves_runner.clock import Clock, SystemClock
from jeeves_runner.execute.local.processes import (
    ON_LINUX,
    all_pids,
    bears_mark,
    read_stat,
    settled_environment,
)

log = logging.getLogger(__name__)

_WITHOUT_PROGRESS: Final = 5.0
"""Seconds after which a hunt gives up if it finds the very same processes again and again: they may hang in a
system call of the kernel, or belong to a user who may not be signalled."""
_AT_MOST: Final = 30.0
"""Seconds after which it gives up on processes that start others faster than they are killed."""
_ROUND_PATIENCE = 0.05  # seconds a round waits for the processes it has killed
_QUIET_PATIENCE = 0.001  # seconds between two searches that find none
_QUIET_ROUNDS = 2


class Persistence:
    """Decides how long a hunt goes on: as long as what it finds changes, whatever the number of rounds, and
    within a bound of time."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._began = self._changed = self._clock.monotonic()
        self._last: frozenset[int] = frozenset()

    def gives_up(self, found: Collection[int]) -> bool:
        """Whether these, found in one more round, are to be left. None found is no progress."""
        now = self._clock.monotonic()
        if (these := frozenset(found)) != self._last:
            self._last, self._changed = these, now
        return now - self._changed >= _WITHOUT_PROGRESS or now - self._began >= _AT_MOST


def kill_marked(mark: str) -> int:
    """Kill the processes that bear the mark of a run of this very process. Returns how many.

    Blocking, for some 30 s at most: call it in a thread.
    """
    return len(kill_until_quiet(lambda pid: _is_marked(pid, mark)))


def terminate_escaped(mark: str, group: int) -> int:
    """Send SIGTERM to the processes of a live run that have left its group. Returns how many.

    The members of the group have had their SIGTERM, and many programs give up at once at a second.
    """
    if not ON_LINUX:
        return 0
    count = 0
    with _search(lambda pid: _is_marked(pid, mark)) as found:
        for pid, pidfd in found.pidfds.items():
            stat = read_stat(pid)
            if stat is not None and stat.group != group:
                count += send(pidfd, signal.SIGTERM)
    return count


def kill_until_quiet(is_wanted: Callable[[int], bool]) -> set[int]:
    """Kill the living processes for which ``is_wanted`` is true. Returns their numbers.

    Repeats until two searches in a row find none, for some 30 s at most. Linux only, and blocking.
    """
    killed: set[int] = set()
    if not ON_LINUX:
        return killed
    persistence, quiet = Persistence(), 0
    while quiet < _QUIET_ROUNDS:
        with _search(is_wanted) as found:
            killed |= {pid for pid, pidfd in found.pidfds.items() if send(pidfd, signal.SIGKILL)}
            pids = {*found.pidfds, *found.unopened}
            # One empty search is not enough: a process may have forked after the search had passed.
            quiet = 0 if pids else quiet + 1
            if persistence.gives_up(pids):
                log.warning("some processes of a run could not be ended: %s", sorted(pids))
                break
            _wait_for_ends(list(found.pidfds.values()), _ROUND_PATIENCE if pids else _QUIET_PATIENCE)
    return killed


def send(pidfd: int, signum: signal.Signals) -> bool:
    """Signal a process by its pidfd. Returns whether it was there and might be signalled."""
    try:
        signal.pidfd_send_signal(pidfd, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


class _Found(NamedTuple):
    """The wanted processes that one search has met."""

    pidfds: dict[int, int]
    """Those that can be signalled, by their pid."""
    unopened: list[int]
    """Those for which there was no descriptor left; once others have ended there is."""


@contextmanager
def _search(is_wanted: Callable[[int], bool]) -> Iterator[_Found]:
    """The processes that are wanted, each with an open and verified pidfd."""
    with ExitStack() as stack:
        found = _Found({}, [])
        for pid in all_pids():
            if not is_wanted(pid):
                continue
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            except OSError:
                found.unopened.append(pid)
                continue
            stack.callback(os.close, pidfd)
            # Looked at again: the pid may have changed hands before the pidfd was opened.
            if is_wanted(pid):
                found.pidfds[pid] = pidfd
        yield found


def _is_marked(pid: int, mark: str) -> bool:
    if not bears_mark(settled_environment(pid), mark):
        return False
    stat = read_stat(pid)
    return stat is not None and not stat.is_dead


def _wait_for_ends(pidfds: list[int], patience: float) -> None:
    """Wait until one of the processes has ended, for ``patience`` seconds at most."""
    poll = select.poll()  # an epoll would take a descriptor
    for pidfd in pidfds:
        poll.register(pidfd, select.POLLIN)
    poll.poll(patience * 1000)
