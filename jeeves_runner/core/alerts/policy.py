"""What a stored spec says of alerts, read on its own: the whole spec need not be understood for it.

An alert is written with the end of a run, which must be recorded whatever the job's row has become.
So what cannot be read here has its default.
"""

import json
import re
from functools import lru_cache
from typing import Final

from jeeves_runner.core.alert_spec import Alert, Expect
from jeeves_runner.core.durations import MAX_SPAN_MS

_DEFAULT = Alert()
_TIME: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"


@lru_cache(maxsize=256)
def policy_of(text: str | None) -> Alert:
    """The ``alert`` of a spec, from its JSON text; what is not there, or wrong, has its default."""
    values = _json(text)
    if not isinstance(values, dict):
        return _DEFAULT
    causes = values.get("on")
    after, recovery = values.get("after"), values.get("on_recovery")
    is_never_reminded = "remind_ms" in values and values["remind_ms"] is None
    return Alert(
        on=tuple(map(str, causes)) if isinstance(causes, list) else _DEFAULT.on,
        after=after if type(after) is int and after > 0 else _DEFAULT.after,
        remind_ms=None if is_never_reminded else _length(values.get("remind_ms")) or _DEFAULT.remind_ms,
        on_recovery=recovery if isinstance(recovery, bool) else _DEFAULT.on_recovery,
    )


@lru_cache(maxsize=256)
def expect_of(text: str | None) -> Expect:
    """The ``expect`` of a spec, likewise; what is not there, or wrong, is not expected."""
    values = _json(text)
    found = values if isinstance(values, dict) else {}
    start, finish, by = (found.get(name) for name in Expect._fields)
    return Expect(
        start_within_ms=_length(start),
        finish_within_ms=_length(finish),
        finish_by=by if isinstance(by, str) and re.fullmatch(_TIME, by) else None,
    )


@lru_cache(maxsize=256)
def addresses_of(text: str | None) -> tuple[str, ...]:
    """The channels of a JSON list, each once and in its order; none for what is no list of texts."""
    values = _json(text)
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        return ()
    return tuple(dict.fromkeys(values))


def _length(value: object) -> int | None:
    """Milliseconds that can be added to any time of a run; None for all else."""
    return value if type(value) is int and 0 < value <= MAX_SPAN_MS else None


def _json(text: str | None) -> object:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None
