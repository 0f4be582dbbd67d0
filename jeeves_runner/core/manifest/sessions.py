"""Jobs of type session: which keys they have, and what only they can have wrong."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jeeves_runner.core.expressions import problem_of
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.requirements import by_itself, is_timed, supplies
from jeeves_runner.core.model import JobType, SourceType
from jeeves_runner.core.problem import Finding, Inside
from jeeves_runner.core.prompt import size_fault, template_faults

_FOR_PROGRAMS: Final = ("env", "cwd")
"""Keys of what a job runs on this machine. Of a session that is its precheck alone."""

_HINTS: Final = {
    "script": "take it out; what the agent is to do stands in `prompt` or `prompt_file`",
    "run": "take it out; what the agent is to do stands in `prompt` or `prompt_file`",
    "command": "take it out; what the agent is to do stands in `prompt` or `prompt_file`",
    "args": "take it out; what the agent has to know stands in its prompt",
    "exit_codes": "take it out; an agent ends without an exit code, and those of a `precheck` have a meaning",
    "prompt": "add `type: session`",
    "prompt_file": "add `type: session`",
    "session": "take it out; a job of an agent has `type: session` and a `prompt`",
}


def of_its_type(
    own: Mapping[str, Any], given: dict[str, Any], types: Mapping[str, str]
) -> tuple[dict[str, Any], list[Finding]]:
    """A job's keys without those that have no meaning for its type; and what is wrong where it wrote one.

    ``own`` are the keys that the job itself writes, ``given`` those and its defaults: defaults hold for jobs
    of all types, and what does not fit one is left out. ``types``: the keys that jobs of one type have.
    """
    its_type = given.get("type", JobType.SCRIPT)
    findings = []
    kept = given
    for key in _misplaced(given, its_type, types):
        if key in own:
            findings.append(_misplaced_key(key, types.get(key), its_type))
        else:
            kept = {name: value for name, value in kept.items() if name != key}
    if its_type == JobType.SESSION and "precheck" not in given:
        kept = _without_exit_codes(own, kept, findings)
    return kept, findings


def _misplaced(given: Mapping[str, Any], its_type: str, types: Mapping[str, str]) -> Iterator[str]:
    for key, of_type in types.items():
        if key in given and of_type != its_type:
            yield key
    if its_type == JobType.SESSION and "precheck" not in given:
        yield from (key for key in _FOR_PROGRAMS if key in given)


def _misplaced_key(key: str, of_type: str | None, its_type: str) -> Finding:
    if of_type is None:
        message = f"`{key}` is for programs, and this session has no `precheck`"
        hint = "take it out; an agent has the environment that its gateway gives it"
    else:
        message = f"`{key}` is for jobs of type {of_type}, and this one is of type {its_type}"
        hint = _HINTS.get(key, "take it out")
    return Finding(path=(key,), code="conflicting_keys", message=message, hint=hint, at_key=True)


def _without_exit_codes(
    own: Mapping[str, Any], given: dict[str, Any], findings: list[Finding]
) -> dict[str, Any]:
    """A session ends without an exit code: with ``on_exit_codes`` it would never be tried again."""
    key = "on_exit_codes"
    if key not in given.get("retries", ()):
        return given
    if key in (own.get("retries") or ()):
        message = f"`retries.{key}` is for jobs of type script: a session ends without an exit code"
        place = ("retries", key)
        findings.append(
            Finding(path=place, code="conflicting_keys", message=message, hint="take it out", at_key=True)
        )
    retries = {name: value for name, value in given["retries"].items() if name != key}
    return given | {"retries": retries}


def session_findings(values: Mapping[str, Any], context: ProjectContext) -> Iterator[Finding]:
    """What is wrong with the JSON values of a job of type session."""
    if not context.has_gateway:
        message = "a job of type session needs a gateway, and the config names none"
        hint = 'add `gateway: {url: "http://127.0.0.1:18789", token_path: PATH}` to the config'
        yield Finding(path=("type",), code="no_gateway", message=message, hint=hint)
    if values["source_type"] is SourceType.PROMPT:
        yield from _prompt_findings(values)
    expected = (values["session"] or {}).get("expect_result")
    if expected is not None and expected != "json" and (reason := problem_of(expected)) is not None:
        message = f"`session.expect_result` is no regular expression: {reason}"
        hint = "write `json`, or an expression as RE2 reads it"
        yield Finding(path=("session", "expect_result"), code="wrong_value", message=message, hint=hint)


def _prompt_findings(values: Mapping[str, Any]) -> Iterator[Finding]:
    text: str = values["script"]
    fault = size_fault(text)
    if fault is not None:
        message, hint = fault
        yield Finding(path=("prompt",), code="wrong_value", message=f"`prompt` {message}", hint=hint)
        return
    lines = text.split("\n")
    faults = template_faults(
        text, supplies(values) or None, is_timed=is_timed(values), by_itself=by_itself(values)
    )
    for line, column, reason, advice in faults:
        message = f"`prompt`{f', line {line}' if len(lines) > 1 else ''}: {reason}"
        inside = Inside(line, column, lines[line - 1] if line <= len(lines) else "")
        yield Finding(path=("prompt",), code="template", message=message, hint=advice, inside=inside)
