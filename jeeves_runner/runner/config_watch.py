"""Tells of the config: what to be warned about when the server starts, and later that its file has changed,
which only a restart takes up.
"""

import asyncio
import logging
from datetime import datetime
from functools import partial
from pathlib import Path

from jeeves_runner.clock import Clock
from jeeves_runner.config import Config, warnings_of
from jeeves_runner.config_change import ConfigChange, change_of, text_of
from jeeves_runner.side_thread import PATIENCE, SILENT, SideThread
from jeeves_runner.sources import stamps
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)


class ConfigWatch:
    """``change``: how the file differs at the last look, None if it does not. ``since``: when that was first
    seen."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._thread = SideThread("config file")
        self._seen: tuple[Path, bytes | None] | None = None
        self._trouble = Trouble(log, "the config file says again what this server goes by")
        self.change: ConfigChange | None = None
        self.since: datetime | None = None

    async def warn(self) -> None:
        """Tell once what ``config validate`` warns about."""
        look = partial(warnings_of, self._config)
        try:
            warnings = await SideThread("config warnings").call(look, PATIENCE)
        except OSError as error:
            log.warning("what the config names could not be looked at: %s", error.strerror or SILENT)
            return
        for warning in warnings:
            log.warning("%s", warning)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(stamps.GLANCE)

    async def look(self) -> None:
        """Look once. A file whose disk does not answer is taken for unchanged."""
        try:
            change = await self._thread.call(self._look)
        except OSError:
            return
        if change is None:
            self.since = None
            self._trouble.over()
        else:
            self.since = self.since or self._clock.now()
            self._trouble.met(str(change))
        self.change = change

    def _look(self) -> ConfigChange | None:
        """In the thread. What was read before is not parsed again."""
        text = text_of(self._config)
        if text == self._seen:
            return self.change
        change = change_of(self._config)
        self._seen = text
        return change
