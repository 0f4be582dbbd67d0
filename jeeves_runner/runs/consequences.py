"""What follows from commits is done, and looked for again where it could not be done."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from jeeves_runner.db.file_errors import translate
from jeeves_runner.db.writer import TRY_AGAIN
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

Work = Callable[[], None]


class Consequences:
    """Between ``open`` and ``close``, ``looks`` are made a second after something has failed: each looks for
    all that may be left to do. ``database``: its file, for messages."""

    def __init__(self, database: str, *looks: Work) -> None:
        self._database: Final = database
        self._looks: Final = looks
        self._is_open = False
        self._second_look: asyncio.TimerHandle | None = None
        self._trouble: Final = Trouble(log, over="what follows from commits is seen to again")

    def open(self) -> None:
        self._is_open = True

    def close(self) -> None:
        """Make no second look from here on."""
        self._is_open = False
        if self._second_look is not None:
            self._second_look.cancel()
            self._second_look = None

    def see_to(self, what_follows: Work) -> None:
        """Do what follows from a commit. If that fails, what has been committed has its effect all the same,
        and what follows from it is looked for again."""
        try:
            what_follows()
        except Exception as error:
            # The file may not be readable for a moment, or one run meets a bug: all others go on.
            known = translate(error, self._database)
            if known is None:
                log.exception("what follows from a commit could not be seen to")
            else:
                self._trouble.met(f"what follows from commits cannot be seen to now: {known}", logging.ERROR)
            self.look_again()

    def look_again(self) -> None:
        """Look at all there is in a second: by then may go well what has failed."""
        if self._is_open and self._second_look is None:
            loop = asyncio.get_running_loop()
            self._second_look = loop.call_later(TRY_AGAIN, self._on_second_look)

    def _on_second_look(self) -> None:
        self._second_look = None
        for look in self._looks:
            self.see_to(look)
        if self._second_look is None:
            self._trouble.over()
