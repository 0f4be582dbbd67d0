"""What one attempt leaves behind: its output, its log, what is said of it meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from jeeves_runner.core.outcome import Cancelled, Ending, Exited, Finished, Span
from jeeves_runner.core.run import Run
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.sink import Output
from jeeves_runner.runs.outcomes import Report
from jeeves_runner.runs.progress import Progress, Said


class Logs(NamedTuple):
    """Where the logs of runs go."""

    data_dir: str
    """The absolute path of the data folder, in which they are."""
    max_bytes: int
    """The size of a log beyond which its middle is cut out."""


class Trace:
    """The trace of a run that starts, or that is taken over; ``output`` is its sink.

    ``of_precheck``: it begins with that of the precheck, which is no longer looked at once the main part has
    begun, but for its place in the log. ``sends_output``: people are to get all of its stdout.
    """

    def __init__(
        self,
        run: Run,
        logs: Logs,
        write_said: Callable[[int, Said], Awaitable[object]],
        *,
        of_precheck: bool = False,
        sends_output: bool = False,
    ) -> None:
        self._of_precheck = of_precheck
        self._log = LogPlace(logs.data_dir, run.job_id, run.id)
        self._progress = Progress(partial(write_said, run.id), Said(run.message, run.tokens))
        self.output = Output(self._log, logs.max_bytes, self._progress.say, copies_stdout=sends_output)

    def known(self) -> RunRecord:
        """What is known of it while it runs."""
        return RunRecord(script_hash=self._script_hash, log_path=str(self._log))

    @property
    def _script_hash(self) -> str | None:
        """Of what the main part runs."""
        return None if self._of_precheck else self.output.script_hash

    def begin_main_part(self) -> None:
        """The precheck has ended, and the main part follows."""
        self._of_precheck = False
        self.output.begin_part()

    def never_begun(self) -> Cancelled:
        """The end of work that was asked to end before it began, and what it waited for."""
        said = self._progress.message
        return Cancelled(message=None if said is None else f"it had not begun, and last said: {said}")

    def say_no_more(self) -> None:
        """The run is over here, or another runner's."""
        self._progress.close()

    async def close(self) -> None:
        """Wait until the log holds all there is, or as long as that may take."""
        self.output.close()
        with suppress(asyncio.CancelledError):  # a run that was to end gets its outcome too
            await self.output.is_log_written()

    def report(self, ending: Ending, waited_ms: int) -> Report:
        """All there is to record, once it is closed; ``waited_ms`` as of ``report``."""
        output = self.output
        if isinstance(ending, Finished | Cancelled) and ending.message is not None:
            said = None if output.is_withheld else output.masked(ending.message)  # the note says so
            ending = replace(ending, message=said)
        plain = report(ending, waited_ms)
        record = plain.record._replace(
            script_hash=self._script_hash,
            log_path=str(self._log),
            stdout=output.stdout_tail,
            stderr=output.stderr_tail,
        )
        return replace(
            plain,
            record=record,
            result=output.result,
            note=output.result_note,
            of_precheck=self._of_precheck,
        )


def report(ending: Ending, waited_ms: int) -> Report:
    """What there is to record of work without a trace.

    ``waited_ms``: how long it took, for an ending that does not say when the work ran.
    """
    span: Span | None = None
    match ending:
        case Exited() | Finished():
            span = ending.span
    started_at, duration_ms = (None, waited_ms) if span is None else span
    return Report(ending=ending, record=RunRecord(started_at=started_at, duration_ms=duration_ms))
