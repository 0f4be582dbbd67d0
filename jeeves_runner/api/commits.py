"""Whether any process has committed since something was read: asked once for all that a request needs."""

import apsw

from jeeves_runner.db.transaction import data_version


class Commits:
    """The version of the database. Used in the event loop, whose connection ``conn`` writes nothing."""

    def __init__(self, conn: apsw.Connection) -> None:
        self._conn = conn
        self._version = -1
        self.looks = 0
        """How often it was looked at: a request takes this down as it comes, and gives it as ``since``."""

    def look(self) -> int:
        """The version of now: another one if any process has committed since."""
        self._version = data_version(self._conn)
        self.looks += 1
        return self._version

    def version(self, since: int) -> int:
        """A version that was looked at after ``looks`` was ``since``: for a request that came then, it is not
        old."""
        return self.look() if self.looks == since else self._version
