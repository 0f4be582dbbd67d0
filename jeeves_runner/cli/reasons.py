"""Why a run is where it is, as tables show it."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.formats import ago
from jeeves_runner.core.model import Reason
from jeeves_runner.core.reasons import short_reason

if TYPE_CHECKING:
    from jeeves_runner.db.run_list import RunRow

NO_SERVER: Final = "waits for a server"


def reason_text(run: "RunRow", now: datetime, *, served: bool) -> str:
    """Why a run is where it is, empty if nothing is to be said; without a server all waiting is for one."""
    status, code = run["status"], run["reason"]
    if status == "scheduled" and not served:
        return NO_SERVER
    if status == "scheduled" and code == Reason.RETRY and run["not_before"] is not None:
        return f"{short_reason(status, code, None)}, {ago(run['not_before'], now)}"
    return "" if code is None else short_reason(status, code, run["reason_ref"])
