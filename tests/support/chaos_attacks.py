"""The attacks of the chaos campaign.

An attack is a context: it begins with the block and is over with it. It yields whether it could be made:
without a server there is nobody to kill. ``draw`` gives whatever it leaves to chance.
"""

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

from support.chaos_jobs import MANIFESTS, QUEUE, TRIGGERED, manifest_of
from support.chaos_world import World
from support.db import child
from support.disk import fill
from support.server import until

Attack = Callable[[World, Random], AbstractContextManager[bool]]


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
    group = Path("/sys/fs/cgroup/pids", f"chaos-{os.getpid()}-{world.root.name}")
    if not world.is_up:
        yield False
        return
    try:
        group.mkdir()
    except OSError:  # only root may, and not everywhere
        yield False
        return
    try:
        _move([process.living.pid for process in world.processes()], group)
        now = int((group / "pids.current").read_text())
        (group / "pids.max").write_text(str(now + draw.randrange(3)))
        yield True
    finally:
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
    pid = world.server.pid
    try:
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        now = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (now + draw.randrange(4), hard))
    except (ProcessLookupError, FileNotFoundError):
        yield False
        return
    yield True
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


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

_HOLD: Final = """
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
        print("somebody reads", flush=True)
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
    with child(_HOLD, world.database, *words) as process:
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


# Files that may be anything


@contextmanager
def manifest_is_a_pipe(world: World, draw: Random) -> Iterator[bool]:
    with _pipe_at(world, manifest_of(world.root, draw.choice(list(MANIFESTS)))) as is_there:
        yield is_there


@contextmanager
def script_is_a_pipe(world: World, draw: Random) -> Iterator[bool]:
    name = draw.choice(["plain.sh", "producer.py", "worker.py"])
    with _pipe_at(world, world.root / "scripts" / name) as is_there:
        for job in ("script", "producer"):
            world.ask("POST", f"/jobs/{job}/run?wait=0s")
        yield is_there


@contextmanager
def logs_are_pipes(world: World, draw: Random) -> Iterator[bool]:
    """At the places of logs to come."""
    highest = max((*world.accepted, *(line.run for line in world.ledger())), default=0)
    pipes = []
    for number in range(highest + 1, highest + 6):
        job = draw.choice(TRIGGERED)
        path = world.disk / "logs" / job / f"{number}.log"
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.mkfifo(path)
            pipes.append(path)
        world.ask("POST", f"/jobs/{job}/run?wait=0s")
    yield bool(pipes)
    for path in pipes:
        if path.is_fifo():
            path.unlink()


@contextmanager
def own_log_is_a_pipe(world: World, draw: Random) -> Iterator[bool]:
    """SIGHUP has the server begin it anew."""
    with _pipe_at(world, world.root / "runner.log") as is_there:
        if is_there and world.is_up:
            assert world.server is not None
            world.server.signal(signal.SIGHUP)
        yield is_there


@contextmanager
def _pipe_at(world: World, path: Path) -> Iterator[bool]:
    """A pipe in the place of a file, that nobody writes to or reads."""
    with world.having(path) as is_ours:
        if not is_ours or not path.is_file():
            yield False
            return
        kept = path.with_name(f".{path.name}.kept")
        path.rename(kept)
        os.mkfifo(path)
        yield True
        kept.replace(path)


# Manifests


@contextmanager
def manifest_added(world: World, draw: Random) -> Iterator[bool]:
    name = f"extra-{draw.randrange(1000)}"
    manifest_of(world.root, name).write_text(f"timeout: 5s\nrun: echo {name}\n")
    yield True


@contextmanager
def manifest_edited(world: World, draw: Random) -> Iterator[bool]:
    name = draw.choice(TRIGGERED)
    with _changed(world, name, f"{MANIFESTS[name]}priority: {draw.randrange(10)}\n") as is_changed:
        yield is_changed


@contextmanager
def manifest_broken(world: World, draw: Random) -> Iterator[bool]:
    text = draw.choice(["", "run: [", "runs: echo\n"])
    with _changed(world, draw.choice(list(MANIFESTS)), text) as is_changed:
        yield is_changed


@contextmanager
def manifest_deleted(world: World, draw: Random) -> Iterator[bool]:
    with _changed(world, draw.choice(list(MANIFESTS)), None) as is_changed:
        yield is_changed


@contextmanager
def _changed(world: World, name: str, text: str | None) -> Iterator[bool]:
    path = manifest_of(world.root, name)
    with world.having(path) as is_ours:
        if not is_ours:
            yield False
            return
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        yield True
        path.write_text(MANIFESTS[name])


# What people do


@contextmanager
def triggered_by_http(world: World, draw: Random) -> Iterator[bool]:
    for _ in range(draw.randint(2, 8)):
        world.ask("POST", f"/jobs/{draw.choice(TRIGGERED)}/run?wait=0s")
    yield True


@contextmanager
def triggered_by_command(world: World, draw: Random) -> Iterator[bool]:
    answer = world.command("trigger", draw.choice(TRIGGERED), "--json")
    if answer.returncode == 0:
        world.accept(json.loads(answer.stdout)["run"])
    yield True


@contextmanager
def cancelled(world: World, draw: Random) -> Iterator[bool]:
    latest = sorted(world.accepted)[-6:]
    if latest:
        run = draw.choice(latest)
        if draw.random() < 0.7:
            world.ask("POST", f"/runs/{run}/cancel")
        else:
            world.command("cancel", str(run))
    yield bool(latest)


@contextmanager
def paused(world: World, draw: Random) -> Iterator[bool]:
    job = draw.choice(TRIGGERED)
    world.paused.add(job)
    answer = world.ask("POST", f"/jobs/{job}/pause")
    yield answer is not None and answer[0] == 200


@contextmanager
def queued_by_command(world: World, draw: Random) -> Iterator[bool]:
    name = f"by-hand-{draw.randrange(10**9)}"
    if world.command("queue", "push", QUEUE, f'"{name}"').returncode == 0:
        world.promised_by_hand.add(name)
    yield True


HOSTILE: Final[tuple[Attack, ...]] = (
    server_killed,
    starter_killed,
    planner_killed,
    planner_stopped,
    few_processes,
    few_descriptors,
    stranger_like_a_run,
    signals_without_an_end,
    stopped_by_signal,
    database_locked,
    wal_deleted,
    shm_deleted,
    disk_full,
    manifest_is_a_pipe,
    script_is_a_pipe,
    logs_are_pipes,
    own_log_is_a_pipe,
    manifest_added,
    manifest_edited,
    manifest_broken,
    manifest_deleted,
)
USUAL: Final[tuple[Attack, ...]] = (
    triggered_by_http,
    triggered_by_command,
    cancelled,
    paused,
    queued_by_command,
)

EXCUSING: Final = frozenset({"database_locked", "disk_full", "own_log_is_a_pipe"})
"""While one of these lasts, a server may say why it cannot start, or wait."""
