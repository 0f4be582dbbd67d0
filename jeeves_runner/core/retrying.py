"""Whether a failed run is tried again, and when.

Whatever ends runs asks this, commands too. They need not load what decides about starts for it.
"""

from jeeves_runner.core.model import Retries, RunStatus


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


def _wants(retries: Retries, status: RunStatus, exit_code: int | None) -> bool:
    if status.value not in retries.on:
        return False
    if status is not RunStatus.ERROR or retries.on_exit_codes is None:
        return True
    return exit_code in retries.on_exit_codes
