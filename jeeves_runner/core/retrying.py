"""Whether a failed run is tried again, and when.

Whatever ends runs asks this, commands too. They need not load what decides about starts for it.
"""

from typing import Final

from jeeves_runner.core.model import Retries, RunStatus

MOST_TAKEN_UP: Final = 3
"""How many attempts more a run of a backfill has that is interrupted: what ends the server each time must not
do so for ever."""


def retry_delay_ms(
    retries: Retries | None, status: RunStatus, exit_code: int | None, attempt: int
) -> int | None:
    """How long after attempt number ``attempt``, which ended so, the next one may start.

    None: there is no other one.
    """
    if retries is None or attempt > retries.limit or not _wants(retries, status, exit_code):
        return None
    if retries.backoff == "fixed":
        return min(retries.delay_ms, retries.max_delay_ms)
    # Beyond 2**40 any delay has reached its maximum; a larger power would only cost.
    factor: int = 2 ** min(attempt - 1, 40)
    return min(retries.delay_ms * factor, retries.max_delay_ms)


def is_taken_up(retries: Retries | None, status: RunStatus, attempt: int) -> bool:
    """Whether a run of a backfill has another attempt beyond what ``retries`` says, because it was cut off.

    A backfill goes on where it was: people have asked for these times, and this one has not come to its end.
    """
    usual = 0 if retries is None else retries.limit
    return status is RunStatus.INTERRUPTED and attempt <= usual + MOST_TAKEN_UP


def _wants(retries: Retries, status: RunStatus, exit_code: int | None) -> bool:
    if status.value not in retries.on:
        return False
    if status is not RunStatus.ERROR or retries.on_exit_codes is None:
        return True
    return exit_code in retries.on_exit_codes
