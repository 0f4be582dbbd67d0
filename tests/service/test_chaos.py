"""Whatever is done to the runner while it works, it keeps its promises: see ``support/chaos_promises.py``."""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.chaos_round import Figures, play

SEEDS = (99, 107, 129)
"""Of the short form: the same stories each time, with each kind of attack; the campaign looks for others."""
ROUNDS = 100
AT_ONCE = 4
"""Most of a round is waiting."""


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [int(text) for text in os.environ.get("CHAOS_SEED", "").split()] or SEEDS)
def test_a_round_of_attacks_breaks_no_promise(tmp_path: Path, seed: int) -> None:
    print(table([play(seed, tmp_path / "round")], failures=0))


@pytest.mark.campaign
def test_a_long_campaign_of_attacks_breaks_no_promise(tmp_path: Path) -> None:
    first = random.SystemRandom().randrange(10**9)
    failed: list[str] = []

    def round_of(seed: int) -> Figures | None:
        try:
            figures = play(seed, tmp_path / str(seed))
        except AssertionError as error:
            failed.append(str(error))
            print(error, flush=True)
            return None
        print(f"seed {seed}: ok", flush=True)
        return figures

    print(f"seeds from {first}")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        played = [figures for figures in threads.map(round_of, range(first, first + ROUNDS)) if figures]
    print(table(played, failures=len(failed)))
    assert not failed, f"{len(failed)} of {ROUNDS} rounds"


def table(rounds: list[Figures], failures: int) -> str:
    """The figures of all rounds, for people."""
    counts = sum((figures.counts for figures in rounds), Counter[str]())
    rows = [
        ("rounds", str(len(rounds) + failures)),
        *((name.replace("_", " "), str(count)) for name, count in sorted(counts.items())),
        ("longest stop", f"{max((figures.longest_stop for figures in rounds), default=0):.1f} s"),
        ("failures", str(failures)),
    ]
    return "\n".join(f"{name:<24}{value:>8}" for name, value in rows)
