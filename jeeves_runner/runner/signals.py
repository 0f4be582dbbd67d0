"""Signals: each disposition is set at the start, and what arrives passes through a thread of its own.

The handler writes the number of the signal into a socket, whatever the event loop does meanwhile. The thread
hands it to the loop. It is also what ends the process should a stop not come to its end: because a disk or a
lock holds a thread, or the loop itself.
"""

import logging
import math
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final

from jeeves_runner.clock import Clock
from jeeves_runner.runner.logging_setup import flush_log

log = logging.getLogger(__name__)

STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
"""The runner stops; sent again, without waiting for its runs."""
LOOKS: Final = (signal.SIGHUP,)
"""It looks at the manifests and the database now."""

_IGNORED: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})
"""A write that fails raises OSError instead. What is started gets the default back: see ``subprocess``."""
_LEFT_TO_THE_SYSTEM: Final = frozenset(
    {
        *(signal.SIGKILL, signal.SIGSTOP),
        # A fault of the program: it cannot go on.
        *(signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS),
        signal.SIGTRAP,
        # What a shell stops and continues.
        *(signal.SIGCONT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
        # They end no process.
        *(signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH),
    }
)
WITHOUT_MEANING: Final = frozenset(signal.valid_signals()) - {*STOPS, *LOOKS} - _IGNORED - _LEFT_TO_THE_SYSTEM
"""All others, the real-time ones too: by default they would end the runner, and its scripts would go on."""


def set_dispositions() -> None:
    """Leave nothing as the parent has set it. What is started inherits the defaults and an empty mask."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals():
        # Ignored, SIGCHLD would have the kernel take the exit status of every run.
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    for number in (*STOPS, *LOOKS, *WITHOUT_MEANING):
        signal.signal(number, _taken_elsewhere)


def name_of(number: int) -> str:
    """The name of a signal. Python has none for most of the real-time ones."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


def _taken_elsewhere(_number: int, _frame: FrameType | None) -> None:
    """The thread has it. An ignored signal would stay ignored in what is started; a handled one does not."""


class SignalThread(threading.Thread):
    """Takes the signals, and leaves the process when the deadline of a stop has passed.

    ``deliver`` is called in the thread with the number of each signal. ``patience``: seconds that the first
    signal to stop gives the event loop to say when it will have ended, by ``leave_at``. ``last_words`` makes
    the line of the log, and ``exit_code`` the code, of a process that is left hard. Made and started by the
    main thread.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        deliver: Callable[[int], object],
        patience: float,
        last_words: Callable[[], str],
        exit_code: Callable[[], int],
    ) -> None:
        super().__init__(name="signals", daemon=True)
        self._clock = clock
        self._deliver = deliver
        self._patience = patience
        self._last_words = last_words
        self._exit_code = exit_code
        self._leaves_at = self._leaves_unheard_at = math.inf
        self._receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)

    def start(self) -> None:
        """Set all dispositions, and take what arrives from here on."""
        set_dispositions()
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        super().start()

    def leave_at(self, moment: float) -> None:
        """Leave the process at this instant of the monotonic clock, unless it has ended. From any thread."""
        self._leaves_at = moment
        with suppress(OSError):  # full of signals, which wake the thread as well
            self._sender.send(b"\0")

    def run(self) -> None:
        while (left := self._seconds_left()) > 0:
            self._receiver.settimeout(left if math.isfinite(left) else None)
            try:
                numbers = self._receiver.recv(64)
            except TimeoutError:
                continue
            for number in filter(None, numbers):
                self._take(number)
        self._leave()

    def _seconds_left(self) -> float:
        moment = self._leaves_at if math.isfinite(self._leaves_at) else self._leaves_unheard_at
        return moment - self._clock.monotonic()

    def _take(self, number: int) -> None:
        if number in STOPS and not math.isfinite(self._leaves_unheard_at):
            self._leaves_unheard_at = self._clock.monotonic() + self._patience
        with suppress(RuntimeError):  # the loop has been closed
            self._deliver(number)

    def _leave(self) -> None:
        log.critical("%s", self._last_words())
        flush_log()
        os._exit(self._exit_code())
