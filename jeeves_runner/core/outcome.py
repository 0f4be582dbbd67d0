"""How the work of a run can end, and what is recorded of it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, assert_never

from jeeves_runner.core.model import ON_REQUEST, REPLACED, CancelCause, ExitCodes, Reason, RunStatus
from jeeves_runner.core.precheck import NOTHING_TO_DO
from jeeves_runner.core.run import Outcome

MAX_TOKENS = 2**63 - 1

RESULT_PREFIX: Final = "JR_RESULT:"
"""Begins the line by which a script reports its result."""

MAX_SAID: Final = 1000
"""Characters of a script's output that become the message of a run, at most."""

RUNNER_DIED: Final = "the runner died while this ran"
"""Why the end of a run is not known that its runner did not live to see."""

UNCONFIRMED: Final = "nothing has confirmed its end"
"""What is said of work that was asked to end and may go on."""


class Span(NamedTuple):
    """When the work itself ran, without its wait to be started."""

    started_at: datetime
    """UTC."""
    duration_ms: int
    """Milliseconds of awake time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exited:
    """A process ended, by itself or by a signal; one of the two is None."""

    code: int | None = None
    """Its exit code, 0 to 255."""
    signal: str | None = None
    """The name of the signal that ended it, such as ``SIGKILL``."""
    span: Span | None = field(default=None, compare=False)
    """When it ran, if that is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """Something without an exit code reported its own end."""

    status: Literal["ok", "error", "timeout", "cancelled"]
    """How it ended, as a run's status."""
    message: str | None = None
    """What there is to say about the end, for people."""
    text: str | None = None
    """What it answered."""
    tokens: int | None = None
    """How many tokens it used; another number in a result line takes its place."""
    model: str | None = None
    """The name of the model that did the work."""
    confirmed: bool = True
    """As in ``Cancelled``."""
    span: Span | None = field(default=None, compare=False)
    """When it ran, if that is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled:
    """The executor ended the work because it was asked to, or has given up waiting for its end."""

    message: str | None = None
    """What there is to say about the end, for people."""
    tokens: int | None = None
    """As in ``Finished``, as far as it is known."""
    model: str | None = None
    """As in ``Finished``."""
    confirmed: bool = True
    """False: what carries the work out has not said that it has ended, and it may go on. What comes of it
    later is asked for by ``Executor.late``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """How the work ended cannot be known."""

    message: str
    """Why not, for people."""
    left_alive: str | None = None
    """What of the work may be alive and was not ended, since it may be another's; for people."""
    began: bool = True
    """False: it is sure that the work has never begun, so that the next runner may start it."""

    @property
    def text(self) -> str:
        """Both in one line."""
        return self.message if self.left_alive is None else f"{self.message}; {self.left_alive}"


Ending = Exited | Finished | Cancelled | Lost


# An end that was asked for is named after the first one who asked, whatever the work answered.
_BY_CAUSE: Final[Mapping[CancelCause, tuple[RunStatus, str]]] = {
    CancelCause.TIMEOUT: (RunStatus.TIMEOUT, "timed out"),
    CancelCause.CANCEL: (RunStatus.CANCELLED, ON_REQUEST),
    CancelCause.REPLACED: (RunStatus.CANCELLED, REPLACED),
    CancelCause.SHUTDOWN: (RunStatus.INTERRUPTED, "the runner was shut down"),
    CancelCause.FENCED: (RunStatus.INTERRUPTED, "the runner had lost its database"),
}


class _End(NamedTuple):
    status: RunStatus
    message: str | None = None
    reason: Reason | None = None


def outcome(
    ending: Ending,
    *,
    cause: CancelCause | None,
    result: str | None,
    note: str | None = None,
    exit_codes: ExitCodes | None = None,
    tails: tuple[str | None, ...] = (),
    of_precheck: bool = False,
) -> Outcome:
    """How a run ended, ready to record.

    ``cause`` is the first recorded one for which the run was asked to end, if it was. ``result`` is the
    JSON object the script reported, ``note`` what there is to say about one that was dropped.
    ``exit_codes`` are those of its job that are no failure. ``tails``: the end of what it wrote, stdout
    first, to be told of a run that found nothing to do. ``of_precheck``: it is the precheck that ended so,
    and the main part was not started.
    """
    if cause is not None:
        end = _of_cause(cause, ending)
    elif of_precheck:
        end = _of_precheck(ending, tails)
    elif isinstance(ending, Exited):
        end = _of_exit(ending, exit_codes or ExitCodes(), tails)
    else:
        end = _of_other(ending)
    tokens, meta, token_note = _split_result(result)
    model: str | None = None
    if isinstance(ending, Finished | Cancelled):
        # What was counted stands: an agent that says 0 would get round its limits.
        tokens = tokens if ending.tokens is None else ending.tokens
        model = ending.model
    return Outcome(
        status=end.status,
        exit_code=ending.code if isinstance(ending, Exited) else None,
        signal=ending.signal if isinstance(ending, Exited) else None,
        message="; ".join(part for part in (end.message, note, token_note) if part) or None,
        reason=end.reason,
        tokens=tokens,
        result_meta=json.dumps(meta, separators=(",", ":")) if meta else None,
        model=model,
        confirmed=is_confirmed(ending),
    )


def is_confirmed(ending: Ending) -> bool:
    """Whether what carried the work out has said that it ended, as far as it can be asked."""
    return not isinstance(ending, Finished | Cancelled) or ending.confirmed


def _of_precheck(ending: Ending, tails: tuple[str | None, ...]) -> _End:
    """The end of a precheck that ended by itself, and with it the run."""
    if isinstance(ending, Exited) and ending.code == NOTHING_TO_DO:
        return _End(RunStatus.SKIPPED, last_text(tails), Reason.PRECHECK)
    end = _of_other(ending) if not isinstance(ending, Exited) else _End(RunStatus.ERROR, _exit_text(ending))
    return end._replace(message=f"precheck: {end.message}")


def last_text(tails: Iterable[str | None]) -> str | None:
    """All that the first stream says that says anything, or its last ``MAX_SAID`` characters."""
    for tail in tails:
        lines = (tail or "").splitlines()
        if said := "\n".join(line for line in lines if not line.startswith(RESULT_PREFIX)).strip():
            return said if len(said) <= MAX_SAID else "…" + said[1 - MAX_SAID :]
    return None


def last_line(tails: Iterable[str | None]) -> str | None:
    """The last line with text in it of the first stream that has one, cut to ``MAX_SAID`` characters; a
    result is no such line."""
    for tail in tails:
        for line in reversed((tail or "").splitlines()):
            said = line.strip()
            if said and not line.startswith(RESULT_PREFIX):
                return said if len(said) <= MAX_SAID else said[: MAX_SAID - 1] + "…"
    return None


def _of_exit(ending: Exited, codes: ExitCodes, tails: tuple[str | None, ...]) -> _End:
    """The end of a process that ended by itself."""
    if ending.code == 0 or ending.code in codes.ok:
        return _End(RunStatus.OK)
    if ending.code in codes.skip:
        return _End(RunStatus.SKIPPED, last_line(tails), Reason.EXIT_CODE)
    return _End(RunStatus.ERROR, _exit_text(ending))


def _of_other(ending: Finished | Cancelled | Lost) -> _End:
    """The end of other work that ended by itself."""
    match ending:
        case Finished():
            return _End(RunStatus(ending.status), ending.message)
        case Cancelled():
            return _End(RunStatus.CANCELLED, _with_note("cancelled", _cancel_text(ending)))
        case Lost():
            return _End(RunStatus.INTERRUPTED, ending.text)
        case _:
            assert_never(ending)


def _of_cause(cause: CancelCause, ending: Ending) -> _End:
    status, message = _BY_CAUSE[cause]
    match ending:
        case Exited():
            return _End(status, _with_note(message, _exit_text(ending)))
        case Lost():
            return _End(status, _with_note(message, ending.text))
        case Cancelled():
            return _End(status, _with_note(message, _cancel_text(ending)))
        case Finished(confirmed=False):
            return _End(status, _with_note(message, ending.message))
        case _:
            return _End(status, message)


def _with_note(message: str, note: str | None) -> str:
    return message if note is None else f"{message} ({note})"


def _cancel_text(ending: Cancelled) -> str | None:
    return ending.message or (None if ending.confirmed else UNCONFIRMED)


def _exit_text(ending: Exited) -> str:
    return f"exit code {ending.code}" if ending.signal is None else f"killed by {ending.signal}"


def _split_result(result: str | None) -> tuple[int | None, dict[str, Any], str | None]:
    """Tokens, the other fields, and a note if the tokens are none."""
    if result is None:
        return None, {}, None
    meta = json.loads(result)
    tokens = meta.pop("tokens", None)
    # A bool is an int to Python, but no count.
    if tokens is None or (type(tokens) is int and 0 <= tokens <= MAX_TOKENS):
        return tokens, meta, None
    return None, meta, "tokens dropped: not a whole number from 0 up"
