"""Whether data is as new as its node says. Everything here decides."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from jeeves_runner.core.alerts.texts import between, moment, short_moment
from jeeves_runner.core.durations import in_units

_MILLISECOND = timedelta(milliseconds=1)


class Expected(NamedTuple):
    """A node whose data is to be renewed again and again. Times are aware, UTC."""

    node: str
    """Its identity, ``KIND:NAME``."""
    within_ms: int
    """Within how many milliseconds it is to be written again."""
    created_at: datetime
    """Since when the node is declared: it is counted from then where nothing was written later."""
    fresh_at: datetime | None = None
    """When a job that writes it last ended well; None: never."""
    written_by: str | None = None
    """That job, which may write it no more."""
    run_id: int | None = None
    """Its run, which may be deleted by now."""
    writers: tuple[str, ...] = ()
    """The jobs that write it and are enabled, by id."""
    found_nothing: bool = False
    """Whether that run has only looked, and found nothing to write."""

    @property
    def stale_from(self) -> datetime:
        """The last moment at which it is fresh if nothing writes it."""
        since = self.created_at if self.fresh_at is None else max(self.created_at, self.fresh_at)
        return since + self.within_ms * _MILLISECOND

    def is_stale(self, now: datetime) -> bool:
        """Whether nothing has written it within that time."""
        return now > self.stale_from

    @property
    def told_of(self) -> str | None:
        """The job in whose name people are told: the one that wrote it last, if it still does, else the first
        that does; None: no job writes it."""
        if self.written_by in self.writers:
            return self.written_by
        return self.writers[0] if self.writers else None


class Written(NamedTuple):
    """When data was last written."""

    at: datetime
    """When the run ended, aware."""
    job_id: str
    """Its job."""
    run_id: int
    """The run, which may be deleted by now."""
    found_nothing: bool = False
    """Whether it has only looked, and found nothing to write."""


def stale(nodes: Iterable[Expected], now: datetime) -> list[Expected]:
    """Those that are stale, the longest first."""
    found = (each for each in nodes if each.is_stale(now))
    return sorted(found, key=lambda each: (each.stale_from, each.node))


def stale_facts(expected: Expected, zone: str) -> dict[str, Any]:
    """The facts of a message about a node that is stale; times are on the clocks of the zone.

    They are shown long after they were noted, too, so they say when it was written, and not how long ago.
    """
    facts: dict[str, Any] = {"words": _stale_words(expected, f"at {moment(_since(expected), zone)}")}
    if expected.fresh_at is not None and expected.run_id is not None:
        facts["lines"] = [[f"Last {_did(expected)} by", f"run {expected.run_id} of {expected.written_by}"]]
    return facts


def stale_now(expected: Expected, now: datetime) -> str:
    """The same in words for one who asks now."""
    since = _since(expected)
    return _stale_words(expected, f"{between(since, now)} ago, at {short_moment(since, 'UTC', now)} UTC")


def _since(expected: Expected) -> datetime:
    return expected.fresh_at or expected.created_at


def _stale_words(expected: Expected, when: str) -> str:
    what = f"last {_did(expected)}" if expected.fresh_at else "nothing has written it since it was declared"
    return f"is stale: {what} {when} (expected within {in_units(expected.within_ms)})"


def _did(expected: Expected) -> str:
    return "checked" if expected.found_nothing else "written"
