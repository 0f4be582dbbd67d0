"""The entries of a schedule, and how JSON has them: cron expressions as texts, others as mappings."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple


class Every(NamedTuple):
    """Times that lie the same length of time apart, whatever clocks are set to."""

    every: str
    """The length, a duration."""
    start: str | None = None
    """The first of them, as written; None: ``core.schedule`` spreads them by the job's namespace."""


class At(NamedTuple):
    """A single time."""

    at: str
    """When, as written: a time of the job's zone, or one with its offset from UTC."""


class RRule(NamedTuple):
    """Times by a rule of RFC 5545."""

    rrule: str
    """The rule, such as ``FREQ=MONTHLY;BYDAY=-1FR``."""
    start: str | None = None
    """When it begins, as written; None: where the rule does not need one."""


ScheduleEntry = str | Every | At | RRule
"""One part of a schedule; a text is a cron expression."""

_KINDS: Final = (Every, At, RRule)

_WRITTEN: Final[Mapping[tuple[type, str], str]] = {(Every, "start"): "from"}
"""The keys that are no names of Python's."""

BETWEEN: Final = " | "
"""Stands between entries where several are shown: they hold blanks, commas and semicolons, and no bars."""


def entry_of(value: object) -> ScheduleEntry:
    """One part; ValueError for what is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        for kind in _KINDS:
            names = {_WRITTEN.get((kind, field), field): field for field in kind._fields}
            if next(iter(names)) in value and value.keys() <= names.keys():
                return kind(**{names[name]: _text(part) for name, part in value.items()})
    raise ValueError(f"its schedule cannot hold {value!r}")


def entries_of(values: object) -> tuple[ScheduleEntry, ...]:
    """A list of them; ValueError for what is none."""
    if not isinstance(values, list):
        raise ValueError("its schedule is no list")
    return tuple(map(entry_of, values))


def as_json(entries: Iterable[ScheduleEntry]) -> list[Any]:
    """What ``entries_of`` reads: only what is written, so that equal schedules have equal texts."""
    return [entry if isinstance(entry, str) else _mapping(entry) for entry in entries]


def entry_text(entry: ScheduleEntry) -> str:
    """As people read it: ``every 11m from 2026-11-29T06:00``."""
    if isinstance(entry, str):
        return entry
    if isinstance(entry, At):
        return f"at {entry.at}"
    text = f"every {entry.every}" if isinstance(entry, Every) else entry.rrule
    return text if entry.start is None else f"{text} from {entry.start}"


def entries_text(entries: Iterable[ScheduleEntry]) -> str:
    """Several of them in one line."""
    return BETWEEN.join(map(entry_text, entries))


def written_text(schedule: object) -> str:
    """A schedule as documents have it, as people read it; what is none, because it was changed by hand, as it
    stands."""
    return BETWEEN.join(map(_written, schedule if isinstance(schedule, list) else [schedule]))


def starting_text(schedule: object, starts: Iterable[str]) -> str:
    """All that starts a job, in one line: its schedule, which may be None, and what else there is."""
    parts = [] if schedule is None else [written_text(schedule)]
    return BETWEEN.join([*parts, *starts]) or "when triggered"


def _written(value: object) -> str:
    try:
        return entry_text(entry_of(value))
    except ValueError:
        return str(value)


def _mapping(entry: Every | At | RRule) -> dict[str, str]:
    pairs = zip(entry._fields, entry, strict=True)
    return {_WRITTEN.get((type(entry), name), name): value for name, value in pairs if value is not None}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"its schedule cannot hold {value!r}")
    return value
