"""What is said of an incident, and when: opened, reminders, recovered. Everything here decides.

An incident is what is wrong with one job, or one thing without a job, for one cause. Its state is a value
that a row of the database holds. What is to be said has an instant in it: a mute holds that back and does not
forget it, so nothing need happen when a mute ends but the look that happens anyway.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import Alert

COUNTED: Final = frozenset({Cause.FAILURE, Cause.INTERRUPTED})
"""The causes of which people may want to hear only after several in a row (``after``)."""

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
    """From when on there is something to say: that it is open, or, to those who know, that it still is."""
    remind_ms: int | None = None
    """How many milliseconds that was ahead when it was decided."""
    channels: tuple[str, ...] = ()
    """Where it was told, or is to be told."""


class Rules(NamedTuple):
    """By what is decided."""

    policy: Alert
    """What people want to hear."""
    channels: tuple[str, ...]
    """Where they hear of what opens now; empty: nowhere."""
    is_muted: bool = False
    """Whether nothing is to be said now."""
    is_resting: bool = False
    """Whether there are no reminders now: the job is paused or disabled."""


class Step(NamedTuple):
    """What follows."""

    incident: Incident
    """Its state from now on."""
    said: Said | None = None
    """What is said now, on its channels; None: nothing."""


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
    if incident.told_at is None:
        return _opened(incident, rules, now)
    if rules.is_resting:
        return Step(incident)
    return Step(_said(incident, rules.policy, now), Said.REMINDER)


def muted(incident: Incident, now: datetime) -> Incident:
    """A mute begins: what people know of is to be said once more when it ends."""
    return incident if incident.told_at is None else incident._replace(remind_at=now, remind_ms=0)


def _opened(incident: Incident, rules: Rules, now: datetime) -> Step:
    told = incident._replace(told_at=now, channels=rules.channels or incident.channels)
    return Step(_said(told, rules.policy, now), Said.OPENED)


def _said(incident: Incident, policy: Alert, now: datetime) -> Incident:
    length = policy.remind_ms
    remind_at = None if length is None else now + length * _MILLISECOND
    return incident._replace(said_at=now, remind_at=remind_at, remind_ms=length)
