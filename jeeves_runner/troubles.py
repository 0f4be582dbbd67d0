"""What is wrong with one thing for a while, told in the log: once when it comes, once when it is over.

A shortage meets the same work again and again. A line for each time would fill the log, and hide all else.
"""

import logging
from collections.abc import Callable


class Trouble:
    """One thing that may be in trouble. ``over`` is the line of the log for its end."""

    def __init__(self, log: logging.Logger, over: str) -> None:
        self._log = log
        self._over = over
        self._told: str | None = None

    @property
    def lasts(self) -> bool:
        """Whether it has been told of, and not yet of its end."""
        return self._told is not None

    def met(self, text: str, level: int = logging.WARNING) -> None:
        """Tell what is wrong, unless that was told last."""
        if text != self._told:
            self._told = text
            self._log.log(level, "%s", text)

    def over(self) -> None:
        """All is well. It is told if the trouble was."""
        if self._told is not None:
            self._told = None
            self._log.log(logging.INFO, "%s", self._over)


class Troubles:
    """The same of many things, each by its name. ``over``: the line of the log for the end of one's."""

    def __init__(self, log: logging.Logger, over: Callable[[str], str]) -> None:
        self._log = log
        self._over = over
        self._met: dict[str, Trouble] = {}

    def met(self, name: str, text: str, level: int = logging.WARNING) -> None:
        """Tell what is wrong with one, unless that was told last."""
        if name not in self._met:
            self._met[name] = Trouble(self._log, self._over(name))
        self._met[name].met(text, level)

    def over(self, name: str) -> None:
        """All is well with one. It is told if its trouble was."""
        if (trouble := self._met.pop(name, None)) is not None:
            trouble.over()
