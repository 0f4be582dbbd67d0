"""How long a channel that fails is left alone."""

from datetime import timedelta

import pytest

from jeeves_runner.core.alerts.backoff import LONGEST, rest


def seconds(failures: int, retry_after: float | None = None, chance: float = 0.5) -> float:
    return rest(failures, retry_after, lambda: chance) / timedelta(seconds=1)


def test_it_doubles_up_to_the_longest() -> None:
    assert [seconds(n) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert seconds(10) == seconds(10**9) == LONGEST
    assert seconds(3, chance=0.0) == pytest.approx(3.2)
    assert seconds(3, chance=1.0) == pytest.approx(4.8)


@pytest.mark.parametrize("asked", [1.0, 0.2, 120.0, 3600.0])
def test_what_the_channel_asks_for_is_kept_to(asked: float) -> None:
    for failures in (1, 2, 20):
        assert seconds(failures, asked) >= asked
    assert seconds(1, asked, chance=0.0) == max(asked, 0.8)


@pytest.mark.parametrize("asked", [0.0, 0.01])
def test_a_channel_that_asks_for_nothing_is_not_asked_without_an_end(asked: float) -> None:
    """As one that says the time of day by a clock of its own, which is over."""
    assert [seconds(n, asked) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
