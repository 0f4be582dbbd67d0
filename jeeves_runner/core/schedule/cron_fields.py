"""One field of a cron expression: text in, the set of its values out.

A field is a list of items: ``*``, ``5``, ``1-5``, ``*/15``, ``10-50/20``, names (``mon``, ``jan``),
``L`` (last day of the month), ``fri#2`` (second Friday), ``5L`` (last Friday) and ``H``, the
spread value that :func:`spread` turns into plain numbers first. ``5/20`` means from 5 on, as if
the field's highest value stood there: ``5-59/20``. Debian's cron refuses it; croniter reads it so too,
but ends weekdays at 6, where this field's highest value is 7, Sunday.

Spelling is checked here, so that a message can name the field and the part; the cron library expands the
ranges that have passed, each once. It is imported late, because ``*`` and plain numbers need none of it.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

from jeeves_runner.core.wording import in_quotes

LAST_OF_MONTH = 0
"""In :attr:`Field.nth`: the last such weekday of a month, whichever number it has."""


ScheduleKey = Literal["schedule", "timezone", "exclude"]
"""The key of a manifest that an error is about."""


class ScheduleError(ValueError):
    """A schedule, time zone or exclusion that cannot be used.

    ``key`` says which of the three is wrong, ``index`` which entry of its list, counted from 0. ``effort``:
    how much it took to find out, as in ``Schedule``.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | Callable[[], str] | None = None,
        key: ScheduleKey = "schedule",
        index: int = 0,
        effort: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self._hint = hint
        self.key = key
        self.index = index
        self.effort = effort

    @property
    def hint(self) -> str | None:
        """What to write instead; looking for it may take a millisecond."""
        return self._hint() if callable(self._hint) else self._hint

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, eq=False, slots=True)
class FieldKind:
    """What may stand at one place: ``low`` to ``high`` as written, ``column`` in the library's order.

    ``spread_high`` bounds ``H``: days end at 28 so that the value exists in every month.
    """

    name: str
    low: int
    high: int
    column: int
    spread_high: int
    names: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many different values there are (Sunday is both 0 and 7)."""
        return len(self.every)

    @property
    def every(self) -> range:
        return range(self.low, 7 if self.names.get("sun") == 0 else self.high + 1)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

SECOND = FieldKind("second", 0, 59, 0, 59)  # the library's minute column: the values are the same
MINUTE = FieldKind("minute", 0, 59, 0, 59)
HOUR = FieldKind("hour", 0, 23, 1, 23)
DAY = FieldKind("day", 1, 31, 2, 28)
MONTH = FieldKind("month", 1, 12, 3, 12, {name: n for n, name in enumerate(_MONTHS, 1)})
WEEKDAY = FieldKind("weekday", 0, 7, 4, 6, {name: n for n, name in enumerate(_WEEKDAYS)})
KINDS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)


class Field(NamedTuple):
    """The values of one field, sorted; ``starred``: its text begins with ``*``.

    ``last_day`` is the day field's ``L``. ``nth`` holds (weekday, 1 to 5 or LAST_OF_MONTH) pairs.
    """

    values: tuple[int, ...]
    starred: bool
    last_day: bool = False
    nth: frozenset[tuple[int, int]] = frozenset()


_RANGE = re.compile(r"(?:\*|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:/([a-z0-9]+))?")
_SPREAD = re.compile(r"h(?:\(([0-9]{1,4})-([0-9]{1,4})\))?(?:/([0-9]{1,4}))?")
_RANDOM = re.compile(r"r(?:\([^()]*\))?(?:/.*)?")
_NTH = re.compile(r"([a-z0-9]+)#([a-z0-9]+)")
_LAST_WEEKDAY = re.compile(r"l([0-7])|([0-7]|[a-z]{3})l")


@lru_cache(maxsize=8192)
def parse_field(kind: FieldKind, text: str) -> Field:
    """The values of ``text`` (lower case, ``h`` already replaced); raises :class:`ScheduleError`."""
    values: set[int] = set()
    nth: set[tuple[int, int]] = set()
    last_day = False
    for item in text.split(","):
        if kind is DAY and item == "l":
            last_day = True
        elif kind is WEEKDAY and (pair := _nth_weekday(item)):
            nth.add(pair)
        else:
            values.update(_range_values(kind, item))
    return Field(tuple(sorted(values)), text.startswith("*"), last_day, frozenset(nth))


def spread(kind: FieldKind, text: str, namespace: str) -> str:
    """``text`` with each ``H`` item replaced by the numbers it stands for in ``namespace``.

    The offset is a hash of namespace and field modulo the size of the range, so it stays for
    ever and differs between jobs. ``H/n`` starts at that offset modulo n and goes on in steps of
    n. ``H(a-b)`` and ``H(a-b)/n`` do the same inside the range from a to b.
    """
    if "h" not in text:
        return text
    return ",".join(_spread_item(kind, item, namespace) for item in text.split(","))


def _spread_item(kind: FieldKind, item: str, namespace: str) -> str:
    match = _SPREAD.fullmatch(item)
    if match is None:
        return item
    low, high = kind.low, kind.spread_high
    if match[1] is not None:
        low, high = _number(kind, match[1]), _number(kind, match[2])
        if low > high:
            raise ScheduleError(
                f"{kind.name} {in_quotes(item.upper())} ends before it begins",
                hint=f"write H({high}-{low})",
            )
    size = high - low + 1
    digest = blake2b(f"{namespace}/{kind.name}".encode(), digest_size=8).digest()
    offset = int.from_bytes(digest, "big") % size
    if match[3] is None:
        return str(low + offset)
    step = _step(kind, match[3], item.upper(), size)
    return f"{low + offset % step}-{high}/{step}"


def _nth_weekday(item: str) -> tuple[int, int] | None:
    """``fri#2`` and ``5l`` as a (weekday, which) pair; None for anything of another form."""
    if match := _LAST_WEEKDAY.fullmatch(item):
        return _number(WEEKDAY, match[1] or match[2]) % 7, LAST_OF_MONTH
    if match := _NTH.fullmatch(item):
        if match[2] not in ("1", "2", "3", "4", "5"):
            raise ScheduleError(
                f"weekday {in_quotes(item)}: no month has a weekday number {match[2]!r}",
                hint="the number after # is 1 to 5; the last Friday is written 5L",
            )
        return _number(WEEKDAY, match[1]) % 7, int(match[2])
    return None


def _range_values(kind: FieldKind, item: str) -> Collection[int]:
    """The values of ``*``, a number, a range, each with or without a step."""
    match = _RANGE.fullmatch(item)
    if match is None or _RANDOM.fullmatch(item):
        raise _unreadable(kind, item)
    low_text, high_text, step_text = match.groups()
    step = _step(kind, step_text, item, kind.size) if step_text else 1
    if low_text is None:
        return kind.every[::step]
    low = _number(kind, low_text)
    if high_text is None:
        high_text = str(kind.high) if step_text else low_text
    high = _number(kind, high_text)
    if kind is WEEKDAY and high_text == "sun" and low > 0:
        high = 7
    if low > high:
        raise ScheduleError(
            f"{kind.name} {in_quotes(item)} ends before it begins", hint=_unwrapped(kind, low, high)
        )
    if low == high:  # which the library reads as the whole field; cron means the one value
        return (low % 7 if kind is WEEKDAY else low,)
    return _expand(kind, low, high)[::step]


@lru_cache(maxsize=4096)
def _expand(kind: FieldKind, low: int, high: int) -> tuple[int, ...]:
    """The values of a range, from ``low`` on. It takes 40 microseconds; there are not 4,096 of them."""
    from croniter import croniter

    columns = ["*"] * 5
    columns[kind.column] = f"{low}-{high}"
    values = croniter.expand(" ".join(columns))[0][kind.column]
    whole = kind.every if values == ["*"] else values
    return tuple(sorted(whole, key=lambda value: (value - low) % len(kind.every)))


def _number(kind: FieldKind, word: str) -> int:
    """The value of a number or name; raises when it is none, or outside the field's range."""
    if word in kind.names:
        return kind.names[word]
    if not word.isdigit():
        raise _unknown_word(kind, word)
    if len(word) > 4 or not kind.low <= int(word) <= kind.high:
        raise ScheduleError(
            f"{kind.name} {word[:12]} is outside {kind.low}-{kind.high}",
            hint="the fields are [second] minute hour day month weekday",
        )
    return int(word)


def _step(kind: FieldKind, word: str, item: str, size: int) -> int:
    if not word.isdigit() or len(word) > 4 or not 1 <= int(word) <= size:
        raise ScheduleError(
            f"{kind.name} {in_quotes(item)}: the step must be a number from 1 to {size}",
            hint=f"write `*` for each {kind.name}, `*/2` for every second one",
        )
    return int(word)


def _unknown_word(kind: FieldKind, word: str) -> ScheduleError:
    if not kind.names or word == "l":
        return _unreadable(kind, word)
    near = get_close_matches(word, kind.names, n=1, cutoff=0.4)
    known = f"{kind.name}s are written {', '.join(kind.names)} or {kind.low}-{kind.high}"
    return ScheduleError(
        f"{kind.name} {in_quotes(word)} is not known",
        hint=f"did you mean {near[0]!r}? {known}" if near else known,
    )


def _unwrapped(kind: FieldKind, low: int, high: int) -> str:
    """The wrapped range as a list that cron can read: 22-2 of hours is 22-23,0-2, and 7-2 of weekdays 0-2."""
    parts = ((low, kind.every[-1]), (kind.low, high))
    return "write " + ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts if a <= b)


def _unreadable(kind: FieldKind, item: str) -> ScheduleError:
    """The error for an item of no known form, with advice for the dialects people bring along."""
    if not item:
        return ScheduleError(f"{kind.name}: an item of the list is empty", hint="remove the extra comma")
    hint = None
    if _RANDOM.fullmatch(item):
        hint = "R would pick another time at each start; H picks one per job and keeps it"
    elif item == "?":
        hint = "write * for any value"
    elif item.startswith("-"):
        hint = "negative numbers have no meaning here"
    elif "l" in item and kind is not MONTH:
        hint = "L alone is the last day of the month (day field); 5L is the last Friday (weekday field)"
    elif "#" in item:
        hint = "# belongs to the weekday field: fri#2 is the second Friday"
    elif "w" in item and kind is DAY:
        hint = "the nearest weekday (W) is not supported"
    elif "h" in item:
        hint = "write H, H/15, H(0-29) or H(0-29)/10"
    return ScheduleError(f"{kind.name} {in_quotes(item)} cannot be understood", hint=hint)
