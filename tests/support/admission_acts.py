"""Events with the runs and times they are about, and how each is done to the model and to the product."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from support import admission_backfills
from support.admission_model import AdmissionModel, Refused
from support.admission_state import JobRules
from support.clock import NOON
from support.doors import REFUSALS, Doors
from support.runs import job as job_spec

from jeeves_runner.core.model import JobSpec, Retries, RunStatus
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due

TIMES = ("*/4 * * * * *",)
SCHEDULE = parse_schedule(TIMES, "UTC", "test")

FOR_EVER = NOON + timedelta(days=3650)


@dataclass(frozen=True)
class Arrive:
    """Occurrences of a job are handed over."""

    job: str
    occurrences: tuple[datetime, ...]


@dataclass(frozen=True)
class Ask:
    """A run is asked for: at the runner, or by a row that another program writes."""

    job: str
    forced: bool
    by_row: bool = False


@dataclass(frozen=True)
class Hear:
    """The runner looks at what other programs have written."""


@dataclass(frozen=True)
class EndOf:
    """A program exits; ``unasked``, before its run can be asked to end for one that replaces it."""

    run: int
    code: int
    unasked: bool = False


@dataclass(frozen=True)
class CancelOf:
    run: int


@dataclass(frozen=True)
class PauseUntil:
    """The end of a pause of a job, or of all (None); ``FOR_EVER`` for one that has none, None to resume."""

    job: str | None
    until: datetime | None


@dataclass(frozen=True)
class SkipOf:
    """A person skips an occurrence, or takes that back."""

    job: str
    when: datetime
    back: bool = False


@dataclass(frozen=True)
class BackfillOf:
    """People ask for runs at these times, and all between them."""

    job: str
    times: tuple[datetime, ...]
    parallel: int


@dataclass(frozen=True)
class Further:
    """The runner takes backfills further."""


@dataclass(frozen=True)
class Declare:
    """An apply changes, disables, deletes or restores a job."""

    job: str
    how: str


Act = Arrive | Ask | Hear | EndOf | CancelOf | PauseUntil | SkipOf | BackfillOf | Further | Declare


def in_model(model: AdmissionModel, act: Act) -> bool:
    """Whether it was taken; true for acts that nothing refuses."""
    match act:
        case Arrive(job, occurrences):
            model.arrive_due(job, occurrences)
        case Ask() | SkipOf() | BackfillOf():
            return _is_taken(model, act)
        case Further():
            admission_backfills.go_further(model)
        case Hear() | Declare(_, "change"):  # a change is of nothing that the model knows
            model.look()
        case EndOf(run, code, unasked):
            model.end(run, RunStatus.ERROR if code else RunStatus.OK, unasked=unasked)
        case CancelOf(run):
            model.cancel(run)
        case PauseUntil(job, until):
            if until is None:
                model.resume(job)
            else:
                model.pause(job, until)
            model.look()
        case Declare(job, how):
            change: Callable[[str], None] = getattr(model, how)
            change(job)
            model.look()
        case _:
            assert_never(act)
    return True


def _is_taken(model: AdmissionModel, act: Ask | SkipOf | BackfillOf) -> bool:
    try:
        match act:
            case Ask(job, forced, by_row):
                ask = model.write_request if by_row else model.request_by_hand
                ask(job, forced=forced)
            case SkipOf(job, when, back):
                (model.unskip if back else model.skip)(job, when)
            case BackfillOf(job, times, parallel):
                admission_backfills.begin(model, job, times, parallel)
    except Refused:
        return False
    return True


def at_doors(doors: Doors, act: Act, rules: Sequence[JobRules]) -> "asyncio.Future[Any] | None":
    """Do it to the product, without waiting for what follows; the future of the answer, if there is one."""
    match act:
        case Arrive(job, occurrences):
            return doors.arrive_due(due_of(job, occurrences))
        case Ask() | SkipOf() | BackfillOf():
            return _answer(doors, act)
        case Further():
            doors.take_backfills_further()
        case Hear():
            doors.look()
        case EndOf(run, code):
            doors.end(run, code)
        case CancelOf(run):
            doors.cancel(run)
        case PauseUntil(job, None):
            doors.resume(job)
        case PauseUntil(job, until):
            doors.pause(job, None if until == FOR_EVER else until)
        case Declare():
            _declare(doors, act, rules)
        case _:
            assert_never(act)
    return None


def _answer(doors: Doors, act: Ask | SkipOf | BackfillOf) -> "asyncio.Future[Any]":
    job = act.job
    match act:
        case Ask(_, forced, by_row=True):
            return _written(doors, lambda: doors.write_request(job, forced=forced))
        case Ask(_, forced):
            return doors.request_by_hand(job, forced=forced)
        case SkipOf(_, when, back):
            write = doors.write_unskip if back else doors.write_skip
            return _written(doors, lambda: write(job, when))
        case BackfillOf(_, times, parallel):
            return _written(doors, lambda: doors.write_backfill(job, times[0], times[-1], parallel))


def _written(doors: Doors, write: Callable[[], object]) -> "asyncio.Future[Any]":
    answer: asyncio.Future[Any] = doors.loop.create_future()
    try:
        answer.set_result(write())
    except REFUSALS as refusal:
        answer.set_exception(refusal)
        answer.exception()  # who looks for it may look, and the others need not
    return answer


def _declare(doors: Doors, act: Declare, rules: Sequence[JobRules]) -> None:
    if act.how == "delete":
        doors.apply(delete=(act.job,))
        return
    (its,) = (each for each in rules if each.id == act.job)
    spec = spec_of(its, enabled=act.how != "disable")
    if act.how == "change":
        spec = spec._replace(
            description=f"after {doors.place.value('SELECT count(*) FROM revisions')} applies"
        )
    doors.apply(spec)


def due_of(job_id: str, occurrences: Sequence[datetime]) -> Due:
    return Due(
        job_id=job_id,
        schedule=SCHEDULE,
        first=occurrences[0],
        latest=occurrences[-1],
        count=len(occurrences),
    )


def spec_of(rules: JobRules, *, enabled: bool = True) -> JobSpec:
    """What a manifest would say."""
    retries = Retries(
        limit=rules.retries,
        delay_ms=rules.retry_delay // timedelta(milliseconds=1),
        on=tuple(str(status) for status in rules.retry_on),
    )
    return job_spec(
        rules.id,
        schedule=TIMES,
        overlap_policy=rules.overlap,
        catch_up=rules.catch_up,
        catch_up_window_ms=rules.window // timedelta(milliseconds=1),
        retries=retries if rules.retries else None,
        pool=rules.pool,
        priority=rules.priority,
        enabled=enabled,
    )
