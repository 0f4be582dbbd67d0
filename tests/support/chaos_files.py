"""Attacks of the chaos campaign on files: pipes in their place, and manifests that are written anew.

Each is a context, as in ``chaos_attacks``. A file belongs to one attack at a time.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from support.chaos_jobs import MANIFESTS, TRIGGERED, manifest_of
from support.chaos_world import World

# Pipes


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
    """A pipe in the place of a file, that is neither written to nor read."""
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
