"""Whatever is done to the runner and to Slack, people are told of each incident once: see ``chaos_told``."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.chaos_told_round import play

SEEDS = (43,)
"""Of the short form."""
ROUNDS = 40
AT_ONCE = 4
"""Most of a round is waiting."""


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [int(text) for text in os.environ.get("CHAOS_SEED", "").split()] or SEEDS)
def test_a_round_of_attacks_has_people_told_once(tmp_path: Path, seed: int) -> None:
    print(play(seed, tmp_path / "round", is_long=False))


@pytest.mark.campaign
def test_a_long_campaign_of_attacks_has_people_told_once(tmp_path: Path) -> None:
    first = random.SystemRandom().randrange(10**9)
    failed: list[str] = []

    def round_of(seed: int) -> None:
        try:
            print(f"seed {seed}: {play(seed, tmp_path / str(seed), is_long=True)}", flush=True)
        except AssertionError as error:
            failed.append(str(error))
            print(error, flush=True)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(round_of, range(first, first + ROUNDS)))
    assert not failed, f"{len(failed)} of {ROUNDS} rounds"
