"""What people do with a runner while it is attacked. Each is a context, as in ``chaos_attacks``."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from support.chaos_jobs import QUEUE, TRIGGERED
from support.chaos_world import World


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
