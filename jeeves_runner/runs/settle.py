"""What a dead runner left behind, put in order before the first admission."""

import asyncio
import logging
from collections.abc import Sequence, Set
from contextlib import suppress
from typing import NamedTuple

import apsw

from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.outcome import Cancelled, Finished, Lost, is_confirmed
from jeeves_runner.core.run import Run
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.db.jobs import job_rows
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.runs import LeftRun, cancel_cause, left_running
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.execute.contract import Executor, Handle, LeftFacts
from jeeves_runner.execute.output.log_file import join_log
from jeeves_runner.execute.output.log_place import LogPlace, stdout_of, written_at
from jeeves_runner.execute.output.log_reader import LogReader
from jeeves_runner.execute.output.sink import Output
from jeeves_runner.execute.output.stream_tail import StreamTail
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runs.outcomes import Report, record_outcome
from jeeves_runner.runs.run_lines import tell_end

log = logging.getLogger(__name__)

_AT_ONCE = 8
"""Runs whose work is looked for at the same time."""

_PATIENCE = 10.0
"""Seconds to wait for the end of work that was asked to end, before it is recorded as lost."""


class Kept(NamedTuple):
    """A run that has outlived its runner."""

    left: LeftRun
    """What was recorded of it."""
    executor: Executor
    """What carries it out."""
    handle: Handle
    """Its work, found again."""


class Recovered(NamedTuple):
    """What became of the runs that were recorded as running."""

    kept: list[Kept]
    """Those whose work goes on."""
    unbegun: list[tuple[LeftRun, Lost]]
    """Those whose work was to begin and has not."""
    lost: list[tuple[LeftRun, Report]]
    """The others, of which nothing is left, each with what is to be recorded of it."""


async def recover_left_runs(conn: apsw.Connection, executors: Executors, data_dir: str) -> Recovered:
    """Get the executors ready, and see what became of the runs that are recorded as running.

    What is left of those that have not outlived their runner is ended. Nothing is written: it may be one of
    them that holds the write lock.
    """
    await executors.open()
    left = list(left_running(conn))
    outliving = sum(one.origin is not None for one in left)
    if outliving < len(left):
        log.warning("runs of a runner that has ended, which are settled: %d", len(left) - outliving)
    if outliving:
        log.info("runs that may have gone on without a server, which are followed: %d", outliving)
    specs = _specs(conn, {one.run.job_id for one in left})
    gate = asyncio.Semaphore(_AT_ONCE)

    async def recover(one: LeftRun) -> tuple[Executor, Handle] | Lost:
        async with gate:
            answer = await executors.recover(left_facts(one, specs.get(one.run.job_id)), one.handle)
        if isinstance(answer, Lost) and answer.left_alive is not None:
            log.warning("run %d of %s: %s", one.run.id, one.run.job_id, answer.left_alive)
        return answer

    found = list(zip(left, await asyncio.gather(*map(recover, left)), strict=True))
    lost = [(one, answer) for one, answer in found if isinstance(answer, Lost)]
    recovered = Recovered(
        kept=[Kept(one, *answer) for one, answer in found if not isinstance(answer, Lost)],
        unbegun=[(one, answer) for one, answer in lost if not answer.began],
        lost=[(one, await left_report(one, answer, data_dir)) for one, answer in lost if answer.began],
    )
    if left:
        kept, unbegun, lost_ones = len(recovered.kept), len(recovered.unbegun), len(recovered.lost)
        log.info("of them %d go on, %d had not begun, %d are interrupted", kept, unbegun, lost_ones)
    return recovered


async def record_lost_runs(lost: Sequence[tuple[LeftRun, Report]], writer: Writer, epoch: int) -> None:
    """Record them as interrupted, all in one transaction."""

    def op(tx: Tx) -> list[Run]:
        return [_record(tx, one, report, epoch) for one, report in lost]

    if lost:
        for run in await writer.write(op, priority=Priority.OUTCOME):
            tell_end(run)


async def end_left_run(executors: Executors, left: LeftRun, data_dir: str) -> Report:
    """End a run that no runner looks after, whatever carries it out; how it ended."""
    answer = await executors.recover(left_facts(left, None), left.handle)
    if isinstance(answer, Lost):
        why = "the runner died" if left.origin is None else "no server followed it"
        lost = Lost(message=f"{why}; ended on request", left_alive=answer.left_alive)
        return await left_report(left, lost, data_dir)
    return await left_report(left, await _cancelled(*answer), data_dir)


async def _cancelled(executor: Executor, handle: Handle) -> Cancelled:
    """End work that outlives its runner; what is known of its end."""
    await executor.cancel(handle, 0)
    try:
        async with asyncio.timeout(_PATIENCE):
            ending = await executor.wait(handle, Output(None, 0))
    except TimeoutError:
        return Cancelled(confirmed=False)
    known = ending if isinstance(ending, Finished | Cancelled) else Cancelled()
    if is_confirmed(ending):
        return Cancelled(tokens=known.tokens, model=known.model)
    return Cancelled(message=known.message, tokens=known.tokens, model=known.model, confirmed=False)


def left_facts(left: LeftRun, spec: JobSpec | None) -> LeftFacts:
    """What an executor is told of a run that an earlier runner started. ``spec`` is that of its job now, if
    how the run ends is to be judged."""
    run = left.run
    return LeftFacts(
        run_id=run.id,
        job_id=left.began_as or run.job_id,  # its processes and sessions have that one
        mark=left.mark,
        started_at=run.started_at,
        origin=left.origin,
        spec=spec,
    )


async def left_report(left: LeftRun, ending: Lost | Cancelled, data_dir: str) -> Report:
    """What there is to record of a run of which nothing is left but its log."""
    return Report(
        ending=ending, record=await asyncio.to_thread(left_record, left.run, data_dir, left.earlier)
    )


def left_record(run: Run, data_dir: str, earlier: tuple[str, ...] = ()) -> RunRecord:
    """What a run left besides its process, which has ended: its log, put in order, and the end of its stdout
    where that is in a file of its own. ``earlier``: the ids that its job had before. Blocks."""
    place = LogPlace(data_dir, run.job_id, run.id, earlier=earlier)
    for each in (place, stdout_of(place)):
        try:
            join_log(each)
        except OSError as error:
            log.warning("the log %s stays in two parts: %s", each, error.strerror or error)
    try:
        written_at(place)
    except OSError:  # it has none
        return RunRecord()
    return RunRecord(log_path=str(place), stdout=_tail_of(stdout_of(place)))


def _tail_of(place: LogPlace) -> str | None:
    tail = StreamTail()
    try:
        for part in LogReader(place).read():
            tail.add(part)
    except OSError:  # there is none, as of most runs
        return None
    return tail.text()


def _record(tx: Tx, left: LeftRun, report: Report, epoch: int) -> Run:
    spec = _specs(tx.conn, {left.run.job_id}).get(left.run.job_id)
    retries = None if spec is None else spec.retries
    cause = cancel_cause(tx.conn, left.run.id)
    return record_outcome(tx, left.run.id, report, retries, epoch=epoch, cause=cause)


def _specs(conn: apsw.Connection, job_ids: Set[str]) -> dict[str, JobSpec]:
    """The specs that these jobs have now, by id; without those whose rows were damaged by hand."""
    found = {}
    for job in job_rows(conn, sorted(job_ids)):
        with suppress(SpecError):
            found[job.id] = job_from_text(job.spec_text)
    return found
