"""How long a service wants to be left alone, as it says in seconds or by a date."""

import pytest
from support.clock import NOON

from jeeves_runner.core.retry_after import retry_after


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (None, None),
        ("3", 3),
        ("0.5", 0.5),
        ("-1", 0),
        ("99999999", 3600),
        ("nan", None),
        ("soon", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
    ],
)
def test_a_wait_is_seconds_or_a_date(written: str | None, seconds: float | None) -> None:
    assert retry_after(written, NOON) == seconds


def test_a_service_that_says_more_is_asked_again_after_the_longest() -> None:
    assert retry_after("301", NOON, longest=300) == 300
