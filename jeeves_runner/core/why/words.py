"""How times, lengths of time, applies and overrides are called in a sentence."""

from datetime import datetime

from jeeves_runner.core.alerts.texts import between, zone_of
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.origin import DIRTY
from jeeves_runner.core.why.facts import Revision
from jeeves_runner.core.why.start_facts import Override
from jeeves_runner.core.wording import brief, in_quotes

_SHA = 10
_SAID = 400
"""Characters shown of what a script or a person said: it is most of an answer."""


def told(instant: datetime, zone: str) -> str:
    """On the clocks of a zone, with their offset from UTC: ``2026-11-29 03:00+01:00``."""
    local = on_clocks(instant, zone_of(zone))
    text = local.isoformat(sep=" ", timespec="seconds" if local.second else "minutes")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def revision_words(revision: Revision, zone: str) -> str:
    """``revision 4, applied 2026-11-29 03:00Z from commit 0123456789, 'Nightly', by Ada``."""
    words = f"revision {revision.id}, applied {told(revision.applied_at, zone)}"
    if revision.commit is None:
        return words
    head, dirty, _ = revision.commit.partition(DIRTY)
    words += f" from commit {head[:_SHA]}{dirty}"
    if revision.subject:
        words += f", {in_quotes(revision.subject)}"
    return f"{words}, by {brief(revision.author)}" if revision.author else words


def override_words(override: Override, what: str, without_end: str, zone: str, subject: str = "It") -> str:
    """``It is now paused until 2026-11-29 03:00Z, as all jobs are: maintenance.``"""
    end = f"until {told(override.until, zone)}" if override.until else without_end
    of_all = ", as all jobs are" if override.of_all else ""
    reason = f": {said(override.reason)}" if override.reason else ""
    return f"{subject} is now {what} {end}{of_all}{reason}."


def pause_words(pause: Override, zone: str, subject: str = "It") -> str:
    """The same of a pause, of the job or of something else."""
    return override_words(pause, "paused", "until it is resumed", zone, subject)


def said(text: str) -> str:
    """What a script or a person said, on one line and without the full stop that a sentence has after it."""
    return brief(text, _SAID).removesuffix(".")


def distance(then: datetime, now: datetime) -> str:
    """``in 3h`` or ``3h ago``."""
    return f"in {between(now, then)}" if then > now else f"{between(then, now)} ago"
