"""A clock that tests move, and the time at which most of them begin."""

from datetime import UTC, datetime, timedelta

from jeeves_runner.clock import SystemClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class HandClock:
    """It stands still until a test moves it. Take it where time decides: due runs, leases, expiry."""

    def __init__(self, start: datetime = NOON) -> None:
        self.time = start
        self._shift = timedelta(0)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - self._shift - NOON).total_seconds()

    boottime = monotonic

    def advance(self, **length: float) -> None:
        """Time passes."""
        self.time += timedelta(**length)

    def set(self, **length: float) -> None:
        """The wall clock is set forward or back. No time passes."""
        self._shift += timedelta(**length)
        self.advance(**length)


class NoonClock(SystemClock):
    """It goes as the machine's, and began at noon: no day ends while a test runs."""

    def __init__(self) -> None:
        self._ahead = NOON - super().now()

    def now(self) -> datetime:
        return super().now() + self._ahead
