"""The planner in a process of its own: parsing holds the interpreter, and the runner must not wait.

The child speaks over its standard streams (``planner_wire``) and ends when they close, so it cannot outlive a
runner that was killed. One that falls silent is ended.
"""

import asyncio
import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, Final

from jeeves_runner.core.live import Delta, Live
from jeeves_runner.core.plan import Plan
from jeeves_runner.errors import JeevesError, PlannerDied, PlannerFailed, PlannerNotStarted, PlannerSilent
from jeeves_runner.reconcile.patient_pipe import PatientPipe
from jeeves_runner.reconcile.planner import Planner, PlannerSetup
from jeeves_runner.reconcile.planner_wire import (
    receive,
    receive_all,
    receive_delta,
    receive_live,
    send,
    send_all,
    send_delta,
    send_live,
)
from jeeves_runner.sources.contract import Trace
from jeeves_runner.sources.stamps import FileStamp

log = logging.getLogger(__name__)

PATIENCE: Final = 120.0
"""Seconds for which a planner may be silent: some 30 are what the largest folder of manifests takes."""

_NICENESS = 5
_END_PATIENCE = 1.0
_PROGRAM = "from jeeves_runner.reconcile.planner_process import main; main()"
_FOR_THE_SYSTEM = {
    *(signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS),
    signal.SIGTRAP,
    *(signal.SIGCONT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
    *(signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGPIPE, signal.SIGXFSZ),
}
_FOR_THE_RUNNER = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - _FOR_THE_SYSTEM
_LIVE: Final = "live"
_DELTA: Final = "delta"
_PLAN: Final = "plan"


class PlannerProcess:
    """A planner in a child process, started at the first use and again whenever it died.

    The child keeps the live rows, so after an apply only the delta is sent to it. ``trace`` and ``recheck``
    are those of its last look: the source itself looks there, and only what it left comes back. A child that
    takes the place of another is given the trace.
    ``patience`` is how many seconds it may be silent.
    """

    def __init__(self, setup: PlannerSetup, patience: float = PATIENCE) -> None:
        self._setup = setup
        self.patience = patience
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: PatientPipe | None = None
        self._one_at_a_time = asyncio.Lock()
        self._speaking = threading.Lock()  # held by the thread that speaks with the child
        self._starting = threading.Lock()
        self._is_closed = False
        self._fingerprint: Hashable = None
        self.trace: Trace = None
        self.recheck: dict[str, FileStamp] = {}

    async def plan(self, fingerprint: Hashable, read_live: Callable[[], Live], now: float) -> Plan:
        """As ``Planner.follow``; the event loop stays free.

        ``fingerprint`` stands for what is live. Where the child knows of something else, ``read_live`` is
        called, in a thread. PlannerNotStarted if there can be no process now, PlannerDied if it was killed,
        PlannerFailed for a bug in it, PlannerSilent if it does not answer; it has been ended then.
        """
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._ask, fingerprint, read_live, now)

    async def advance(self, delta: Delta, fingerprint: Hashable) -> None:
        """Tell the child what an apply changed; ``fingerprint`` stands for what is live now."""
        async with self._one_at_a_time:
            await asyncio.to_thread(self._tell, delta, fingerprint)

    def forget(self) -> None:
        """Send everything that is live again at the next plan."""
        self._fingerprint = None

    def close(self) -> bool:
        """End the process for good; False if it does not end, because its file system hangs.

        It is killed before its pipes are closed. A thread that waits for its answer is freed by that, and
        closes them: until then it holds the lock of what it reads.
        """
        with self._starting:
            self._is_closed = True
            child = self._child
        has_ended = child is None or _kill(child)
        if self._speaking.acquire(blocking=False):
            self._end_child()
            self._speaking.release()
        return has_ended

    def _ask(self, fingerprint: Hashable, read_live: Callable[[], Live], now: float) -> Plan:
        with self._conversation() as pipe:
            if self._fingerprint is None or fingerprint != self._fingerprint:
                send(pipe, _LIVE)
                send_live(pipe, read_live())
                self._fingerprint = fingerprint
            send(pipe, _PLAN)
            send(pipe, now)
            pipe.flush()
            answer = receive(pipe)
            if not isinstance(answer, JeevesError):
                head, self.trace, self.recheck = answer
                plan: Plan = replace(head, changes=tuple(receive_all(pipe)), files=tuple(receive_all(pipe)))
                return plan
        if isinstance(answer, PlannerFailed):
            log.error("%s", answer, extra={"trace": answer.trace})
        raise answer

    def _tell(self, delta: Delta, fingerprint: Hashable) -> None:
        with self._conversation() as pipe:
            if self._fingerprint is None:  # a child that was started just now, or is to be told all again
                return
            send(pipe, _DELTA)
            send_delta(pipe, delta)
            pipe.flush()
            self._fingerprint = fingerprint

    @contextmanager
    def _conversation(self) -> Iterator[PatientPipe]:
        """The pipes of the child. It is ended if anything fails meanwhile, at this end too: what follows half
        a message would be read as its rest. The next use starts another."""
        with self._speaking:
            try:
                yield self._started()
            except TimeoutError:
                self._end_child()
                raise PlannerSilent(
                    f"the planner has not answered for {self.patience:.0f} s; another one is started",
                    hint="a file system that hangs, or a machine that is overloaded, keeps it",
                ) from None
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                self._end_child()
                raise PlannerDied(f"the planner process ended unexpectedly: {error}") from error
            except BaseException:
                self._end_child()
                raise
            finally:
                if self._is_closed:
                    self._end_child()

    def _started(self) -> PatientPipe:
        if self._child is None or self._pipe is None or self._child.poll() is not None:
            self._end_child()
            with self._starting:
                if self._is_closed:
                    raise EOFError("it was closed")
                child = self._child = _start()
            assert child.stdin is not None
            assert child.stdout is not None
            self._pipe = PatientPipe(
                reads=child.stdin.fileno(),
                writes=child.stdout.fileno(),
                patience=self.patience,
                is_over=lambda: self._is_closed,
            )
            send(self._pipe, (self._setup, self.trace))
        return self._pipe

    def _end_child(self) -> None:
        """By the thread that speaks: no other one uses the pipes."""
        self._fingerprint = self._pipe = None
        child, self._child = self._child, None
        if child is None:
            return
        _kill(child)
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


def _start() -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            # -P: else it would import what lies in the current folder, where scripts may write.
            [sys.executable, "-P", "-c", _PROGRAM],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise PlannerNotStarted(f"the planner cannot be started: {error.strerror}") from error


def _kill(child: "subprocess.Popen[bytes]") -> bool:
    """Kill it and take its exit status; False if it has not ended within ``_END_PATIENCE`` seconds."""
    child.kill()
    try:
        child.wait(_END_PATIENCE)
    except subprocess.TimeoutExpired:
        log.error("the planner process (pid %d) does not end although it was killed", child.pid)
        return False
    return True


def main() -> None:
    """The child: read a setup, then do as told until the input ends."""
    # Ctrl-C reaches every process of the terminal's foreground group, and a service manager may signal all
    # processes of a service; the runner decides when to end. A handler is not inherited by what is started.
    for number in _FOR_THE_RUNNER:
        signal.signal(number, lambda *_: None)
    # Starting jobs on time matters more than a quick plan.
    os.nice(_NICENESS)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    live = Live.nothing()
    try:
        setup, trace = receive(requests)
        planner = Planner(setup, trace)
        while True:
            match receive(requests):
                case "live":
                    live = receive_live(requests)
                case "delta":
                    live = live.advance(receive_delta(requests))
                case "plan":
                    _answer(planner, live, receive(requests), answers)
    except (EOFError, BrokenPipeError):
        return


def _answer(planner: Planner, live: Live, now: float, answers: IO[bytes]) -> None:
    gc.disable()
    try:
        plan = planner.follow(live, now)
    except JeevesError as error:
        send(answers, error)
    except Exception as error:  # noqa: BLE001 - the parent reports it; a dead process could not
        message = f"the manifests could not be compared: unexpected {type(error).__name__}: {error}"
        send(answers, PlannerFailed(message, trace=traceback.format_exc()))
    else:
        head = replace(plan, changes=(), files=())
        send(answers, (head, planner.trace, planner.recheck))
        send_all(answers, plan.changes)
        send_all(answers, plan.files)
    finally:
        gc.enable()
    answers.flush()
