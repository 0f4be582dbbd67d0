"""The worker of ``queue work``: claims items, runs the command for them, and answers."""

import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from jeeves_runner.clock import Clock
from jeeves_runner.core.durations import span_ms
from jeeves_runner.core.values import to_json
from jeeves_runner.core.wording import brief
from jeeves_runner.db.queues import lease_of
from jeeves_runner.db.transaction import data_version
from jeeves_runner.errors import DatabaseBusy, LeaseLost, UsageError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.client import Client, Item

PLACE: Final = "{}"
"""The word of a command that the payload takes the place of."""

_GLANCE: Final = 0.2
"""Seconds between two looks at whether something was written while nothing is ready ..."""
_LOOK: Final = 2.0
"""... and at most until a claim is tried again: delays and leases end without a write."""
_TAIL: Final = 16 * 1024
"""Bytes of standard error that are kept for its last line."""
_LONGEST: Final = 500
"""Characters of that line."""
_OFTEN: Final = 3
"""Extensions within one lease."""


class Done(NamedTuple):
    """What has become of the items."""

    completed: int = 0
    """COMMAND ended with 0."""
    failed: int = 0
    """It ended otherwise."""
    lost: int = 0
    """The lease had ended, and others have the item."""


class Stop:
    """Whether the work is to end, as signals say; the second one is passed on to the command that runs."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.child: subprocess.Popen[bytes] | None = None
        self._waker, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)

    def heard(self, number: int, _frame: object) -> None:
        """A signal has come."""
        if self.is_wanted and self.child is not None and self.child.returncode is None:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(self.child.pid, number)
        self.is_wanted = True
        with suppress(BlockingIOError):
            os.write(self._wakes, b"!")

    def close(self) -> None:
        """Nothing waits for it any more."""
        os.close(self._waker)
        os.close(self._wakes)

    def rest(self, seconds: float) -> None:
        """Wait so long, or until a signal comes."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._waker, selectors.EVENT_READ)
            selector.select(seconds)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Signals end the work while this lasts."""
    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop.heard) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        stop.close()


def check_program(name: str) -> None:
    """UsageError for a command that cannot be run: no item is to fail for that."""
    if shutil.which(name) is None:
        raise UsageError(f"there is no program {brief(name)}", hint="name one in PATH, or by its path")


class Worker:
    """Works one queue with one command."""

    def __init__(
        self,
        client: "Client",
        conn: "apsw.Connection",
        queue_id: str,
        words: Sequence[str],
        stop: Stop,
        *,
        clock: Clock,
        batch: int,
        lease: str | None,
    ) -> None:
        self._client = client
        self._conn = conn
        self._queue = queue_id
        self._words = words
        self._stop = stop
        self._clock = clock
        self._batch = batch
        self._lease_ms = None if lease is None else span_ms(lease, "--lease")
        self.done = Done()

    def work(self, most: int | None, *, is_to_wait: bool) -> None:
        """Work until nothing is ready, ``most`` items are answered, or a signal comes."""
        left = most
        while not self._stop.is_wanted and left != 0:
            count = self._batch if left is None else min(self._batch, left)
            items = self._claim(count, is_to_wait=is_to_wait)
            if not items:
                return
            self._work(items)
            left = None if left is None else left - len(items)

    def _claim(self, count: int, *, is_to_wait: bool) -> "list[Item]":
        """Empty where nothing is ready, or a signal came while it waited."""
        while True:
            lease = None if self._lease_ms is None else self._lease_ms / 1000
            items = self._client.claim(self._queue, count, lease)
            if items or not is_to_wait:
                return items
            version = data_version(self._conn)
            until = self._clock.monotonic() + _LOOK
            while self._clock.monotonic() < until and data_version(self._conn) == version:
                self._stop.rest(_GLANCE)
                if self._stop.is_wanted:
                    return []

    def _work(self, items: "list[Item]") -> None:
        try:
            error = self._run(items)
        except OSError as fault:
            error = f"{self._words[0]} could not be run: {fault.strerror}"
        for item in items:
            try:
                if error is None:
                    self._client.complete(item)
                else:
                    self._client.fail(item, error)
            except LeaseLost:
                self.done = self.done._replace(lost=self.done.lost + 1)
            else:
                key = "completed" if error is None else "failed"
                self.done = self.done._replace(**{key: getattr(self.done, key) + 1})

    def _run(self, items: "list[Item]") -> str | None:
        """Run the command for these; what went wrong, None if nothing did. OSError if it cannot be run."""
        payloads = [to_json(item.payload, "the payload") for item in items]
        whole = payloads[0] if self._batch == 1 else f"[{','.join(payloads)}]"
        words = [whole if word == PLACE else word for word in self._words]
        given = b"" if PLACE in self._words else "".join(f"{text}\n" for text in payloads).encode()
        about = {"JR_QUEUE": self._queue}
        if self._batch == 1:
            about |= {"JR_ITEM_ID": str(items[0].id), "JR_ITEM_ATTEMPT": str(items[0].attempt)}
        # In a group of its own: Ctrl-C is for the worker, and lets the item in hand come to its end.
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | about, process_group=0
        ) as child:
            self._stop.child = child
            try:
                said = self._attend(child, given, items)
                code = child.wait()
            finally:
                self._stop.child = None
        if code == 0:
            return None
        lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
        ended = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
        return brief(lines[-1].strip(), _LONGEST) if lines else ended

    def _attend(self, child: "subprocess.Popen[bytes]", given: bytes, items: "list[Item]") -> bytes:
        """Give it the payloads, pass on its standard error and extend the leases, until it has ended. The end
        of what it wrote there."""
        lease_ms = lease_of(self._conn, self._queue) if self._lease_ms is None else self._lease_ms
        pause = lease_ms / 1000 / _OFTEN
        due = self._clock.monotonic() + pause
        with _Pipes(child, given) as pipes:
            while not pipes.pass_on(min(max(0, due - self._clock.monotonic()), _GLANCE)):
                if self._clock.monotonic() >= due:
                    self._extend(items, lease_ms)
                    due = self._clock.monotonic() + pause
            return pipes.tail

    def _extend(self, items: "list[Item]", lease_ms: int) -> None:
        for item in items:
            with suppress(LeaseLost, DatabaseBusy):  # its answer will tell, or the next extension
                self._client.extend(item, lease_ms / 1000)


class _Pipes:
    """The standard input and standard error of a program that runs."""

    def __init__(self, child: "subprocess.Popen[bytes]", given: bytes) -> None:
        assert child.stdin is not None
        assert child.stderr is not None
        self._child = child
        self._input, self._errors = child.stdin, child.stderr
        self._given = given
        self.tail = b""
        for pipe in (self._input, self._errors):
            os.set_blocking(pipe.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._errors, selectors.EVENT_READ)
        self._selector.register(self._input, selectors.EVENT_WRITE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()

    def pass_on(self, seconds: float) -> bool:
        """Pass on what there is within so many seconds. Whether the program has ended.

        Its end is no end of its standard error: what it has left behind may hold that open.
        """
        if not self._selector.get_map():
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(seconds)
            return self._child.returncode is not None
        ready = {key.fileobj for key, _ in self._selector.select(seconds)}
        has_ended = self._child.poll() is not None
        if self._input in ready:
            self._give()
        if self._errors in ready:
            while self._take() and has_ended:
                pass
        return has_ended

    def _give(self) -> None:
        try:
            self._given = self._given[os.write(self._input.fileno(), self._given) :] if self._given else b""
        except BlockingIOError:
            return
        except BrokenPipeError:  # it wants no more
            self._given = b""
        if not self._given:
            self._selector.unregister(self._input)
            self._input.close()

    def _take(self) -> bool:
        try:
            data = os.read(self._errors.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(self._errors)
            return False
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
        self.tail = (self.tail + data)[-_TAIL:]
        return True
