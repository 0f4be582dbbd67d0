"""The text of a cron expression: five fields, six with the seconds first, or a name such as ``@daily``."""

from functools import lru_cache

from jeeves_runner.core.durations import is_duration
from jeeves_runner.core.schedule.cron import Cron, cron_of
from jeeves_runner.core.schedule.cron_fields import KINDS, ScheduleError, ScheduleKey, spread
from jeeves_runner.core.wording import brief, in_quotes

_NAMED: dict[str, tuple[str, ...]] = {
    "@hourly": ("0", "*", "*", "*", "*"),
    "@daily": ("0", "0", "*", "*", "*"),
    "@midnight": ("0", "0", "*", "*", "*"),
    "@weekly": ("0", "0", "*", "*", "0"),
    "@monthly": ("0", "0", "1", "*", "*"),
    "@yearly": ("0", "0", "1", "1", "*"),
    "@annually": ("0", "0", "1", "1", "*"),
}
_LONGEST_FIELD = 256
"""Characters: more than any list of all minutes or of all `fri#2` has."""

_FIELDS_HINT = "write minute hour day month weekday, or six fields with the second first"


def is_shared(text: str) -> bool:
    """Whether an expression means the same for all jobs: it has no ``H``."""
    return "h" not in text and "H" not in text


def cron_expression(text: str, namespace: str, key: ScheduleKey, index: int) -> Cron:
    """One expression; errors quote it. As an exclusion, five fields stand for whole minutes."""
    try:
        if is_shared(text):
            return _shared(text, key)
        fields = _fields_to_spread(text, key)
        return cron_of(
            tuple([spread(kind, field, namespace) for kind, field in zip(KINDS, fields, strict=True)])
        )
    except ScheduleError as error:
        raise ScheduleError(
            f"{in_quotes(text)}: {error.message}", hint=error.hint, key=key, index=index, effort=error.effort
        ) from None


@lru_cache(maxsize=16384)
def _shared(text: str, key: ScheduleKey) -> Cron:
    """An expression that is the same for all jobs."""
    return cron_of(_six_fields(text, key))


@lru_cache(maxsize=1024)
def _fields_to_spread(text: str, key: ScheduleKey) -> tuple[str, ...]:
    """The fields of an expression with ``H``, which many jobs write alike."""
    return _six_fields(text, key)


def _six_fields(text: str, key: ScheduleKey) -> tuple[str, ...]:
    fields = expression_fields(text)
    return fields if len(fields) == 6 else ("*" if key == "exclude" else "0", *fields)


def expression_fields(text: str) -> tuple[str, ...]:
    """The five or six field texts of an expression in lower case; raises :class:`ScheduleError`."""
    text = text.strip().lower()
    if not text:
        raise ScheduleError("the expression is empty", hint=_FIELDS_HINT)
    fields = tuple(text.split())
    if (longest := max(map(len, fields))) > _LONGEST_FIELD:
        raise ScheduleError(
            f"a field is {longest:,} characters long, where {_LONGEST_FIELD:,} are allowed",
            hint="write ranges and steps, such as 0-50/10, or several expressions",
        )
    if text.startswith("@"):
        return _named_fields(text)
    if len(fields) not in (5, 6):
        noun = "field" if len(fields) == 1 else "fields"
        hint = f"{_FIELDS_HINT}; there is no year field" if len(fields) == 7 else _FIELDS_HINT
        raise ScheduleError(f"{len(fields)} {noun}, where cron has 5 or 6", hint=hint)
    return fields


def _named_fields(text: str) -> tuple[str, ...]:
    fields = _NAMED.get(text)
    if fields is None:
        hint = f"known are {', '.join(_NAMED)}"
        if text == "@reboot":
            hint = (
                "`on_start: true` runs a job each time a server starts; for the start of the machine"
                " use the system's init"
            )
        elif text.startswith("@every ") and is_duration(length := "".join(text.split()[1:])):
            hint = f"in `schedule` write `{{every: {length}}}`, without quotes around it"
        raise ScheduleError(f"{brief(text)} is not supported", hint=hint)
    return fields
