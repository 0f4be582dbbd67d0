"""What it means for a time that the clocks of its zone are shifted."""

from datetime import datetime

from jeeves_runner.core.why.answer import About, Part
from jeeves_runner.core.why.facts import Asked
from jeeves_runner.core.why.times import Shift, shift_at, shift_of


def clock_part(asked: Asked, occurrence: datetime | None, zone: str, now: datetime) -> tuple[Part, ...]:
    """What clocks that are shifted have to do with it; nothing, if nothing."""
    shift = None if asked.local is None else shift_at(asked.local, zone)
    if shift is None:
        shift = shift_of(occurrence or asked.at, zone)
    if shift is None:
        return ()
    return (Part(About.CLOCK, _shift_words(shift, asked.local, occurrence, zone, now)),)


def _shift_words(
    shift: Shift, local: datetime | None, occurrence: datetime | None, zone: str, now: datetime
) -> str:
    past = shift.at < now
    go = "went" if past else "go"
    clocks = f"clocks of {zone} {go} from {shift.old:%H:%M} to {shift.new:%H:%M}"
    day = f"{min(shift.old, shift.new):%Y-%m-%d}"
    name = None if local is None or not shift.has(local) else f"{local:%H:%M}"
    if shift.skips:
        did = "did" if past else "does"
        begin = f"On {day} the {clocks}" if name is None else f"{name} {did} not exist on {day}: {clocks}"
        if shift.is_long:
            return f"{begin}, and what is due in between does not run."
        if occurrence == shift.at:
            ran = "ran" if past else "runs"
            return f"{begin}, and what is due in between by a fixed time {ran} at {shift.new:%H:%M}."
        return f"{begin}, and times that follow elapsed time, such as `*/15`, have none in between."
    came = "came" if past else "comes"
    begin = f"On {day} the {clocks}" if name is None else f"{name} {came} twice on {day}: {clocks}"
    return f"{begin}, and what is due in between by a fixed time runs once, the first time."
