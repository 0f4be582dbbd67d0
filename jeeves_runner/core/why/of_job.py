"""Why a job last ran or did not, what comes next, and what keeps it from it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.why.answer import About, Answer, Part, Why
from jeeves_runner.core.why.coming import coming
from jeeves_runner.core.why.facts import Asked, JobFacts, KnownRun
from jeeves_runner.core.why.of_run import why_run
from jeeves_runner.core.why.of_time import why_nothing_at
from jeeves_runner.core.why.starting import starts
from jeeves_runner.core.why.states import damaged, deleted
from jeeves_runner.core.why.times import schedule_of

_SECOND = timedelta(seconds=1)


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
    return why.with_parts(*_next(facts, schedule, now))


def without_schedule(job: str, *, on_start: bool) -> str:
    """What starts a job that has no schedule, as a sentence."""
    also = " and when a server starts" if on_start else ""
    return f"{job} has no schedule; it runs when triggered{also}."


def _next(facts: JobFacts, schedule: Schedule | None, now: datetime) -> Iterator[Part]:
    declared = facts.declared
    if declared is None:
        yield damaged()
        return
    if not declared.enabled:
        text = f"It is declared `enabled: false` in {facts.file}:{facts.line}, so nothing of it is due."
        yield Part(About.STATE, text)
        return
    yield from starts(facts, now)
    if not declared.schedule and not facts.starts.are_there:
        yield Part(About.NEXT, without_schedule("It", on_start=facts.on_start))
    elif not declared.schedule or (facts.pause is not None and facts.pause.until is None):
        return  # of a pause, and of what ends it, `states` tells
    elif schedule is not None:
        yield from coming(facts, declared, schedule, now)
    else:
        yield damaged()
