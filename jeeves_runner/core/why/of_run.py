"""Why a run started, waits or did not start, and what became of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from jeeves_runner.core.alerts.texts import between
from jeeves_runner.core.causes import causes_from, in_words
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.model import Reason, RunStatus, Trigger
from jeeves_runner.core.reasons import CAUSES, TRIGGERS, reason_sentence
from jeeves_runner.core.run import Run
from jeeves_runner.core.why.answer import About, Answer, Part, Why
from jeeves_runner.core.why.facts import KnownRun
from jeeves_runner.core.why.words import distance, revision_words, said, told
from jeeves_runner.core.wording import counted

_SAME_MOMENT: Final = timedelta(seconds=1)
"""A start so soon after its time is not told as late."""

_VERBS: Final = {RunStatus.SCHEDULED: "is to run", RunStatus.RUNNING: "runs"}

_WITHOUT_SERVER: Final = (Reason.PAUSED, Reason.RETRY)
"""Reasons to wait that hold also while no server runs; others are what the last one noted."""

_ANSWERS: Final = {
    RunStatus.SCHEDULED: Answer.WAITS,
    RunStatus.RUNNING: Answer.RUNS,
    RunStatus.SKIPPED: Answer.SKIPPED,
    RunStatus.MISSED: Answer.MISSED,
}


def why_run(facts: KnownRun, zone: str, *, served: bool, now: datetime) -> Why:
    """Why this run is where it is. ``zone``: of the job; ``served``: whether a server runs."""
    run = facts.run
    answer = _ANSWERS.get(run.status, Answer.RAN)
    if run.status is RunStatus.CANCELLED and run.started_at is None:
        answer = Answer.CANCELLED
    return Why(answer, tuple(_parts(facts, zone, served, now)), run.scheduled_for)


def _parts(facts: KnownRun, zone: str, served: bool, now: datetime) -> Iterator[Part]:
    run = facts.run
    yield Part(About.CAUSE, _cause(facts, zone))
    if run.status is RunStatus.SCHEDULED:
        yield from _waiting(facts, zone, served, now)
    elif run.started_at is None:
        yield from _not_started(run, zone)
    else:
        yield Part(About.OUTCOME, _course(run, run.started_at, zone, now))
        if run.status is RunStatus.RUNNING and not served:
            yield Part(About.SERVER, "No server runs: the next one finds out what has become of it.")
        if run.reason is not None:
            yield Part(About.REASON, reason_sentence(run.status, run.reason, run.reason_ref) + _said(run))
    if (after := facts.after) is not None:
        yield Part(About.ATTEMPTS, f"Attempt {after.attempt}, run {after.id}, followed it: {after.status}.")
    if facts.revision is not None and run.file is not None:
        yield Part(
            About.DECLARED, f"It was declared in {run.file} by {revision_words(facts.revision, zone)}."
        )


def _cause(facts: KnownRun, zone: str) -> str:
    run = facts.run
    if run.occurrences > 1 and run.scheduled_for is not None and run.last_for is not None:
        span = f"from {told(run.scheduled_for, zone)} to {told(run.last_for, zone)}"
        return f"Run {run.id} stands for {run.occurrences:,} occurrences of its schedule, {span}."
    if run.occurrences > 1:
        return f"Run {run.id} stands for {run.occurrences:,} runs, the last because {_because(facts, zone)}."
    verb = _VERBS.get(run.status, "was to run" if run.started_at is None else "ran")
    return f"Run {run.id} {verb} because {_because(facts, zone)}."


def _because(facts: KnownRun, zone: str) -> str:
    run, before = facts.run, facts.before
    if run.trigger is Trigger.RETRY and before is not None:
        first = "" if before.id == run.chain_id else f"; the first attempt was run {run.chain_id}"
        return f"attempt {before.attempt}, run {before.id}, ended {before.status}{first}"
    words = TRIGGERS[run.trigger]
    if run.trigger.is_occurrence and run.scheduled_for is not None:
        due, _, later = words.partition(",")
        return f"{due} at {told(run.scheduled_for, zone)}{',' if later else ''}{later}"
    forced = ", with `--force`" if run.forced else ""
    causes = causes_from(run.caused_by)
    if causes is not None and (by := in_words(causes)):
        words = f"{by} asked for it" if run.trigger.is_by_hand else f"{words} ({by})"
    return f"{words}, at {told(run.created_at, zone)}{forced}"


def _waiting(facts: KnownRun, zone: str, served: bool, now: datetime) -> Iterator[Part]:
    run = facts.run
    if not served:
        yield Part(About.SERVER, "It waits for a server: none runs.")
    if run.reason is not None and (served or run.reason in _WITHOUT_SERVER):
        named = facts.active if run.reason is Reason.OVERLAP and run.reason_ref is None else run.reason_ref
        sentence = reason_sentence(run.status, run.reason, None if named is None else str(named))
        if run.reason is Reason.RETRY and run.not_before is not None:
            sentence = f"{sentence[:-1]}: {told(run.not_before, zone)}."
        if facts.until is not None:
            end = f"{told(facts.until, zone)}, {distance(facts.until, now)}"
            sentence = f"{sentence} If it has not by {end}, this run is skipped;"
            sentence += f" `jeeves-runner trigger {run.job_id}` does not ask for it."
        yield Part(About.REASON, sentence)
    elif served:
        yield Part(About.REASON, "No server has decided about it yet.")
    waited = f"It has waited since {told(run.created_at, zone)}, for {between(run.created_at, now)}"
    ahead = counted(facts.ahead, "run that waits", "runs that wait")
    come = "comes" if facts.ahead == 1 else "come"
    line = f", and {ahead} for the same {come} before it" if facts.ahead else ""
    yield Part(About.WAIT, f"{waited}{line}.")


def _not_started(run: Run, zone: str) -> Iterator[Part]:
    if run.reason is not None:
        yield Part(About.REASON, reason_sentence(run.status, run.reason, run.reason_ref) + _said(run))
    last = run.last_for or run.scheduled_for
    if run.status is RunStatus.MISSED and last is not None:
        looked = f"A server looked at {told(run.created_at, zone)}, {between(last, run.created_at)}"
        yield Part(About.SERVER, f"{looked} after {'the last of them' if run.occurrences > 1 else 'it'}.")


def _course(run: Run, started: datetime, zone: str, now: datetime) -> str:
    due = run.scheduled_for if run.trigger.is_occurrence else run.created_at
    later = "" if due is None or started - due < _SAME_MOMENT else f"{between(due, started)} later"
    if run.status is RunStatus.RUNNING:
        lasts = f"since {told(started, zone)}, for {between(started, now)}"
        words = f"It started {later or 'at once'} and has been running {lasts}."
        return words if run.cancel_cause is None else f"{words} It was asked to end {_asked(run, zone)}."
    began = f"It started {later}, {told(started, zone)}," if later else "It started at once"
    length = "" if run.duration_ms is None else f" after {in_units(run.duration_ms)}"
    if run.status in (RunStatus.CANCELLED, RunStatus.TIMEOUT) and run.cancel_cause is not None:
        return f"{began} and was ended{length} {CAUSES[run.cancel_cause]}."
    if run.status is RunStatus.SKIPPED:
        return f"{began} and ended{length}."
    return f"{began} and ended {run.status}{length}{'' if run.reason is not None else _ending(run)}."


def _asked(run: Run, zone: str) -> str:
    cause = CAUSES.get(run.cancel_cause or "", "")
    when = run.cancel_requested_at
    return cause if when is None else f"{cause}, {told(when, zone)}"


def _ending(run: Run) -> str:
    """What there is to say about an end that did not go well."""
    if run.status is RunStatus.OK:
        return ""
    if run.message:
        return f": {said(run.message)}"
    if run.signal is not None:
        return f": {run.signal}"
    return "" if run.exit_code is None else f": exit code {run.exit_code}"


def _said(run: Run) -> str:
    """What was said besides a reason."""
    return f" Noted with it: {said(run.message)}." if run.message and run.status is RunStatus.SKIPPED else ""
