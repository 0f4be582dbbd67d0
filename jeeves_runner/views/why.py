"""Why a job ran at a time, or did not: one answer with its parts."""

from datetime import datetime, timedelta
from typing import Annotated, Final, TypedDict

import apsw

from jeeves_runner.core.run import Run
from jeeves_runner.core.why.answer import About, Answer, Why
from jeeves_runner.core.why.facts import Asked, JobFacts, KnownRun
from jeeves_runner.core.why.of_job import why_now
from jeeves_runner.core.why.of_run import why_run
from jeeves_runner.core.why.of_time import why_at
from jeeves_runner.core.why.states import states
from jeeves_runner.core.why.times import asked, occurrence_in, schedule_of
from jeeves_runner.db import jobs, revisions, run_list, runs
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.declared_then import declared_then
from jeeves_runner.db.renames import new_id
from jeeves_runner.db.revisions import RevisionRow
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.db.why_facts import job_facts, newest_run, run_facts, run_in
from jeeves_runner.errors import InvalidValue, NotFound
from jeeves_runner.views.occurrences import NO_MOMENTS, Moments, text_of

_MILLISECOND: Final = timedelta(milliseconds=1)
_LONGEST_NUMBER: Final = 19
"""Digits from which on a number is none of a run."""

_Found = tuple[Why, KnownRun | None]
"""An answer, and the run that it is about."""


class PartDocument(TypedDict):
    """One sentence of an answer."""

    about: Annotated[str, About]
    """What it is about."""
    text: str
    """The sentence, for people."""


class NearestDocument(TypedDict):
    """The occurrences around a time that has none."""

    before: str | None
    """The last one before it."""
    after: str | None
    """The first one after it."""


class WhyDocument(TypedDict):
    """Why a job ran at a time, or did not."""

    job_id: str
    """The job; its present id, where an older one was asked for."""
    answer: Annotated[str, Answer]
    """What became of it, in a word."""
    text: str
    """All of it as one paragraph: the texts of the parts."""
    parts: list[PartDocument]
    """The reasons one by one."""
    scheduled_for: str | None
    """The occurrence; null: there is none at that time, or the run is of none."""
    nearest: NearestDocument | None
    """Of a time without an occurrence, those around it."""
    run: RunRow | None
    """The run, or the row that says why it did not run; null: there is none."""
    ahead: int | None
    """Of a run that waits, how many wait for the same and come before it."""
    revision: RevisionRow | None
    """The apply by which the run ran what it ran; without a run, the one that last wrote the job."""


def why_view(
    conn: apsw.Connection,
    now: datetime,
    job_id: str,
    *,
    at: str | None = None,
    run_id: int | None = None,
    served: bool,
    catching_up: Moments = NO_MOMENTS,
    catch_up_spread: timedelta = timedelta(0),
    zone: str | None = None,
) -> WhyDocument:
    """The answer about a time (on the clocks of the job's zone), about a run, or about what happened last.

    ``served``: whether a server runs; ``catching_up``: when it has late jobs catch up, by id;
    ``catch_up_spread``: over how long the next one spreads them; ``zone``: other clocks than those of the job
    that times are told and read on. NotFound for a job that there never was;
    InvalidValue for a text that is no time, and for a run of another job.
    """
    with snapshot(conn):
        facts = _job(conn, now, job_id, served=served)
        facts = facts._replace(catches_up_at=catching_up.get(facts.id), catch_up_spread=catch_up_spread)
        facts = facts if zone is None else facts._replace(clocks=zone)
        if run_id is not None:
            why, found = _about_run(facts, run_facts(conn, _run_of(conn, facts, run_id), now), now)
        elif at is not None:
            why, found = _about_time(conn, facts, asked(at, now, facts.zone, "the time"), now)
        else:
            why, found = _about_now(conn, facts, now)
        return _document(conn, facts, why.with_parts(*states(facts)), found)


def _job(conn: apsw.Connection, now: datetime, job_id: str, *, served: bool) -> JobFacts:
    name = new_id(conn, job_id) or job_id
    facts = job_facts(conn, now, name, served=served)
    if facts is None:
        raise _unknown(conn, job_id)
    return facts if name == job_id else facts._replace(renamed_from=job_id)


def _unknown(conn: apsw.Connection, job_id: str) -> NotFound:
    """The error for an id that was never a job's; it may be the number of a run."""
    number = int(job_id) if is_number(job_id) else None
    run = None if number is None else runs.run(conn, number)
    if run is None:
        return jobs.unknown_job(conn, job_id)
    hint = f"run {number} is of {run.job_id}: `why {run.job_id} {number}`"
    return NotFound(jobs.unknown_job(conn, job_id).message, hint=hint)


def is_number(text: str) -> bool:
    """Whether a text is the number of a run rather than a time."""
    return text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER


def _run_of(conn: apsw.Connection, facts: JobFacts, run_id: int) -> Run:
    run = runs.run(conn, run_id)
    if run is None:
        raise runs.unknown_run(conn, run_id)
    if run.job_id != facts.id:
        raise InvalidValue(
            f"run {run_id} is not of {facts.id}", hint=f"it is of {run.job_id}: `why {run.job_id} {run_id}`"
        )
    return run


def _about_run(facts: JobFacts, found: KnownRun, now: datetime) -> _Found:
    return why_run(found, facts.zone, served=facts.served, now=now), found


def _about_now(conn: apsw.Connection, facts: JobFacts, now: datetime) -> _Found:
    newest = newest_run(conn, facts.id)
    found = None if newest is None else run_facts(conn, newest, now)
    why = why_now(facts, found, now)
    return why, found if why.is_of_run else None


def _about_time(conn: apsw.Connection, facts: JobFacts, about: Asked, now: datetime) -> _Found:
    """A row may stand for several occurrences: where the schedule has one then, it is looked for by that."""
    then = declared_then(conn, facts, about.at) if about.at <= now else None
    declared = facts.declared if then is None else then.declared
    schedule = None if declared is None else schedule_of(declared, facts.namespace)
    occurrence = occurrence_in(schedule, about.at, about.until)
    if occurrence is None:
        row = run_in(conn, facts.id, about.at, about.until)
        row = row if row is not None and _is_within(row, about) else None
    else:
        row = run_in(conn, facts.id, occurrence, occurrence + _MILLISECOND)
    found = None if row is None else run_facts(conn, row, now)
    return why_at(facts, about, then, found, now), found


def _is_within(row: Run, about: Asked) -> bool:
    return any(
        when is not None and about.at <= when < about.until for when in (row.scheduled_for, row.last_for)
    )


def _document(conn: apsw.Connection, facts: JobFacts, why: Why, found: KnownRun | None) -> WhyDocument:
    revision = facts.revision if found is None else found.revision
    has_nearest = (why.before, why.after) != (None, None)
    return {
        "job_id": facts.id,
        "answer": why.answer,
        "text": why.text,
        "parts": [{"about": part.about, "text": part.text} for part in why.parts],
        "scheduled_for": text_of(why.scheduled_for),
        "nearest": {"before": text_of(why.before), "after": text_of(why.after)} if has_nearest else None,
        "run": None if found is None else run_list.listed_run(conn, found.run.id),
        "ahead": found.ahead if found is not None and why.answer is Answer.WAITS else None,
        "revision": None if revision is None else revisions.revision(conn, revision.id),
    }
