"""A pipeline whose scripts fail in every way, under a server that is killed again and again.

Nothing is lost or done twice, and what came of what can be told: see ``support/pipeline_promises.py``.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from support.killed_at import Step
from support.pipeline_promises import check, check_finals, finals, is_done
from support.pipeline_world import (
    KINDS,
    LETTERS,
    MOMENTS,
    POISON,
    Doomed,
    lay_out,
    plan_fault,
    renew_token,
    steps_done,
)
from support.server import Server, until

SEEDS = (1,)
"""Of the short form, half a minute; PIPELINE_SEED="2 3" plays these rounds instead."""
ROUNDS = 50
AT_ONCE = 4
"""Most of a round is waiting."""
PATIENCE = 150.0
"""Seconds in which what is left of the work comes to its end: jobs rest that have come to nothing."""
KILLS = 4
FAULTS = 5
STEPS = (
    "jeeves_runner.db.queue_triggers:start",
    "jeeves_runner.db.queue_triggers:settle",
    "jeeves_runner.db.change_watches:start",
    "jeeves_runner.db.after:arrive",
    "jeeves_runner.db.run_ends:conclude",
    "jeeves_runner.db.run_requests:request_run",
    "jeeves_runner.db.queue_claims:settle_expired",
)
"""Within transactions of the server, before their commit."""


@pytest.mark.service
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [int(text) for text in os.environ.get("PIPELINE_SEED", "").split()] or SEEDS)
def test_every_letter_comes_through_once_whatever_fails(tmp_path: Path, seed: int) -> None:
    play(seed, tmp_path)


@pytest.mark.campaign
def test_a_long_campaign_breaks_no_pipeline(tmp_path: Path) -> None:
    first = random.SystemRandom().randrange(10**9)
    failed: list[int] = []

    def round_of(seed: int) -> None:
        root = tmp_path / str(seed)
        root.mkdir()
        try:
            play(seed, root)
        except AssertionError as error:
            failed.append(seed)
            print(f"seed {seed}: {error}", flush=True)

    print(f"seeds from {first}")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(round_of, range(first, first + ROUNDS)))
    assert not failed, f"{len(failed)} of {ROUNDS} rounds: {failed}"


def play(seed: int, root: Path) -> None:
    """Run the pipeline to its end under a server that is killed, while scripts fail."""
    chance = Random(seed)
    lay_out(root)
    for letter in chance.sample(sorted(set(range(LETTERS)) - POISON.keys()), FAULTS):
        job = chance.choice(("sort", "send"))
        plan_fault(root, job, chance.choice(MOMENTS), letter, chance.choice(KINDS))
    first_of_six = 6 * chance.randrange(LETTERS // 6)
    plan_fault(root, "fetch", chance.choice(MOMENTS), first_of_six, chance.choice(KINDS))
    expired = chance.randrange(KILLS)
    for life in range(KILLS):
        renew_token(root, "expired" if life == expired else "good")
        live_until_killed(root, chance)
        ended = finals(root)
        check_finals(ended, root)
    renew_token(root)
    server = Server(root)
    try:
        until(lambda: is_done(root), PATIENCE)
    finally:
        server.stop()
    check_finals(ended, root)
    check(root)


def live_until_killed(root: Path, chance: Random) -> None:
    """One life of a server, ended by SIGKILL: within one of its steps, or while scripts are at work."""
    step = Step(chance.choice(STEPS), chance.choice(("before", "after")), chance.randrange(1, 6))
    server = Doomed(root, step.program("serve") if chance.random() < 0.5 else None)
    enough = steps_done(root) + chance.randrange(2, 16)
    until(lambda: server.ended() is not None or steps_done(root) >= enough)
    server.fall()
