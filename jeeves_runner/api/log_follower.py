"""The log of a run as it grows, for one stream: it is read when the thread that writes it tells of it."""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from typing import Final

from jeeves_runner.api.event_stream import PACE
from jeeves_runner.api.event_text import event_text
from jeeves_runner.api.services import ApiServices
from jeeves_runner.db.renames import earlier_ids
from jeeves_runner.db.run_list import WholeRunRow, attempt_after, listed_run
from jeeves_runner.errors import JeevesError
from jeeves_runner.execute.output.log_growth import LogWatch
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.log_reader import LogMark, LogPart, LogReader
from jeeves_runner.execute.output.log_ring import shares
from jeeves_runner.execute.output.utf8 import without_unfinished_end
from jeeves_runner.side_thread import PATIENCE, SideThread
from jeeves_runner.views.events import LogCutEvent, LogEndEvent, LogTextEvent
from jeeves_runner.views.runs import run_view, tails

_CHUNK: Final = 1 << 16
"""Bytes of a log that are read at a time, or a little more."""


class LogFollower:
    """What one stream has yet to send of the log of a run: a ``Source``.

    A run that waits has no log; its stream is silent until it has written something, or has ended.
    """

    def __init__(self, services: ApiServices, files: SideThread, run_id: int, last_id: str | None) -> None:
        """``last_id``: of the last event that the client has. NotFound."""
        self._services = services
        self._files = files
        self._run_id = run_id
        self._has_ended = run_view(services.conn, run_id)["run"]["finished_at"] is not None
        mark = LogMark() if last_id is None else LogMark.parse(last_id)
        self._is_known = mark is not None
        self._mark = mark or LogMark()
        self._reader: LogReader | None = None
        self._unfinished = b""  # the beginning of a character
        self._is_missing = False  # the file, of which something has been read
        self._wake: Callable[[], None] = lambda: None
        self._watch: LogWatch | None = None
        self._end: asyncio.Task[object] | None = None
        self._is_told_all = False
        self.has_more = False
        self.pace = PACE

    def begin(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        if self._has_ended:
            return
        loop = asyncio.get_running_loop()

        def grown() -> None:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(wake)

        self._watch = LogWatch(str(self._services.config.data_dir), self._run_id, grown)
        self._end = asyncio.create_task(self._wait_for_the_end())

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        if self._end is not None:
            self._end.cancel()

    @property
    def is_over(self) -> bool:
        return self._is_told_all

    def keep_alive(self) -> bytes:
        return b":\n\n"

    async def read(self) -> bytes | None:
        if self._watch is not None:
            self._watch.take()
        has_ended = self._has_ended  # before the log is read: who sees the end finds all of it
        events = []
        if not self._is_known:
            self._is_known = True
            events.append(event_text("reset", {}))
        parts = await self._parts()
        events += [self._event(part) for part in parts]
        self.has_more = bool(parts) or (self._has_ended and not has_ended)
        if has_ended and not parts:
            events.append(self._ending())
            self._is_told_all = True
        return b"".join(events)

    async def _wait_for_the_end(self) -> None:
        with suppress(JeevesError):  # its row is gone: there is nothing to wait for
            await self._services.runs.wait(self._run_id)
        self._has_ended = self.has_more = True
        self._wake()

    async def _parts(self) -> list[LogPart]:
        """The next of them; none of a log that is not there. OSError, JeevesError."""
        if self._reader is None:
            run = run_view(self._services.conn, self._run_id)["run"]
            if run["started_at"] is None:
                return []
            self._reader = self._reader_of(run)
        try:
            return await self._files.call(partial(_some, self._reader), PATIENCE)
        except FileNotFoundError as error:
            return await self._parts_elsewhere(error)

    async def _parts_elsewhere(self, error: FileNotFoundError) -> list[LogPart]:
        """Of a log that is not where it was: its job may have got another id."""
        if self._reader is None or self._reader.mark.position == 0:
            return []
        self._mark = self._reader.mark
        self._reader = self._reader_of(run_view(self._services.conn, self._run_id)["run"])
        try:
            return await self._files.call(partial(_some, self._reader), PATIENCE)
        except FileNotFoundError:
            if not self._has_ended:
                raise error from None
            self._is_missing = True
            return []

    def _reader_of(self, run: WholeRunRow) -> LogReader:
        config = self._services.config
        place = LogPlace(
            str(config.data_dir),
            run["job_id"],
            run["id"],
            earlier=earlier_ids(self._services.conn, run["job_id"]),
        )
        return LogReader(place, self._mark, head_at_most=shares(config.log_max_size)[0])

    def _event(self, part: LogPart) -> bytes:
        head = None if self._reader is None else self._reader.mark.head
        if part.cut:
            self._unfinished = b""
            cut: LogCutEvent = {"bytes": part.cut}
            return event_text("cut", cut, str(LogMark(part.end, head)))
        text = self._unfinished + part.text
        whole = without_unfinished_end(text)
        self._unfinished = text[len(whole) :]
        document: LogTextEvent = {"text": whole.decode("utf-8", "replace")}
        return event_text("text", document, str(LogMark(part.end - len(self._unfinished), head)))

    def _ending(self) -> bytes:
        conn = self._services.conn
        found = run_view(conn, self._run_id)["run"]
        kept = b""
        nothing_read = self._reader is None or self._reader.mark == LogMark()
        if (nothing_read or self._is_missing) and (text := tails(found)):
            kept_text: LogTextEvent = {"text": text}
            kept = event_text("text", kept_text)
            if not nothing_read:
                kept = event_text("reset", {}) + kept
        run = listed_run(conn, self._run_id)
        if run is None:
            return kept
        document: LogEndEvent = {"run": run, "retry": attempt_after(conn, self._run_id)}
        return kept + event_text("end", document)


def _some(reader: LogReader) -> list[LogPart]:
    """The next parts, as many as are sent at a time."""
    parts, size = [], 0
    with closing(reader.parts()) as all_parts:
        for part in all_parts:
            parts.append(part)
            size += len(part.text)
            if size >= _CHUNK:
                break
    return parts
