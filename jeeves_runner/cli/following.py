"""What a run wrote, and goes on writing: printed for people, or byte by byte for programs."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, Protocol

from jeeves_runner.cli.context import App, say
from jeeves_runner.cli.log_text import LogText
from jeeves_runner.cli.reasons import reason_text
from jeeves_runner.cli.server import server_has_stopped, server_of
from jeeves_runner.cli.waiting import INTERVAL, Absence, EndOfRun
from jeeves_runner.errors import JeevesError
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.log_reader import LogMark, LogReader

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.run_list import RunRow, WholeRunRow
    from jeeves_runner.db.runner import RunnerRow


class Output(Protocol):
    """Where a log is printed."""

    def print(self, parts: Iterable[bytes]) -> None:
        """Print these parts of it now."""
        ...

    def close(self) -> None:
        """Print what was held back."""
        ...


def output_of(app: App, *, raw: bool = False) -> Output:
    """Where standard output leads. ``raw``: its owner wants the very bytes on a terminal too."""
    return _Terminal(app.color) if sys.stdout.isatty() and not raw else _Bytes()


class _Bytes:
    """A pipe or a file, or a terminal whose owner wants the bytes."""

    def print(self, parts: Iterable[bytes]) -> None:
        sys.stdout.buffer.writelines(parts)
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Nothing is held back."""


class _Terminal:
    """A terminal that a log must not steer."""

    def __init__(self, color: bool) -> None:
        self._text = LogText(color=color)

    def print(self, parts: Iterable[bytes]) -> None:
        sys.stdout.writelines(map(self._text.feed, parts))
        sys.stdout.flush()

    def close(self) -> None:
        sys.stdout.write(self._text.close())
        sys.stdout.flush()


def whole_log(app: App, conn: "apsw.Connection", run: "WholeRunRow") -> Iterator[bytes]:
    """All that a run wrote; the end of it where there is no log that can be read."""
    from jeeves_runner.views.runs import tails

    parts = _news(_reader(app, conn, run))
    try:
        first = next(parts, None)
    except JeevesError as error:
        app.warn(f"{error.message}; this is what is kept of its end")
        first = None
    if first is not None:
        yield first
        yield from parts
    elif text := tails(run):
        yield text.encode("utf-8", "replace")
    else:
        say(_silence(run))


def _reader(
    app: App, conn: "apsw.Connection", run: "RunRow", mark: LogMark | None = None
) -> LogReader | None:
    """Reads the log of a run from a mark on; None while the run has not started."""
    if run["started_at"] is None:
        return None
    from jeeves_runner.db.renames import earlier_ids

    earlier = earlier_ids(conn, run["job_id"])
    place = LogPlace(str(app.data_dir), run["job_id"], run["id"], earlier=earlier)
    return LogReader(place, mark)


def _news(reader: LogReader | None) -> Iterator[bytes]:
    """What has come since the last time; nothing of a log that is not there. JeevesError."""
    if reader is None:
        return
    try:
        yield from reader.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise JeevesError(f"the log {reader.place} cannot be read: {error.strerror}") from error


def _silence(run: "RunRow") -> str:
    if run["started_at"] is None:
        waits = run["finished_at"] is None
        return f"run {run['id']} {'has not started yet' if waits else 'never started'}"
    return f"run {run['id']} has written nothing"


def last_lines(parts: Iterable[bytes], count: int) -> bytes:
    """The last lines of a log; what follows the last line break counts as one."""
    kept = b""
    for part in parts:
        kept = b"".join((kept + part).splitlines(keepends=True)[-count:]) if count else b""
    return kept


def follow(
    app: App, conn: "apsw.Connection", run_id: int, output: Output, *, tail: int | None = None
) -> "WholeRunRow":
    """Print the log as it grows, to its end: as the server tells of it, or as the file has it; the ended run.

    The run is looked at before the file, so nothing is missed. Of what is there already the last ``tail``
    lines are printed. Why a run waits is said on standard error.
    """
    from jeeves_runner.views.runs import run_view

    run = run_view(conn, run_id)["run"]
    mark = LogMark() if tail is None else _print_tail(app, conn, run, output, tail)
    if run["status"] == "scheduled":
        reason = reason_text(run, app.clock.now(), served=server_of(conn) is not None)
        if reason:
            say(f"run {run_id} of {run['job_id']} {reason}")
    absence = Absence(app.clock)
    with closing(EndOfRun()) as end:
        while True:
            # Before the run: a server that stops settles its runs first.
            server = server_of(conn)
            run = run_view(conn, run_id)["run"]
            if server is not None and run["finished_at"] is None:
                stream = _streamed(server, run_id, mark, output)
                if stream.has_ended:
                    return run_view(conn, run_id)["run"]
                mark = stream.mark
                run = run_view(conn, run_id)["run"]
            reader = _reader(app, conn, run, mark)
            output.print(_news(reader))
            if run["finished_at"] is not None:
                return run
            if absence.is_over(present=server is not None):
                raise server_has_stopped(run)
            while not end.wait(server, run_id, INTERVAL) and reader is not None:
                output.print(_news(reader))
            mark = mark if reader is None else reader.mark


def _print_tail(app: App, conn: "apsw.Connection", run: "RunRow", output: Output, count: int) -> LogMark:
    """Print the last lines of what there is by now; where it goes on."""
    reader = _reader(app, conn, run)
    output.print([last_lines(_news(reader), count)])
    return LogMark() if reader is None else reader.mark


def goes_on(run: "RunRow") -> str:
    """What holds when the person ceases to wait for a run."""
    return (
        f"run {run['id']} of {run['job_id']} goes on; `jeeves-runner logs {run['id']} -f` follows it,"
        f" `jeeves-runner cancel {run['id']}` ends it"
    )


class _Streamed(NamedTuple):
    mark: LogMark
    has_ended: bool


def _streamed(server: "RunnerRow", run_id: int, mark: LogMark, output: Output) -> _Streamed:
    """Print what the server tells of the log; how far that went, and whether it was all."""
    from jeeves_runner.cli.log_stream import LogStream

    stream = LogStream.begin(server, run_id, mark)
    if stream is None:
        return _Streamed(mark, False)
    with closing(stream):
        for part in stream:
            output.print([part])
    return _Streamed(stream.mark, stream.has_ended)
