"""Why a run waits, was skipped, missed or ended, in words for people; documents keep the codes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from jeeves_runner.core.model import ON_REQUEST, REPLACED

if TYPE_CHECKING:
    from jeeves_runner.db.run_list import RunRow

#: By the run's status and the code in its ``reason``; docs/explanation/run-lifecycle.md lists the codes.
REASONS: Final[Mapping[tuple[str, str], str]] = {
    ("scheduled", "limit"): "waits: max_concurrency or max_sessions is reached",
    ("scheduled", "pool"): "waits: pool {ref} is full",
    ("scheduled", "disk_full"): "waits: less than min_free is left on the disk",
    ("scheduled", "overlap"): "waits: another run of it is active",
    ("scheduled", "paused"): "waits: the job is paused",
    ("scheduled", "retry"): "waits for the time of its next attempt",
    ("skipped", "overlap"): "another run of it was active",
    ("skipped", "queue_full"): "one waited already for the active run",
    ("skipped", "paused"): "the job was paused",
    ("skipped", "precheck"): "its precheck says that there was nothing to do",
    ("skipped", "exit_code"): "its exit code says that there was nothing to do",
    ("skipped", "token_budget"): "the job had used up its tokens of the day",
    ("missed", "late"): "older than catch_up_window",
    ("missed", "superseded"): "a newer occurrence took its place",
    ("missed", "no_catch_up"): "the job has catch_up: none",
    ("cancelled", "cancel"): ON_REQUEST,
    ("cancelled", "replaced"): REPLACED,
    ("cancelled", "deleted"): "the job was deleted",
    ("cancelled", "disabled"): "the job was disabled",
}

NO_SERVER: Final = "waits for a server"

#: By the code in ``cancel_cause``.
CAUSES: Final[Mapping[str, str]] = {
    "cancel": "on request",
    "replaced": "for a later run",
    "timeout": "for its timeout",
    "shutdown": "for the end of the server",
    "fenced": "for the loss of the server's database",
}


def reason_text(run: "RunRow", *, served: bool) -> str:
    """Why a run is where it is, empty if nothing is to be said; without a server all waiting is for one."""
    status, code = run["status"], run["reason"]
    if status == "scheduled" and not served:
        return NO_SERVER
    if code is None:
        return ""
    text = REASONS.get((status, code), code)
    return text.format(ref=run["reason_ref"])
