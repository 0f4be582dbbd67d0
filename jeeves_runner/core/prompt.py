"""Prompts: what an agent is told, as a job declares it, and with the values of one run.

A prompt that holds more than plain text is a template. jinja2 is loaded for those alone.
"""

from collections.abc import Container, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from jeeves_runner.core.model import Param
from jeeves_runner.errors import InvalidValue

if TYPE_CHECKING:
    from jeeves_runner.core.prompt_template import Params, TemplateFault

MAX_PROMPT: Final = 256 * 1024
"""Bytes of a prompt in UTF-8, as it is written and with its values."""

_MOST_KEPT: Final = 4096
_looked_at: "dict[tuple[bytes, str], tuple[TemplateFault, ...]]" = {}
"""What was wrong with the prompts that were looked at last: files are looked at again and again, at a
millisecond each, and an alias may stand for one prompt in thousands of jobs."""

_OPENINGS: Final = ("{{", "{%", "{#")


def size_fault(text: str) -> tuple[str, str] | None:
    """Why no agent can be told so much or so little, as the end of a sentence, and what to do."""
    if not text.strip():
        return "is blank", "say what the agent is to do"
    size = len(text.encode(errors="replace"))
    if size > MAX_PROMPT:
        message = f"has {size:,} bytes, where {MAX_PROMPT:,} (256 KiB) are allowed"
        return message, "let the agent fetch what it has to read"
    return None


def template_faults(
    text: str, params: "Params" = None, *, is_timed: bool = True, by_itself: bool = False
) -> "tuple[TemplateFault, ...]":
    """What is wrong with a prompt, so far as that can be told before a run; ``text`` has no ``size_fault``.

    ``params``: the parameters that the job declares; None: it takes any. ``is_timed``: all runs that no
    person starts are by the job's schedule. ``by_itself``: there are such runs.
    """
    if _is_plain(text):
        return ()
    digest = blake2b(text.encode(errors="replace"), digest_size=16).digest()
    key = (digest, repr((params, is_timed, by_itself)))
    found = _looked_at.get(key)
    if found is None:
        from jeeves_runner.core.prompt_template import faults_of

        if len(_looked_at) >= _MOST_KEPT:
            _looked_at.clear()
        found = _looked_at[key] = faults_of(text, params, is_timed=is_timed, by_itself=by_itself)
    return found


def render(
    text: str,
    *,
    params: Mapping[str, str],
    job_id: str,
    scheduled_for: str | None,
    declared: Sequence[Param] = (),
    secret: Container[str] = (),
    job_name: str | None = None,
    run_id: int | None = None,
    attempt: int | None = None,
    trigger: str | None = None,
) -> str:
    """What the agent is told in one run.

    ``params`` are those of the run by name, as its row has them: texts, of which those that are ``declared``
    as numbers or booleans become such. No secret one can be named: neither one that is declared so, nor one
    of ``secret``, for a gateway keeps and shows what agents are told. ``scheduled_for`` is a time as the
    database has it.
    InvalidValue for a name without a value, a broken template, and a result that is blank or over 256 KiB.
    Takes up to a second for the worst that a manifest can hold, and some 50 ms to load jinja2: not for the
    event loop.
    """
    fault = size_fault(text)
    if fault is None and not _is_plain(text):
        from jeeves_runner.core.prompt_filters import typed
        from jeeves_runner.core.prompt_template import render_template

        types = {param.name: param.type for param in declared}
        supplies: Params = {param.name: "secret" if param.secret else "given" for param in declared}
        values = {name: typed(value, types.get(name)) for name, value in params.items() if name not in secret}
        run = {"id": run_id, "scheduled_for": scheduled_for, "attempt": attempt, "trigger": trigger}
        job = {"id": job_id, "name": job_name}
        values_by_name: dict[str, Mapping[str, object]] = {"params": values, "job": job, "run": run}
        text = render_template(text, values_by_name, supplies or None, MAX_PROMPT)
        fault = size_fault(text)
    if fault is not None:
        raise InvalidValue(f"the prompt {fault[0]}", hint=fault[1])
    return text


def _is_plain(text: str) -> bool:
    return not any(opening in text for opening in _OPENINGS)
