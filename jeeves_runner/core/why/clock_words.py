"""What it means for a time that the clocks of its zone are shifted."""

from datetime import datetime

from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.why.answer import About, Part
from jeeves_runner.core.why.facts import Asked
from jeeves_runner.core.why.times import Shift, occurs_at, shift_at, shift_of
from jeeves_runner.core.why.words import told


def clock_part(
    asked: Asked, occurrence: datetime | None, schedule: Schedule | None, zone: str, now: datetime
) -> tuple[Part, ...]:
    """What clocks that are shifted have to do with it; nothing, if nothing. ``occurrence``: that of
    ``schedule`` which was asked about, if there is one."""
    shift = None if asked.local is None else shift_at(asked.local, zone)
    if shift is None:
        shift = shift_of(occurrence or asked.at, zone)
    if shift is None:
        return ()
    past = shift.at < now
    name = None if asked.local is None or not shift.has(asked.local) else f"{asked.local:%H:%M}"
    day = f"{min(shift.old, shift.new) if name is None or asked.local is None else asked.local:%Y-%m-%d}"
    clocks = f"clocks of {zone} {'went' if past else 'go'} from {shift.old:%H:%M} to {shift.new:%H:%M}"
    if name is None:
        begin = f"On {day} the {clocks}"
    elif shift.skips:
        begin = f"{name} {'did' if past else 'does'} not exist on {day}: {clocks}"
    else:
        begin = f"{name} {'came' if past else 'comes'} twice on {day}: {clocks}"
    end = (
        _skipped(shift, occurrence, past)
        if shift.skips
        else _repeated(shift, occurrence, schedule, zone, past)
    )
    return (Part(About.CLOCK, f"{begin}, and {end}."),)


def _skipped(shift: Shift, occurrence: datetime | None, past: bool) -> str:
    if shift.is_long:
        return "what is due in between does not run"
    if occurrence == shift.at:
        return f"what is due in between by a fixed time {'ran' if past else 'runs'} at {shift.new:%H:%M}"
    return "times that follow elapsed time, such as `*/15`, have none in between"


def _repeated(
    shift: Shift, occurrence: datetime | None, schedule: Schedule | None, zone: str, past: bool
) -> str:
    if shift.is_long:
        return "what is due in between runs once, the first time"
    if occurrence is not None:
        first = occurrence if occurrence < shift.at else occurrence - shift.length
        both = first, first + shift.length
        if all(occurs_at(schedule, each) for each in both):
            words = "times that follow elapsed time, such as `*/15`,"
            times = " and ".join(told(each, zone) for each in both)
            return f"{words} {'occurred' if past else 'occur'} both times: {times}"
    return "what is due in between by a fixed time runs once, the first time"
