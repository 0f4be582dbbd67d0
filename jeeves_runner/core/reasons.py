"""Why a run waits, was skipped, missed or ended, in words for people; documents keep the codes.

Tables show the short words, and `why` says the sentences. Both stand here once for each pair that there is.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from jeeves_runner.core.model import ON_REQUEST, REPLACED, Reason, Trigger


class Words(NamedTuple):
    """One reason in one status. ``{ref}`` stands for what the row names in ``reason_ref``."""

    short: str
    """For a cell of a table."""
    sentence: str
    """Whole, beginning with ``It``."""
    named: str = "{}"
    """How a sentence calls what is named."""
    unnamed: str = ""
    """What it says where the row names nothing."""

    def said(self, ref: str | None) -> str:
        """The sentence about this."""
        return self.sentence.format(ref=self.unnamed if ref is None else self.named.format(ref))


#: By the run's status and the code in its ``reason``; docs/explanation/run-lifecycle.md lists the codes.
REASONS: Final[Mapping[tuple[str, str], Words]] = {
    ("scheduled", "limit"): Words(
        "waits: max_concurrency or max_sessions is reached",
        "It waits for a slot: as many runs as `max_concurrency` (of sessions, `max_sessions`) allows are"
        " running.",
    ),
    ("scheduled", "pool"): Words(
        "waits: pool {ref} is full", "It waits for {ref}, which is full.", "pool {}", "its pool"
    ),
    ("scheduled", "disk_full"): Words(
        "waits: less than min_free is left on the disk",
        "It waits for room: less than `min_free` is left on the disk.",
    ),
    ("scheduled", "overlap"): Words(
        "waits: another run of it is active",
        "It waits for {ref} of the job, which is not over.",
        "run {}",
        "another run",
    ),
    ("scheduled", "paused"): Words("waits: the job is paused", "It waits because the job is paused."),
    ("scheduled", "retry"): Words("waits for its next attempt", "It waits for the time of the next attempt."),
    ("scheduled", "needs"): Words(
        "waits: {ref} has not ended ok",
        "It waits for {ref}, which has not ended ok within the span that `needs` says.",
        "job {}",
        "a job that it needs",
    ),
    ("skipped", "overlap"): Words(
        "another run of it was active",
        "It was skipped because {ref} of the job was not over, and its `overlap_policy` is `skip`.",
        "run {}",
        "another run",
    ),
    ("skipped", "queue_full"): Words(
        "one waited already for the active run",
        "It was skipped because one run waited already for {ref} of the job, and its `overlap_policy` is"
        " `queue`.",
        "run {}",
        "the active run",
    ),
    ("skipped", "paused"): Words("the job was paused", "It was skipped because the job was paused."),
    ("skipped", "precheck"): Words(
        "its precheck says that there was nothing to do",
        "It was skipped because its precheck said that there was nothing to do.",
    ),
    ("skipped", "exit_code"): Words(
        "its exit code says that there was nothing to do",
        "It was skipped because its exit code is one of `exit_codes.skip`: there was nothing to do.",
    ),
    ("skipped", "token_budget"): Words(
        "the job had used up its tokens of the day",
        "It was skipped because the runs of the job had used up `max_tokens_per_day`.",
    ),
    ("skipped", "needs"): Words(
        "{ref} had not ended ok",
        "It was skipped because {ref} had not ended ok within the span that `needs` says.",
        "job {}",
        "a job that it needs",
    ),
    ("skipped", "depth"): Words(
        "too many runs have caused one another",
        "It was skipped because too many runs had caused one another, of which it would have been the next.",
    ),
    ("skipped", "skip"): Words(
        "a person wanted this one skipped", "It was skipped because a person wanted this occurrence skipped."
    ),
    ("missed", "late"): Words(
        "older than catch_up_window",
        "It was missed because it was older than `catch_up_window` when a server looked.",
    ),
    ("missed", "superseded"): Words(
        "a newer occurrence took its place",
        "It was missed because a newer occurrence took its place (`catch_up: latest`).",
    ),
    ("missed", "no_catch_up"): Words(
        "the job has catch_up: none",
        "It was missed because no server looked at its time, and the job has `catch_up: none`.",
    ),
    ("cancelled", "cancel"): Words(ON_REQUEST, "It was cancelled on request before it started."),
    ("cancelled", "replaced"): Words(
        REPLACED, "It was cancelled because {ref} took its place.", "run {}", "a later run"
    ),
    ("cancelled", "deleted"): Words("the job was deleted", "It was cancelled because the job was deleted."),
    ("cancelled", "disabled"): Words(
        "the job was disabled", "It was cancelled because the job was disabled."
    ),
}

#: Of a job that is late and has its moment yet to come; ``{ref}`` is that moment. It has no row until then.
CATCHES_UP: Final = Words(
    "late: catches up {ref} (catch_up_spread)",
    "It is late, and catches up at about {ref}: `catch_up_spread` spaces the jobs that are late after a"
    " silence.",
)

_LATER: Final = Words("", "It was to make room for {ref}.", "run {}", "a later run")
"""Of a run that was asked to end and then replaced, whatever it ended as."""

#: By the code in ``cancel_cause``.
CAUSES: Final[Mapping[str, str]] = {
    "cancel": "on request",
    "replaced": "for a later run",
    "timeout": "for its timeout",
    "shutdown": "for the end of the server",
    "fenced": "for the loss of the server's database",
}

#: Why a run came to be, after ``Run 12 came because``. A retry says more.
TRIGGERS: Final[Mapping[Trigger, str]] = {
    Trigger.SCHEDULE: "it was due by its schedule",
    Trigger.CATCH_UP: "it was due by its schedule, and caught up later",
    Trigger.MANUAL: "it was asked for by hand, with `trigger` or over HTTP",
    Trigger.RETRY: "an attempt before it failed",
    Trigger.AFTER: "the jobs it follows had ended",
    Trigger.QUEUE: "its queue had items that were ready",
    Trigger.CHANGE: "what it watches had changed",
    Trigger.START: "a server had started, and the job has `on_start: true`",
    Trigger.BACKFILL: "a backfill asked for a time of the past",
}


def short_reason(status: str, reason: str, ref: str | None) -> str:
    """Why a run is where it is, for a table; the code where there are no words for it."""
    words = REASONS.get((status, reason))
    return reason if words is None else words.short.format(ref=ref)


def reason_sentence(status: str, reason: str, ref: str | None) -> str:
    """The same as a sentence."""
    if (words := REASONS.get((status, reason))) is not None:
        return words.said(ref)
    return _LATER.said(ref) if reason == Reason.REPLACED else f"Its reason is {reason}."
