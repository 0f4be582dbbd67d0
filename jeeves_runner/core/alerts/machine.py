"""What is said of an incident, and when: opened, reminders, recovered. Everything here decides.

An incident is what is wrong with one job, or one thing without a job, for one cause. Its state is a value
that a row of the database holds. What is to be said has an instant in it: a mute holds that back and does not
forget it, so nothing need happen when a mute ends but the look that happens anyway.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.alerts.words import Cause, Said

COUNTED: Final = frozenset({Cause.FAILURE, Cause.INTERRUPTED})
"""The causes of which people may want to hear only after several in a row (``after``)."""

AGAIN_FIRST: Final = timedelta(minutes=1)
AGAIN_LAST: Final = timedelta(hours=1)
"""After how long, at least and at most, it is told anew what no channel has taken."""

_MILLISECOND: Final = timedelta(milliseconds=1)


class Incident(NamedTuple):
    """What is known of something that is wrong and not over. Times are aware, UTC."""

    opened_at: datetime
    """When the first of it happened."""
    times: int = 0
    """How often it has happened since."""
    told_at: datetime | None = None
    """When people were first told; None: not yet."""
    said_at: datetime | None = None
    """When they were last told."""
    remind_at: datetime | None = None
    """From when on there is something to say: that it is open, or, to those who know, that it still is. What
    no channel has taken is not told before."""
    remind_ms: int | None = None
    """How many milliseconds that was ahead when it was decided."""
    channels: tuple[str, ...] = ()
    """Where it was told, or is to be told; its end is told there."""


class Rules(NamedTuple):
    """By what is decided."""

    policy: Alert
    """What people want to hear."""
    channels: tuple[str, ...]
    """Where they hear of it now; empty: nowhere."""
    is_muted: bool = False
    """Whether nothing is to be said now."""
    is_resting: bool = False
    """Whether there are no reminders now: the job is paused or disabled."""


class Step(NamedTuple):
    """What follows."""

    incident: Incident
    """Its state from now on."""
    said: Said | None = None
    """What is said now; None: nothing."""
    channels: tuple[str, ...] = ()
    """Where that is said."""


def happened(
    incident: Incident | None,
    cause: Cause,
    rules: Rules,
    now: datetime,
    times: int = 1,
    since: datetime | None = None,
) -> Step:
    """It has happened, ``times`` at once; ``incident`` is what is open of it. ``since``: when it began; None:
    now."""
    found = Incident(opened_at=min(since or now, now)) if incident is None else incident
    found = found._replace(times=found.times + times)
    is_enough = cause not in COUNTED or found.times >= rules.policy.after
    if found.told_at is not None or not is_enough or not rules.channels:
        return Step(found)
    if found.remind_at is not None and found.remind_at > now:
        return Step(found)
    if rules.is_muted:
        return Step(found._replace(remind_at=now, remind_ms=0, channels=rules.channels))
    return _opened(found, rules, now)


def ended(incident: Incident, rules: Rules) -> Said | None:
    """What is said at its end: RECOVERED, where people know of it and want to hear that it is over."""
    is_said = incident.told_at is not None and rules.policy.on_recovery and not rules.is_muted
    return Said.RECOVERED if is_said else None


def looked_at(incident: Incident, rules: Rules, now: datetime) -> Step:
    """Say what is to be said by now."""
    if incident.remind_at is None or incident.remind_at > now or rules.is_muted:
        return Step(incident)
    if incident.told_at is not None and rules.is_resting:
        return Step(incident)
    if not rules.channels:
        return Step(_later(incident, rules.policy, now))
    if incident.told_at is None:
        return _opened(incident, rules, now)
    known = tuple(dict.fromkeys((*incident.channels, *rules.channels)))
    return Step(_said(incident._replace(channels=known), rules.policy, now), Said.REMINDER, rules.channels)


def refused(incident: Incident, now: datetime) -> Incident:
    """No channel has taken the message by which it was to be told: it is told anew, and not as what people
    know already. The longer it lasts, the longer that waits."""
    wait = min(max((now - incident.opened_at) / 2, AGAIN_FIRST), AGAIN_LAST)
    again = round(wait / _MILLISECOND)
    return incident._replace(
        told_at=None, said_at=None, remind_at=now + again * _MILLISECOND, remind_ms=again
    )


def muted(incident: Incident, now: datetime) -> Incident:
    """A mute begins: what people know of is to be said once more when it ends."""
    return incident if incident.told_at is None else incident._replace(remind_at=now, remind_ms=0)


def _opened(incident: Incident, rules: Rules, now: datetime) -> Step:
    told = incident._replace(told_at=now, channels=rules.channels)
    return Step(_said(told, rules.policy, now), Said.OPENED, rules.channels)


def _said(incident: Incident, policy: Alert, now: datetime) -> Incident:
    return _later(incident._replace(said_at=now), policy, now)


def _later(incident: Incident, policy: Alert, now: datetime) -> Incident:
    length = policy.remind_ms
    remind_at = None if length is None else now + length * _MILLISECOND
    return incident._replace(remind_at=remind_at, remind_ms=length)
