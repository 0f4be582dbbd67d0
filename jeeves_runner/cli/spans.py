"""The time that a command looks at, by its options."""

from datetime import datetime, timedelta, tzinfo

from jeeves_runner.core.durations import span_ms
from jeeves_runner.core.instants import end_of_span
from jeeves_runner.errors import UsageError


def end_of(
    begin: datetime, now: datetime, zone: tzinfo, to: str | None, length: str | None
) -> datetime | None:
    """The end of what is looked at, by ``--to`` or ``--for``.

    UsageError for both, and for one before the beginning or after the year 9999.
    """
    if to is not None and length is not None:
        raise UsageError("--to and --for are two ends", hint="give one of them")
    if length is not None:
        try:
            return begin + timedelta(milliseconds=span_ms(length, "--for"))
        except OverflowError:
            raise UsageError("--for ends after the year 9999", hint="look at an earlier time") from None
    if to is None:
        return None
    end = end_of_span(to, begin, now, zone, "--to")
    if end < begin:
        raise UsageError("--to lies before the beginning", hint="--from says where to begin; without it, now")
    return end
