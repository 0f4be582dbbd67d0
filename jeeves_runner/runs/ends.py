"""Those who wait for the end of a run, told once it is committed, whichever process wrote it."""

from collections.abc import Callable

import apsw

from jeeves_runner.db.runs import ended_since, newest_end
from jeeves_runner.execute.shared_result import SharedResult


class Ends:
    """Follows the ends of runs by their numbers, which rise in the order of the commits.

    ``look`` costs one read of an index, and is called after everything that may have committed an end.
    While ``is_carried`` says that a task of this runner still works on the run, its end is not told. So
    those who are told of an end find the slot free.
    """

    def __init__(self, conn: apsw.Connection, is_carried: Callable[[int], bool]) -> None:
        self._conn = conn
        self._is_carried = is_carried
        self._seen = newest_end(conn)
        self._untold: list[int] = []
        self._awaited: dict[int, SharedResult[None]] = {}

    def look(self) -> list[int]:
        """The runs whose end is told now, in the order of their ends."""
        ended = ended_since(self._conn, self._seen)
        if ended:
            self._seen = ended[-1].end_seq
        elif not self._untold:
            return []
        found = [*self._untold, *(row.run_id for row in ended)]
        self._untold = [run_id for run_id in found if self._is_carried(run_id)]
        told = [run_id for run_id in found if run_id not in self._untold]
        for run_id in told:
            awaited = self._awaited.pop(run_id, None)
            if awaited is not None:
                awaited.set(None)
        return told

    async def wait(self, run_id: int) -> None:
        """Wait until the end of a run is told. It must not have been told before."""
        await self._awaited.setdefault(run_id, SharedResult()).wait()
