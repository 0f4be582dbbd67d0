"""Why a job ran at a time or did not: an occurrence of its schedule, or a time at which it has none."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from jeeves_runner.core.alerts.texts import between
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.model import CatchUp, Reason
from jeeves_runner.core.reasons import CATCHES_UP
from jeeves_runner.core.schedule.schedule import Schedule
from jeeves_runner.core.schedule_entry import entries_text
from jeeves_runner.core.why.answer import About, Answer, Part, Why
from jeeves_runner.core.why.clock_words import clock_part
from jeeves_runner.core.why.coming import unwanted, wanted_skipped
from jeeves_runner.core.why.facts import Asked, Declared, JobFacts, KnownRun, Then
from jeeves_runner.core.why.next_look import reason_of_next
from jeeves_runner.core.why.of_run import why_run
from jeeves_runner.core.why.states import damaged, deleted
from jeeves_runner.core.why.times import excluded_in, occurrence_in, schedule_of
from jeeves_runner.core.why.words import distance, revision_words, told

_MILLISECOND = timedelta(milliseconds=1)
_INSTANT = timedelta(microseconds=1)


def why_at(facts: JobFacts, asked: Asked, then: Then | None, run: KnownRun | None, now: datetime) -> Why:
    """Why the job ran at a time, or did not. ``then``: how it was declared at it, if not as it is now;
    ``run``: the row that stands for that time."""
    if run is None:
        return why_nothing_at(facts, asked, then, now)
    declared = facts.declared if then is None or then.declared is None else then.declared
    zone = "UTC" if declared is None else declared.timezone
    why = why_run(run, zone, served=facts.served, now=now)
    schedule = None if declared is None else schedule_of(declared, facts.namespace)
    occurrence = occurrence_in(schedule, asked.at, asked.until) or run.run.scheduled_for
    return why._replace(parts=(*clock_part(asked, occurrence, schedule, zone, now), *why.parts))


def why_nothing_at(facts: JobFacts, asked: Asked, then: Then | None, now: datetime) -> Why:
    """Why there is no row of this time. ``then``: how the job was declared at it, if not as it is now."""
    if then is not None and then.declared is None:
        return _not_declared(facts, asked, then, now)
    if then is None and facts.deleted_at is not None and asked.at >= facts.deleted_at:
        return Why(Answer.DELETED, tuple(deleted(facts)))
    declared = facts.declared if then is None else then.declared
    if declared is None:
        return Why(Answer.DAMAGED, (damaged(),))
    parts = list(_changed(then, declared))
    schedule = schedule_of(declared, facts.namespace)
    occurrence = occurrence_in(schedule, asked.at, asked.until)
    if schedule is None or occurrence is None:
        return _no_occurrence(facts, declared, schedule, asked, now).with_parts(*parts)
    clock = clock_part(asked, occurrence, schedule, declared.timezone, now)
    found = _occurrence(facts, declared, schedule, occurrence, then, now)
    return found._replace(parts=(*clock, *found.parts, *parts), scheduled_for=occurrence)


def _occurrence(
    facts: JobFacts,
    declared: Declared,
    schedule: Schedule,
    occurrence: datetime,
    then: Then | None,
    now: datetime,
) -> Why:
    """Of an occurrence that has no row."""
    zone = declared.timezone
    due = f"It {'was' if occurrence <= now else 'is'} due at {told(occurrence, zone)}"
    if not declared.enabled:
        return Why(Answer.DISABLED, (_disabled(facts, then is None),))
    if occurrence > now:
        return _to_come(facts, occurrence, f"{due}, {distance(occurrence, now)}")
    if then is None and facts.deleted_at is None and occurrence > facts.undecided_since:
        return _undecided(facts, schedule, occurrence, due, now)
    kept = (
        "and no row tells of it any more: what became of it was deleted with the runs that `run_retention`"
        " or `keep` no longer keep, or was never recorded because no server ran with this database."
    )
    return Why(Answer.PRUNED, (Part(About.KEPT, f"{due}, {kept}"),))


def _to_come(facts: JobFacts, occurrence: datetime, due: str) -> Why:
    if (reason := unwanted(facts, occurrence)) is not None:
        answer, text = reason
        return Why(answer, (Part(About.TIME, f"{due}, and {text}."),))
    return Why(Answer.NOT_YET_DUE, (Part(About.TIME, f"{due}: its time has not come."),))


def _undecided(facts: JobFacts, schedule: Schedule, occurrence: datetime, due: str, now: datetime) -> Why:
    """Of an occurrence that has come and that no server has looked at."""
    if facts.served and facts.catches_up_at is not None:
        return _to_catch_up(facts, schedule, occurrence, due, facts.catches_up_at, now)
    if facts.served:
        return Why(Answer.UNDECIDED, (Part(About.SERVER, f"{due}; the server is about to decide about it."),))
    reason = reason_of_next(facts, schedule, occurrence, now)
    answer = Answer.TO_BE_SKIPPED if reason is Reason.SKIP else Answer.UNDECIDED
    text = f"{due}, and no server has looked since; the next one {_fate(facts, occurrence, reason)}."
    if reason is None and facts.catch_up_spread:
        spread = in_units(facts.catch_up_spread // _MILLISECOND)
        text += f" By `catch_up_spread` that may be {spread} after it has started."
    return Why(answer, (Part(About.SERVER, text),))


def _to_catch_up(
    facts: JobFacts, schedule: Schedule, occurrence: datetime, due: str, moment: datetime, now: datetime
) -> Why:
    """Of one that is late, and decided about at a moment of its own, or when the job is next due."""
    following = schedule.next_after(now)
    when = moment if following is None else max(now, min(moment, following))
    looked_at = min(now, moment - facts.catch_up_spread)
    reason = reason_of_next(facts, schedule, occurrence, when, looked_at)
    if reason is None:
        sentence = CATCHES_UP.said(f"{told(when, facts.zone)}, {distance(when, now)}")
        return Why(Answer.TO_CATCH_UP, (Part(About.TIME, f"{due}."), Part(About.WAIT, sentence)))
    answer = Answer.TO_BE_SKIPPED if reason is Reason.SKIP else Answer.UNDECIDED
    about = f"at about {told(when, facts.zone)} (`catch_up_spread`)"
    text = f"{due}; {about} the server {_fate(facts, occurrence, reason)}."
    return Why(answer, (Part(About.SERVER, text),))


def _fate(facts: JobFacts, occurrence: datetime, reason: Reason | None) -> str:
    window = in_units(facts.catch_up_window // _MILLISECOND)
    match reason:
        case None:
            none_later = "" if facts.catch_up is CatchUp.ALL else " and none later is due"
            return f"will run it, if it looks within `catch_up_window` ({window}){none_later}"
        case Reason.PAUSED:
            return "will skip it, if the job is still paused then"
        case Reason.SKIP:
            return f"will skip it, because {wanted_skipped(facts, occurrence)}"
        case Reason.NO_CATCH_UP:
            return "will record it as missed, because the job has `catch_up: none`"
        case Reason.SUPERSEDED:
            return "will record it as missed, because a later one takes its place (`catch_up: latest`)"
        case _:
            return f"will record it as missed, because `catch_up_window` is {window}"


def _no_occurrence(
    facts: JobFacts, declared: Declared, schedule: Schedule | None, asked: Asked, now: datetime
) -> Why:
    zone = declared.timezone
    if not declared.schedule:
        part = Part(
            About.TIME, f"The job has no schedule in {facts.file}:{facts.line}; it runs when triggered."
        )
        return Why(Answer.NO_SCHEDULE, (part,))
    if (excluded := excluded_in(declared, facts.namespace, asked)) is not None:
        text = f"Its schedule has {told(excluded.at, zone)}, and `exclude` leaves it out: {excluded.by}."
        why = Why(Answer.EXCLUDED, (Part(About.TIME, text),), excluded.at)
    else:
        entries = entries_text(declared.schedule)
        text = f"Its schedule ({entries}, {zone}) has no occurrence at {_asked_words(asked, zone)}."
        clock = clock_part(asked, None, schedule, zone, now)
        why = Why(Answer.NO_OCCURRENCE, (Part(About.TIME, text), *clock))
    return _with_nearest(why, facts, schedule, asked, zone)


def _with_nearest(why: Why, facts: JobFacts, schedule: Schedule | None, asked: Asked, zone: str) -> Why:
    if schedule is None:
        return why
    before = schedule.latest(facts.created_at, asked.at - _INSTANT)
    after = schedule.next_after(asked.until - _INSTANT)
    near = [
        f"{told(each, zone)} {word} it"
        for each, word in ((before, "before"), (after, "after"))
        if each is not None
    ]
    words = (
        f"The nearest are {near[0]} and {near[1]}."
        if len(near) == 2
        else "".join(f"The nearest is {each}." for each in near)
    )
    part = Part(About.NEAREST, words) if words else None
    return why.with_parts(part)._replace(before=before, after=after)


def _asked_words(asked: Asked, zone: str) -> str:
    if asked.local is None:
        return told(asked.at, zone)
    return f"{asked.local:%Y-%m-%d %H:%M}{f':{asked.local:%S}' if asked.local.second else ''} {zone}"


def _not_declared(facts: JobFacts, asked: Asked, then: Then, now: datetime) -> Why:
    zone = facts.zone
    at = _asked_words(asked, zone)
    if not then.is_known:
        text = f"What was declared at {at} is not known any more: revisions since then are gone, or too many."
        return Why(Answer.UNKNOWN, (Part(About.KEPT, text),))
    if then.changed_by is None:
        first = (
            f": it was first applied at {told(facts.created_at, zone)}" if asked.at < facts.created_at else ""
        )
        return Why(Answer.NOT_DECLARED, (Part(About.DECLARED, f"The job was not declared at {at}{first}."),))
    brought, later = revision_words(then.changed_by, zone), between(asked.at, then.changed_by.applied_at)
    text = f"The job was not declared at {at}: {brought}, brought it {later} later."
    return Why(Answer.NOT_DECLARED, (Part(About.DECLARED, text),))


def _changed(then: Then | None, declared: Declared) -> Iterator[Part]:
    """What has changed since a time at which the job was declared otherwise."""
    if then is not None and then.changed_by is not None:
        entries = entries_text(declared.schedule) or "none"
        text = (
            f"Its schedule then was {entries}; {revision_words(then.changed_by, declared.timezone)}, changed"
        )
        yield Part(About.DECLARED, f"{text} when it runs.")


def _disabled(facts: JobFacts, is_now: bool) -> Part:
    if is_now:
        return Part(
            About.STATE,
            f"It is declared `enabled: false` in {facts.file}:{facts.line}; nothing of it is due.",
        )
    return Part(About.STATE, "It was declared `enabled: false` at that time; nothing of it was due.")
