"""Times in rows that were changed by hand to what is no time: each is reported once and stops nothing."""

from datetime import datetime
from functools import cache

from jeeves_runner.clock import from_text


def time_or_none(text: str, row: str, column: str) -> datetime | None:
    """The time of a text in the database's form. None for any other text, which is reported.

    ``row`` says where it stands: ``run 17``.
    """
    try:
        return from_text(text)
    except ValueError as error:
        _report(row, column, str(error))
        return None


@cache
def _report(row: str, column: str, why: str) -> None:
    """Cached, so that what is read every second is not reported every second."""
    import logging  # only where there is something to report: every command reads times

    logging.getLogger(__name__).error("%s was changed by hand: its %s does not count: %s", row, column, why)
