"""What the runner makes of a clock that is wrong, was wrong, or has been put right. Everything here decides.

A step is told by wall clock against boot time, so that a suspend is none. Whatever waits for a length of time
waits no longer than that, also where a clock that was ahead has dated its end.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

JUMP: Final = timedelta(seconds=5)
"""By how much wall clock and boot time may part between two looks before the clock counts as set."""

FAR: Final = timedelta(hours=3)
"""A watermark further ahead of now was written by a wrong clock. A start further behind the newest record
waits for the clock."""

START_PATIENCE: Final = timedelta(minutes=2)
"""How long such a start waits. A machine without a clock of its own has asked for the time by then."""

LEAP: Final = timedelta(days=1)
"""A longer step ahead may be an error that makes all history look old: nothing is deleted by it at once."""

REST: Final = timedelta(days=1)
"""For how much uptime after a leap the age of things is counted by the time before it."""

_NONE: Final = timedelta(0)


class Reading(NamedTuple):
    """The three clocks, read at one moment."""

    wall: datetime
    """The time of day: aware, UTC."""
    boot: float
    """Seconds since boot, sleep included."""
    awake: float
    """Seconds without sleep."""


class Step(NamedTuple):
    """What happened to the clocks between two readings."""

    by: timedelta = _NONE
    """By how much the wall clock was set: ahead if positive, back if negative; nothing within JUMP."""
    slept: timedelta = _NONE
    """How long the machine was suspended; nothing within JUMP."""
    awake: timedelta = _NONE
    """How long it was awake."""

    @property
    def is_back(self) -> bool:
        return self.by < _NONE

    @property
    def is_leap(self) -> bool:
        return self.by > LEAP


def step(before: Reading, after: Reading) -> Step:
    """By how much the wall clock was set between two readings, and how long the machine slept."""
    boot = timedelta(seconds=after.boot - before.boot)
    awake = timedelta(seconds=after.awake - before.awake)
    by, slept = after.wall - before.wall - boot, boot - awake
    return Step(
        by=by if abs(by) > JUMP else _NONE,
        slept=slept if slept > JUMP else _NONE,
        awake=awake,
    )


class StartClock(NamedTuple):
    """How the clock of a start stands against the newest time in the database."""

    behind: timedelta = _NONE
    """By how much it is behind; nothing within JUMP. What was recorded since then by a clock that was ahead
    is to be put right."""
    is_leap: bool = False
    """It is so far ahead that no runner ran for long, or that the clock is wrong. It may be either."""

    @property
    def is_far_behind(self) -> bool:
        """The clock may still be put right: a start waits for that."""
        return self.behind > FAR


def judge_start(newest: datetime | None, now: datetime) -> StartClock:
    """``newest`` is the time that a runner has seen last; None if there was none."""
    if newest is None:
        return StartClock()
    return StartClock(behind=newest - now if newest - now > JUMP else _NONE, is_leap=now - newest > LEAP)


def time_left(until: datetime, length: timedelta | None, now: datetime) -> timedelta:
    """How long a wait still lasts that was to last ``length``: no longer than that, and nothing once it is
    over. Without a length a person has named its end."""
    left = max(_NONE, until - now)
    return left if length is None else min(left, length)


def is_far_ahead(watermark: datetime | None, now: datetime) -> bool:
    """Whether a watermark says nothing, because a clock that was wrong has written it."""
    return watermark is not None and watermark - now > FAR


def undecided_since(since: datetime, watermark: datetime | None, now: datetime) -> datetime:
    """The time after which a job's occurrences still come.

    ``since`` is when its schedule began to hold, which is never later than now. A watermark counts unless it
    is far ahead: then the job goes on from now.
    """
    begun = min(since, now)
    if watermark is None:
        return begun
    return now if is_far_ahead(watermark, now) else max(begun, watermark)


class Rest(NamedTuple):
    """After a leap: the age of what is deleted counts by the time before it, for a while."""

    time: datetime
    """What the time would be without the leap."""
    left: timedelta
    """How much uptime the rest still lasts."""

    def after(self, awake: timedelta) -> "Rest | None":
        """The same so much uptime later; None once it is over."""
        passed = max(_NONE, awake)
        return None if passed >= self.left else Rest(self.time + passed, self.left - passed)


def rest_after(rest: Rest | None, passed: Step, before: datetime) -> Rest | None:
    """The rest in force after a step of the clock, ``before`` being the wall clock before it."""
    if rest is not None:
        rest = rest.after(passed.awake)
    if not passed.is_leap:
        return rest
    time = before + max(_NONE, passed.awake) if rest is None else rest.time
    return Rest(time, REST)


def rest_at_start(rest: Rest | None, newest: datetime | None, start: StartClock) -> Rest | None:
    """The rest in force at a start: a new one after a leap, else what is left of the last runner's.

    A machine that was off for long rests as well. It deletes a little later for that, and no less: the time
    before counts meanwhile.
    """
    if not start.is_leap or newest is None:
        return rest
    return Rest(newest if rest is None else rest.time, REST)


def time_of_age(rest: Rest | None, now: datetime) -> datetime:
    """The time by which it is decided what has outlived its retention."""
    return now if rest is None else min(now, rest.time)
