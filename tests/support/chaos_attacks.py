"""The attacks of the chaos campaign on processes, on the database and on its disk.

An attack is a context: it begins with the block and is over with it. It yields whether it could be made:
without a server there is none to kill. ``draw`` gives whatever it leaves to chance.
"""

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

from support.chaos_world import World
from support.db import child
from support.disk import fill
from support.server import until

# Processes


@contextmanager
def server_killed(world: World, draw: Random) -> Iterator[bool]:
    was_there = world.server is not None
    world.kill()
    yield was_there


@contextmanager
def starter_killed(world: World, draw: Random) -> Iterator[bool]:
    yield _killed(world.part_of_server("starter_main"), draw)


@contextmanager
def planner_killed(world: World, draw: Random) -> Iterator[bool]:
    yield _killed(world.part_of_server("planner_process"), draw)


@contextmanager
def planner_stopped(world: World, draw: Random) -> Iterator[bool]:
    """It is there and does not answer."""
    planners = world.part_of_server("planner_process")
    _signal(planners, signal.SIGSTOP)
    yield bool(planners)
    _signal(planners, signal.SIGCONT)


@contextmanager
def few_processes(world: World, draw: Random) -> Iterator[bool]:
    """Hardly one process or thread more for the server and what comes from it."""
    if not world.is_up:
        yield False
        return
    pids = [process.living.pid for process in world.processes()]
    if os.geteuid():
        with ExitStack() as stack:
            for pid in pids:
                stack.enter_context(_limited(pid, resource.RLIMIT_NPROC, draw.randrange(3)))
            yield True
        return
    with _group() as group:  # the limit of a user does not hold for root
        if group is not None:
            _move(pids, group)
            now = int((group / "pids.current").read_text())
            (group / "pids.max").write_text(str(now + draw.randrange(3)))
        yield group is not None


@contextmanager
def _group() -> Iterator[Path | None]:
    """A cgroup that can limit processes, of either version; None where there can be none."""
    base = Path("/sys/fs/cgroup/pids")
    group = (base if base.exists() else base.parent) / f"chaos-{os.getpid()}-{time.monotonic_ns()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        yield group if (group / "pids.max").exists() else None
    finally:
        with suppress(OSError):
            (group / "pids.max").write_text("max")
        until(lambda: _is_left(group))


def _is_left(group: Path) -> bool:
    _move(map(int, (group / "cgroup.procs").read_text().split()), group.parent)
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


def _move(pids: "Iterator[int] | list[int] | map[int]", group: Path) -> None:
    for pid in pids:
        with suppress(OSError):
            (group / "cgroup.procs").write_text(str(pid))


@contextmanager
def few_descriptors(world: World, draw: Random) -> Iterator[bool]:
    """Hardly one open file more for the server."""
    if not world.is_up:
        yield False
        return
    assert world.server is not None
    try:
        now = len(list(Path(f"/proc/{world.server.pid}/fd").iterdir()))
    except FileNotFoundError:
        now = 0
    with _limited(world.server.pid, resource.RLIMIT_NOFILE, now + draw.randrange(4)):
        yield True


@contextmanager
def _limited(pid: int, limit: int, most: int) -> Iterator[None]:
    """A process that has ended is let go."""
    before: tuple[int, int] | None = None
    with suppress(ProcessLookupError):
        before = resource.prlimit(pid, limit)
        resource.prlimit(pid, limit, (most, before[1]))
    yield
    with suppress(ProcessLookupError):
        if before is not None:
            resource.prlimit(pid, limit, before)


def _killed(pids: list[int], draw: Random) -> bool:
    if pids:
        _signal([draw.choice(sorted(pids))], signal.SIGKILL)
    return bool(pids)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def stranger_like_a_run(world: World, draw: Random) -> Iterator[bool]:
    """It bears the mark of a run, and comes from another database, as beside a copy."""
    marks = [line.what for line in world.ledger() if line.word == "began"]
    if marks:
        world.put_stranger(JR_RUN_MARK=marks[-1], JR_DB_PATH=str(world.root / "copy.sqlite"))
    yield bool(marks)


# Signals


@contextmanager
def signals_without_an_end(world: World, draw: Random) -> Iterator[bool]:
    """SIGHUP has the server look; the others have no meaning."""
    was_up = world.is_up
    if was_up:
        assert world.server is not None
        for _ in range(draw.randint(1, 5)):
            world.server.signal(draw.choice([signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM]))
    yield was_up


@contextmanager
def stopped_by_signal(world: World, draw: Random) -> Iterator[bool]:
    """Sometimes a second one follows at once, and means without grace."""
    was_up = world.is_up
    if was_up:
        assert world.server is not None
        for _ in range(draw.randint(1, 2)):
            world.server.ask_to_stop(draw.choice([signal.SIGTERM, signal.SIGQUIT, signal.SIGINT]))
    yield was_up


# The database and its disk

HOLD: Final = """
import os, sys, apsw
conn = apsw.Connection(sys.argv[1])
conn.set_busy_timeout(5_000)
try:
    conn.execute("PRAGMA wal_autocheckpoint=0; BEGIN IMMEDIATE").fetchall()
except apsw.Error as error:
    print(error, flush=True)
    os._exit(0)
if len(sys.argv) > 2:
    wal = sys.argv[1] + "-wal"
    other = apsw.Connection(sys.argv[1])
    other.execute("SELECT count(*) FROM runs").fetchall()  # from here on it knows of the log
    frames, copied = other.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    if frames != copied:
        print("there is a reader", flush=True)
        os._exit(0)
    os.unlink(wal)
print("done", flush=True)
sys.stdin.readline()
os._exit(0)
"""
"""Holds the write lock, and ends as a process that is killed. With a second argument it also deletes the log
of writes, once all that was acknowledged has been copied from it: what a file takes along, no program can
keep."""


@contextmanager
def database_locked(world: World, draw: Random) -> Iterator[bool]:
    """Another program holds SQLite's write lock."""
    with _holder(world) as answer:
        yield answer == "done"


@contextmanager
def wal_deleted(world: World, draw: Random) -> Iterator[bool]:
    with _holder(world, "delete") as answer:
        if answer == "done" and world.server is not None:
            world.server.lose_files()
    yield answer == "done"


@contextmanager
def shm_deleted(world: World, draw: Random) -> Iterator[bool]:
    path = world.database.with_name("runner.sqlite-shm")
    was_up = world.is_up and path.exists()
    if was_up:
        assert world.server is not None
        path.unlink()
        world.server.lose_files()
    yield was_up


@contextmanager
def _holder(world: World, *words: str) -> Iterator[str]:
    if not world.is_up:
        yield ""
        return
    with child(HOLD, world.database, *words) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            with suppress(BrokenPipeError):
                process.communicate("go\n")


@contextmanager
def disk_full(world: World, draw: Random) -> Iterator[bool]:
    with world.having(world.disk) as is_ours:
        if not is_ours or not world.has_own_disk:
            yield False
            return
        filler = fill(world.disk)
        yield True
        filler.unlink()
