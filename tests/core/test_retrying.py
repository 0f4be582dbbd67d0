"""Which failed runs are tried again, and after how long."""

import pytest

from jeeves_runner.core.model import Retries, RunStatus
from jeeves_runner.core.retrying import MOST_TAKEN_UP, is_taken_up, retry_delay_ms
from jeeves_runner.core.run import Outcome


def ended(status: RunStatus, code: int | None = None) -> Outcome:
    return Outcome(status=status, exit_code=code)


FAILED = ended(RunStatus.ERROR, 1)


def delay_after(retries: Retries | None, outcome: Outcome, attempt: int) -> int | None:
    return retry_delay_ms(retries, outcome.status, outcome.exit_code, attempt)


def test_without_retries_there_is_one_attempt() -> None:
    assert delay_after(None, FAILED, 1) is None


def test_there_are_as_many_retries_as_the_limit_says() -> None:
    twice = Retries(limit=2, delay_ms=10)
    assert [delay_after(twice, FAILED, attempt) for attempt in (1, 2, 3)] == [10, 10, None]


def test_exponential_backoff_doubles_up_to_its_maximum() -> None:
    retries = Retries(limit=10_000, delay_ms=1000, backoff="exponential", max_delay_ms=5000)
    delays = [delay_after(retries, FAILED, attempt) for attempt in (1, 2, 3, 4, 9_999)]
    assert delays == [1000, 2000, 4000, 5000, 5000]


@pytest.mark.parametrize("status", [s for s in RunStatus if s.is_final])
def test_only_the_listed_statuses_are_retried(status: RunStatus) -> None:
    plain = Retries(limit=1)
    assert (delay_after(plain, ended(status), 1) is not None) == (status in ("error", "timeout"))
    listed = Retries(limit=1, on=("interrupted",))
    assert (delay_after(listed, ended(status), 1) is not None) == (status == "interrupted")


def test_exit_codes_narrow_errors_down_and_nothing_else() -> None:
    picky = Retries(limit=1, on_exit_codes=(75,))
    assert delay_after(picky, ended(RunStatus.ERROR, 75), 1) is not None
    assert delay_after(picky, ended(RunStatus.ERROR, 1), 1) is None
    assert delay_after(picky, ended(RunStatus.ERROR), 1) is None
    assert delay_after(picky, ended(RunStatus.TIMEOUT), 1) is not None


@pytest.mark.parametrize(("retries", "usual"), [(None, 0), (Retries(limit=2), 2)])
def test_what_is_cut_off_of_a_backfill_is_taken_up_again_so_many_times(
    retries: Retries | None, usual: int
) -> None:
    last = usual + MOST_TAKEN_UP
    assert all(is_taken_up(retries, RunStatus.INTERRUPTED, attempt) for attempt in range(1, last + 1))
    assert not is_taken_up(retries, RunStatus.INTERRUPTED, last + 1)
    assert not any(
        is_taken_up(retries, status, 1) for status in RunStatus if status is not RunStatus.INTERRUPTED
    )
