"""The config file as a whole: its settings, and all that is wrong with them, by line and column."""

from collections.abc import Mapping
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from jeeves_runner.config_settings import Given, Setting, findings_in, warnings_in
from jeeves_runner.core.manifest.simple_schema import fits
from jeeves_runner.core.manifest.validation import Validator
from jeeves_runner.core.manifest.yaml_places import Places
from jeeves_runner.core.manifest.yaml_text import YamlError, decode, load, locate
from jeeves_runner.core.problem import Finding, Position, Problem, Severity

_LATER: Final = frozenset(
    "source.git source policy trusted_proxies webhook_secret_path executors".split()  # noqa: SIM905
)
"""Keys of features still to come: they are refused as unsupported rather than as misspelt."""


def read(
    data: bytes,
    path: Path,
    settings: tuple[Setting, ...],
    schema: Mapping[str, Any],
    *,
    warn: bool = False,
) -> tuple[dict[str, Any], list[Problem]]:
    """The settings in the bytes of the file at ``path`` that are right, and what is wrong with the others.

    ``schema`` is that of ``settings``, which are all that the file may hold. ``warn``: among the problems are
    warnings about those that are right, for which files are looked at.
    """
    values, mistakes = _values(data, path.resolve().parent, settings, schema)
    told: list[tuple[Severity, Position, Finding]] = [
        ("error", place, mistake) for place, mistake in mistakes
    ]
    if warn:
        told += [("warning", *each) for each in _warnings(data, path.resolve().parent, settings, values)]
    problems = [
        Problem(
            severity=severity,
            code=mistake.code,
            file=str(path),
            line=line,
            column=column,
            message=mistake.message,
            hint=mistake.hint,
        )
        for severity, (line, column), mistake in sorted(told, key=itemgetter(1))
    ]
    return values, problems


def _values(
    data: bytes, root: Path, settings: tuple[Setting, ...], schema: Mapping[str, Any]
) -> tuple[dict[str, Any], list[tuple[Position, Finding]]]:
    """What is right of the mapping in a file, and its mistakes. A file without settings is an empty one."""
    try:
        text = decode(data)
        document = load(text)
    except YamlError as error:
        if error.code == "empty":
            return {}, []
        mistake = Finding(path=(), code=error.code, message=error.message, hint=error.hint)
        return {}, [((error.line, error.column), mistake)]
    values = document.value
    validator = Validator(schema, partial(fits, schema=schema), _LATER)
    findings = validator.findings(values, holds_float=document.holds_float)
    if not isinstance(values, dict):
        return {}, [((1, 1), finding) for finding in findings]
    broken = {finding.path[0] for finding in findings}
    right = {key: value for key, value in values.items() if key not in broken}
    findings += findings_in(settings, Given(right, root))
    if not findings:
        return values, []
    places = locate(text, (each.path for each in findings))
    broken = {finding.path[0] for finding in findings if finding.path}
    kept = {key: value for key, value in values.items() if key not in broken}
    return kept, [_told(each, places) for each in findings]


def _warnings(
    data: bytes, root: Path, settings: tuple[Setting, ...], values: Mapping[str, Any]
) -> list[tuple[Position, Finding]]:
    """What is to be warned about in the values that are right."""
    findings = list(warnings_in(settings, Given(values, root)))
    if not findings:
        return []
    places = locate(decode(data), (each.path for each in findings))
    return [_told(each, places) for each in findings]


def _told(finding: Finding, places: Places) -> tuple[Position, Finding]:
    message, hint = finding.told(places.written(finding.path))
    place = places.key_position if finding.at_key else places.position
    return place(finding.path), finding._replace(message=message, hint=hint)
