"""The starter: a small program that starts the programs of runs, and reaps them when told to.

``starter`` runs it by its path, as ``python -I -S``, and is the other end of its socket; so it imports
nothing of the package. A start blocks a process until the exec is done, which on a busy machine takes
milliseconds: here it keeps no event loop from its work. It passes on no output and kills nothing. The
pipes are made by the runner, and what a run leaves behind is handed to the runner by the kernel, which
hands it the runs as well should the starter die.

A message is its length in four bytes, then a tuple by marshal. To the starter go ``("start", key, argv, env,
cwd)``, with two descriptors for stdout and stderr, and ``("reap", pid)``. From it come ``("ready",)`` once,
``("started", key, pid, instants)``, ``("failed", key, errno, path or None)``, ``("refused", key, text)`` and
``("exited", pid, status, over)``. ``instants`` are seconds: since boot, by the wall clock and the monotonic
one right before the start, and since boot after it. ``over`` is by the monotonic clock. A status is an exit
code, or minus a signal.

Two threads: one obeys; the other notes when programs end, also while the first is kept by a start. So a
start gives the interpreter's lock away, which ``os.posix_spawn`` does not.
"""

import ctypes
import errno
import marshal
import os
import select
import signal
import socket
import sys
from array import array
from collections import deque
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from struct import Struct
from threading import Thread
from time import CLOCK_BOOTTIME, clock_gettime, monotonic, time
from typing import Any

LENGTH = Struct("!I")
_RECEIVED = 1 << 18
_FDS = 253  # the most that one message of the kernel carries
_LOOK_AGAIN = 0.05  # seconds between two looks at processes that the kernel does not tell of
_CATCHABLE = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
_FOR_THE_SYSTEM = {
    *(signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS),
    signal.SIGTRAP,
    *(signal.SIGCONT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
    *(signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGPIPE, signal.SIGXFSZ),
}
_FOR_THE_RUNNER = _CATCHABLE - _FOR_THE_SYSTEM

LIBC = ctypes.CDLL(None)
_ROOM = 1024  # bytes; no C library's spawn attributes, file actions or signal sets are larger
_SETSIGDEF, _SETSIGMASK, _SETSID = 0x04, 0x08, 0x80  # <spawn.h> of glibc and musl


class Exits:
    """Notes when programs end. Its descriptor can be read once there is something to take."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._leaders: dict[int, int] = {}  # by their pidfds
        self._seen: deque[tuple[int, float]] = deque()
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        Thread(target=self._watch, daemon=True).start()

    def add(self, pid: int) -> None:
        """Watch a child that has not been reaped. OSError if the kernel has no room for that."""
        pidfd = os.pidfd_open(pid)
        self._leaders[pidfd] = pid  # it may have ended by now
        try:
            self._poll.register(pidfd, select.EPOLLIN | select.EPOLLONESHOT)
        except OSError:
            del self._leaders[pidfd]
            os.close(pidfd)
            raise

    def take(self) -> list[tuple[int, float]]:
        """Who has ended since the last time, and when by the monotonic clock."""
        os.eventfd_read(self.descriptor)
        found = []
        while self._seen:
            pidfd, over = self._seen.popleft()
            found.append((self._leaders.pop(pidfd), over))
            os.close(pidfd)
        return found

    def _watch(self) -> None:
        while True:
            ended = self._poll.poll()
            over = monotonic()
            self._seen.extend((pidfd, over) for pidfd, _ in ended)
            os.eventfd_write(self.descriptor, 1)


class Spawn:
    """Starts programs in sessions of their own, with signals as a shell leaves them. It is ``posix_spawn``,
    and other threads go on meanwhile."""

    def __init__(self) -> None:
        self._attributes = ctypes.create_string_buffer(_ROOM)
        mask, default = ctypes.create_string_buffer(_ROOM), ctypes.create_string_buffer(_ROOM)
        LIBC.sigemptyset(mask)
        LIBC.sigemptyset(default)
        for number in _CATCHABLE:
            LIBC.sigaddset(default, int(number))
        LIBC.posix_spawnattr_init(self._attributes)
        LIBC.posix_spawnattr_setflags(self._attributes, ctypes.c_short(_SETSIGDEF | _SETSIGMASK | _SETSID))
        LIBC.posix_spawnattr_setsigmask(self._attributes, mask)
        LIBC.posix_spawnattr_setsigdefault(self._attributes, default)

    def __call__(self, path: str, argv: tuple[str, ...], env: dict[bytes, bytes], *standard: int) -> int:
        """The pid. ``standard``: descriptors for stdin, stdout and stderr. OSError, and ValueError for text
        that no program can get."""
        words = [os.fsencode(word) for word in (path, *argv)]
        settings = [b"%b=%b" % each for each in env.items()]
        if any(b"\0" in word for word in (*words, *settings)):
            raise ValueError("embedded null byte")
        if any(not name or b"=" in name for name in env):
            raise ValueError("illegal environment variable name")
        program, *arguments = words
        actions, pid = ctypes.create_string_buffer(_ROOM), ctypes.c_int()
        LIBC.posix_spawn_file_actions_init(actions)
        try:
            for number, descriptor in enumerate(standard):
                if failed := LIBC.posix_spawn_file_actions_adddup2(actions, descriptor, number):
                    raise OSError(failed, os.strerror(failed))
            failed = LIBC.posix_spawn(
                ctypes.byref(pid), program, actions, self._attributes, _strings(arguments), _strings(settings)
            )
        finally:
            LIBC.posix_spawn_file_actions_destroy(actions)
        if failed:
            raise OSError(failed, os.strerror(failed), path)
        return pid.value


def _strings(texts: list[bytes]) -> "ctypes.Array[ctypes.c_char_p]":
    """As C has them: with a null pointer at the end."""
    return (ctypes.c_char_p * (len(texts) + 1))(*texts)


class Starter:
    """Obeys the messages of one socket until its other end closes."""

    def __init__(self, sock: socket.socket, soft_limit: int | None) -> None:
        self._sock = sock
        self._poll = select.epoll()
        self._poll.register(sock, select.EPOLLIN)
        self._peer = select.poll()
        self._peer.register(sock, 0)  # tells of its end alone
        self._buffer = b""
        self._fds: deque[int] = deque()
        self._orders: deque[tuple[Any, ...]] = deque()
        self._exits = Exits()
        self._poll.register(self._exits.descriptor, select.EPOLLIN)
        self._spawn_program = Spawn()
        self._unwatched: list[int] = []  # leaders for which the kernel had no room
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        soft, self._hard = getrlimit(RLIMIT_NOFILE)
        self._soft = soft if soft_limit is None else soft_limit

    def serve(self) -> None:
        """Between two starts, tell of exits; before each, look whether the runner is still there.

        Raises OSError at once where the kernel does not tell of exits: then nothing has been started.
        """
        os.close(os.pidfd_open(os.getpid()))
        self._tell("ready")
        while True:
            for pid in self._unwatched[:]:
                if self._tell_exit(pid, monotonic()):
                    self._unwatched.remove(pid)
            patience = _LOOK_AGAIN if self._unwatched else -1
            for fd, events in self._poll.poll(0 if self._orders else patience):
                if fd == self._exits.descriptor:
                    for pid, over in self._exits.take():
                        self._tell_exit(pid, over)
                elif events & (select.EPOLLHUP | select.EPOLLERR) or not self._receive():
                    return
            if self._orders:
                if self._peer.poll(0):
                    return
                self._obey(*self._orders.popleft())

    def _receive(self) -> bool:
        setrlimit(RLIMIT_NOFILE, (self._hard, self._hard))
        data, ancillary, flags, _ = self._sock.recvmsg(
            _RECEIVED, socket.CMSG_SPACE(_FDS * 4), socket.MSG_CMSG_CLOEXEC
        )
        for _, _, content in ancillary:
            fds = array("i")
            fds.frombytes(content)
            self._fds.extend(fds)
        if not data or flags & socket.MSG_CTRUNC:
            return False
        data = self._buffer + data
        start = 0
        while len(data) - start >= LENGTH.size:
            (length,) = LENGTH.unpack_from(data, start)
            end = start + LENGTH.size + length
            if len(data) < end:
                break
            self._orders.append(marshal.loads(data[start + LENGTH.size : end]))
            start = end
        self._buffer = data[start:]
        return True

    def _obey(self, word: str, *rest: Any) -> None:
        if word == "start":
            self._start(*rest)
        else:
            os.waitpid(rest[0], 0)

    def _start(self, key: int, argv: tuple[str, ...], env: dict[bytes, bytes], cwd: str) -> None:
        stdout, stderr = self._fds.popleft(), self._fds.popleft()
        path: str | None = cwd
        try:
            os.chdir(cwd)
            path = None
            before = clock_gettime(CLOCK_BOOTTIME), time(), monotonic()
            setrlimit(RLIMIT_NOFILE, (self._soft, self._hard))  # the program inherits it
            pid = self._spawn(argv, env, stdout, stderr)
            after = clock_gettime(CLOCK_BOOTTIME)
        except OSError as error:
            self._tell("failed", key, error.errno, path)
        except ValueError as error:
            self._tell("refused", key, str(error))
        else:
            self._tell("started", key, pid, (*before, after))
            self._watch(pid)
        finally:
            os.close(stdout)
            os.close(stderr)
            os.chdir("/")

    def _spawn(self, argv: tuple[str, ...], env: dict[bytes, bytes], stdout: int, stderr: int) -> int:
        fault: OSError | None = None
        for path in _candidates(argv[0], env):
            try:
                return self._spawn_program(path, argv, env, self._null, stdout, stderr)
            except OSError as error:
                # As execvp does it: a folder of PATH without the program is no failure of its own.
                if fault is None or fault.errno in (errno.ENOENT, errno.ENOTDIR):
                    fault = error
        raise fault or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _watch(self, pid: int) -> None:
        setrlimit(RLIMIT_NOFILE, (self._hard, self._hard))
        try:
            self._exits.add(pid)
        except OSError:
            self._unwatched.append(pid)

    def _tell_exit(self, pid: int, over: float) -> bool:
        """Tell how a process has ended, if it has: at ``over``, or at this moment."""
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return False
        exited = found.si_code == os.CLD_EXITED
        self._tell("exited", pid, found.si_status if exited else -found.si_status, over)
        return True

    def _tell(self, *message: Any) -> None:
        data = marshal.dumps(message)
        self._sock.sendall(LENGTH.pack(len(data)) + data)


def _candidates(program: str, env: dict[bytes, bytes]) -> list[str]:
    """Where the program may be. Files that are not there are left out: to try one costs a process."""
    if "/" in program:
        return [program]
    path = env.get(b"PATH")
    folders = os.get_exec_path({} if path is None else {"PATH": os.fsdecode(path)})
    return [place for folder in folders if _exists(place := f"{folder}/{program}")]


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # the start will say what is wrong with it
    return True


def _stay() -> None:
    """Signals meant for all of a service's processes are for the runner: this one ends with its socket.

    The handlers do nothing.
    """
    for number in _FOR_THE_RUNNER:
        signal.signal(number, lambda *_: None)


def main(fd: int, soft_limit: int | None) -> None:
    """Serve the socket of this number, which no program gets: orders hold secrets of other runs."""
    os.set_inheritable(fd, False)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would take the exit status of every run
    _stay()
    try:
        Starter(socket.socket(fileno=fd), soft_limit).serve()
    except ConnectionError:  # the runner has died while it was told something
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2] else None)
