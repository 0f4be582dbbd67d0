"""Why a job last ran or did not, what comes next, and what keeps it from it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.why.answer import About, Answer, Part, Why
from jeeves_runner.core.why.facts import Asked, JobFacts, KnownRun
from jeeves_runner.core.why.of_run import why_run
from jeeves_runner.core.why.of_time import why_nothing_at
from jeeves_runner.core.why.states import damaged, deleted
from jeeves_runner.core.why.times import schedule_of
from jeeves_runner.core.why.words import distance, told

_SECOND = timedelta(seconds=1)
_INSTANT = timedelta(microseconds=1)


def why_now(facts: JobFacts, newest: KnownRun | None, now: datetime) -> Why:
    """Why the last thing happened that did, or should have. ``newest``: the newest run of the job."""
    zone = facts.zone
    schedule = None
    if facts.declared is not None and facts.deleted_at is None and facts.declared.enabled:
        schedule = schedule_of(facts.declared, facts.namespace)
    open_one = None if schedule is None else schedule.latest(facts.undecided_since, now)
    if open_one is not None:
        why = why_nothing_at(facts, Asked(open_one, open_one + _SECOND), None, now)
    elif newest is not None:
        why = why_run(newest, zone, served=facts.served, now=now)
    else:
        why = Why(Answer.NEVER_RAN, (Part(About.OUTCOME, "No run of it is recorded."),))
    if facts.deleted_at is not None:
        return why.with_parts(*deleted(facts))
    return why.with_parts(*_next(facts, schedule, zone, now))


def _next(facts: JobFacts, schedule: Schedule | None, zone: str, now: datetime) -> Iterator[Part]:
    declared = facts.declared
    if declared is None:
        yield damaged()
    elif not declared.enabled:
        text = f"It is declared `enabled: false` in {facts.file}:{facts.line}, so nothing of it is due."
        yield Part(About.STATE, text)
    elif not declared.schedule:
        also = " and when a server starts" if facts.on_start else ""
        yield Part(About.NEXT, f"It has no schedule; it runs when triggered{also}.")
    elif facts.pause is not None and facts.pause.until is None:
        yield Part(About.NEXT, "Nothing of it starts before it is resumed.")
    elif schedule is not None and (coming := _coming(facts, schedule, now)) is not None:
        due = f"It is due next at {told(coming, zone)}, {distance(coming, now)}"
        yield Part(About.NEXT, f"{due}." if facts.served else f"{due}, and no server runs.")
    else:
        left_out = None if schedule is None else schedule.next_after(max(now, facts.undecided_since))
        yield Part(About.NEXT, _nothing_starts(facts, left_out, zone))


def _nothing_starts(facts: JobFacts, left_out: datetime | None, zone: str) -> str:
    """``left_out``: the first occurrence to come, although it will not run; None: there is none."""
    if left_out is None:
        return "Its schedule has no occurrence any more."
    why = "a person wants that skipped" if left_out in facts.skips else "the job is paused then"
    return f"It is due next at {told(left_out, zone)}, but {why}, and no later occurrence would run."


def _coming(facts: JobFacts, schedule: Schedule, now: datetime) -> datetime | None:
    """The next occurrence that neither a pause nor a person leaves out."""
    begin = now if facts.pause is None or facts.pause.until is None else facts.pause.until - _INSTANT
    found = schedule.next_after(max(begin, facts.undecided_since))
    while found is not None and found in facts.skips:
        found = schedule.next_after(found)
    return found
