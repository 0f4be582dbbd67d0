"""All that a run wrote to stdout, for those who get it."""

import logging
from codecs import getincrementaldecoder
from collections.abc import Iterator
from functools import partial
from typing import Final

from jeeves_runner.core.alerts.texts import cleaned
from jeeves_runner.core.alerts.whole_text import WholeText, measured
from jeeves_runner.execute.output.log_place import LogPlace, stdout_of
from jeeves_runner.execute.output.log_reader import LogReader
from jeeves_runner.side_thread import SILENT, SideThread

log = logging.getLogger(__name__)

_PATIENCE: Final = 20.0
"""Seconds that reading it may take; a log of ten megabytes takes less than one."""


async def whole_stdout(
    data_dir: str, job_id: str, run_id: int, earlier: tuple[str, ...] = ()
) -> WholeText | None:
    """As its file has it; None where there is none, or none that can be read now: its row has its end.
    ``earlier``: the ids that the job had before."""
    place = stdout_of(LogPlace(data_dir, job_id, run_id, earlier=earlier))
    try:
        # A thread of its own: its disk may hang.
        text = await SideThread("an output").call(lambda: measured(partial(_pieces, place)), _PATIENCE)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("of run %d only the end is sent: %s: %s", run_id, place, error.strerror or SILENT)
        return None
    return text if text.chars else None


def _pieces(place: LogPlace) -> Iterator[str]:
    decoder = getincrementaldecoder("utf-8")("replace")
    return cleaned(decoder.decode(part) for part in LogReader(place).read())
