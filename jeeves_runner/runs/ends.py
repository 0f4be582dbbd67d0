"""Those who wait for the end of a run, told once it is committed, whichever process wrote it."""

import apsw

from jeeves_runner.db.runs import ended_since, newest_end
from jeeves_runner.execute.announcement import Announcement


class Ends:
    """Follows the ends of runs by their numbers, which rise in the order of the commits.

    ``look`` costs one read of an index; whatever may have committed an end is followed by it.
    """

    def __init__(self, conn: apsw.Connection) -> None:
        self._conn = conn
        self._seen = newest_end(conn)
        self._awaited: dict[int, Announcement[None]] = {}

    def look(self) -> list[int]:
        """The runs that have ended since the last look, in the order of their ends; those who wait for one
        of them are told."""
        ended = ended_since(self._conn, self._seen)
        for row in ended:
            self._seen = row.end_seq
            awaited = self._awaited.pop(row.run_id, None)
            if awaited is not None:
                awaited.make(None)
        return [row.run_id for row in ended]

    async def wait(self, run_id: int) -> None:
        """Until the run, which has not ended yet, has."""
        await self._awaited.setdefault(run_id, Announcement()).wait()
