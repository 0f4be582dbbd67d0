"""Properties that are tried with a few examples every day, and with many in a campaign."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings

T = TypeVar("T", bound=Callable[..., object])

_TIMES: Final = 40
"""How many times as many examples a campaign tries."""


def searched(examples: int, *, without: Sequence[HealthCheck] = ()) -> Callable[[T], T]:
    """Try so many examples every day; in a campaign, which runs the test as well, 40 times as many."""
    is_campaign = settings.default is settings.get_profile("campaign")

    def decorate(test: T) -> T:
        number = examples * (_TIMES if is_campaign else 1)
        found = settings(max_examples=number, deadline=None, suppress_health_check=list(without))(test)
        return pytest.mark.campaign(found) if is_campaign else found

    return decorate
