"""What comes next of a job, and what will be left out before it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.why.answer import About, Answer, Part
from jeeves_runner.core.why.facts import Asked, Declared, JobFacts
from jeeves_runner.core.why.times import excluded_in, schedule_of
from jeeves_runner.core.why.words import distance, said, told

_INSTANT = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


def unwanted(facts: JobFacts, occurrence: datetime) -> tuple[Answer, str] | None:
    """Why an occurrence that is to come will be skipped, as the end of a sentence; None if it will not."""
    if occurrence in facts.skips:
        return Answer.TO_BE_SKIPPED, f"will be skipped because {wanted_skipped(facts, occurrence)}"
    if facts.pause is not None and (facts.pause.until is None or occurrence < facts.pause.until):
        return Answer.PAUSED, "will be skipped because the job is paused then"
    return None


def wanted_skipped(facts: JobFacts, occurrence: datetime) -> str:
    """What a person said of an occurrence that is to be skipped."""
    reason = facts.skips[occurrence]
    return "a person wants this occurrence skipped" + (f": {said(reason)}" if reason else "")


def coming(facts: JobFacts, declared: Declared, schedule: Schedule, now: datetime) -> Iterator[Part]:
    """The next occurrence; if it will not run, why, and the next one that will; what `exclude` leaves out."""
    zone = facts.zone
    begin = max(now, facts.undecided_since)
    first = schedule.next_after(begin)
    if first is None:
        yield Part(About.NEXT, "Its schedule has no occurrence any more.")
    else:
        served = "" if facts.served else ", and no server runs"
        due = f"It is due next at {told(first, zone)}, {distance(first, now)}"
        reason = unwanted(facts, first)
        if reason is not None:
            due += f", and {reason[1]}; {_following(facts, schedule, first, zone, now)}"
        yield Part(About.NEXT, f"{due}{served}.")
    yield from _excluded(facts, declared, begin, first, now)


def _following(facts: JobFacts, schedule: Schedule, first: datetime, zone: str, now: datetime) -> str:
    """The first one later that will not be skipped. A pause has an end here, and the skips are some."""
    pause = facts.pause
    begin = first if pause is None or pause.until is None else max(first, pause.until - _INSTANT)
    found = schedule.next_after(begin)
    while found is not None and found in facts.skips:
        found = schedule.next_after(found)
    if found is None:
        return "none comes after it that is not skipped"
    return f"the first one after it that is not skipped is at {told(found, zone)}, {distance(found, now)}"


def _excluded(
    facts: JobFacts, declared: Declared, begin: datetime, first: datetime | None, now: datetime
) -> Iterator[Part]:
    """A time that would be the next one, if it were not excluded."""
    bare = schedule_of(declared._replace(exclude=()), facts.namespace) if declared.exclude else None
    at = None if bare is None else bare.next_after(begin)
    if at is None or at == first:
        return
    excluded = excluded_in(declared, facts.namespace, Asked(at, at + _SECOND))
    if excluded is not None:
        when = f"{told(at, facts.zone)}, {distance(at, now)}"
        before = "" if first is None else "before that, "
        yield Part(
            About.NEXT, f"Without `exclude` it would be due {before}at {when}: {excluded.by} leaves it out."
        )
