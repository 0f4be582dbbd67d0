"""The document of /jobs, made beside the event loop: thousands of jobs take a good part of a second."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

from aiohttp import web

from jeeves_runner import views
from jeeves_runner.api.answers import encode
from jeeves_runner.api.services import ApiServices
from jeeves_runner.db.connection import connect


class JobList:
    """Makes one document after the other, in a thread and with a connection of its own.

    Not among the threads that everything shares: ending runs must not wait behind lists.
    """

    def __init__(self, services: ApiServices) -> None:
        self._of = services
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job-list")

    async def document(self, *, after: str | None, limit: int | None) -> bytes:
        """``{jobs}`` as JSON: those ``after`` an id, up to ``limit``; ``next_cursor`` if there are more."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._make, after, limit)

    def _make(self, after: str | None, limit: int | None) -> bytes:
        """Job by job: to encode, or only to free, thousands at once would keep the event loop waiting
        for the interpreter."""
        of = self._of
        parts: list[bytes] = []
        ids: list[str] = []
        wanted = None if limit is None else limit + 1
        with closing(connect(Path(of.conn.filename))) as conn:
            for job in views.each_job(conn, of.clock.now(), of.next_run, after=after, limit=wanted):
                parts.append(encode(job))
                ids.append(job["id"])
        if limit is None or len(parts) <= limit:
            return _document(parts, None)
        return _document(parts[:limit], ids[limit - 1])

    async def close(self, _app: web.Application) -> None:
        """Finish the document at hand."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _document(jobs: list[bytes], next_cursor: str | None) -> bytes:
    more = b"" if next_cursor is None else b',"next_cursor":' + encode(next_cursor)
    return b'{"jobs":[' + b",".join(jobs) + b"]" + more + b"}"


JOB_LIST: Final = web.AppKey("job_list", JobList)
