"""From a valid mapping to a spec's JSON values: what the schema cannot say is checked here.

The values are in the order of the spec's fields and go straight into its canonical text. No spec is made
on the way: thousands of them would cost as much as parsing their YAML.
"""

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from jeeves_runner.core.durations import parse_duration
from jeeves_runner.core.manifest.alerts import addresses, settle_alerts
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.edges import SHORT_FORMS, build_needs, edge_findings, spelled_out
from jeeves_runner.core.manifest.params import build_params
from jeeves_runner.core.manifest.payload_schemas import Content, settle_schema
from jeeves_runner.core.manifest.schedules import check_schedule
from jeeves_runner.core.manifest.sessions import session_findings
from jeeves_runner.core.model import JobSpec, JobType, SourceType
from jeeves_runner.core.namespaces import Namespaces
from jeeves_runner.core.node_spec import NodeKind, NodeSpec
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.queue_spec import QueueSpec
from jeeves_runner.core.spec_texts import spec_to_json
from jeeves_runner.core.specs import JOB_PARTS
from jeeves_runner.core.wording import brief

_JOB_DEFAULTS: Final = spec_to_json(JobSpec(id="", name=""))
_QUEUE_DEFAULTS: Final = spec_to_json(QueueSpec(id=""))
_NODE_DEFAULTS: Final = spec_to_json(NodeSpec(id="", kind=NodeKind.SOURCE))
_DURATIONS: Final = tuple(name.removesuffix("_ms") for name in JobSpec._fields if name.endswith("_ms"))
_AS_WRITTEN: Final = (
    frozenset(JobSpec._fields)
    - JOB_PARTS.keys()
    - {"schedule", "script", "source_type", "cwd", "params", "renamed_from", "needs"}
    - {"on_failure", "on_success", "output_channel"}
)
"""The keys of a job whose value goes into the spec as it is. The other keys are known by their field's type
or name, or have a line of their own in ``build_job``."""

_LISTS: Final = frozenset({"schedule", "renamed_from"})
"""The keys whose value may be written as one entry by itself."""

_BLANK_PARTS: Final[Mapping[str, dict[str, Any]]] = {
    key: dict.fromkeys(kind._fields) | kind._field_defaults for key, kind in JOB_PARTS.items()
}


class BuiltJob(NamedTuple):
    """What a job that meets the schema comes to."""

    values: dict[str, Any]
    """Its JSON values, defaults applied."""
    findings: list[Finding]
    """What is wrong with it."""
    effort: int
    """What it took to check its schedule, in units of ``Schedule.effort``."""
    namespace: str
    """What its times are spread by."""


def build_job(given: Mapping[str, Any], context: ProjectContext, names: Namespaces) -> BuiltJob:
    """The values of a job that meets the schema, and what the schema cannot say of it."""
    findings: list[Finding] = []
    values = dict(_JOB_DEFAULTS)
    values["name"] = given["id"]
    values["timezone"] = context.timezone
    values["cwd"] = context.project_root
    for key in given.keys() & _AS_WRITTEN:
        values[key] = given[key]
    _set_source(values, given, context.project_root)
    for key in _LISTS & given.keys():
        values[key] = given[key] if isinstance(given[key], list) else [given[key]]
    for key in _DURATIONS:
        if key in given:
            values[f"{key}_ms"] = _milliseconds(given[key], (key,), findings)
    _set_parts(values, given, findings)
    _resolve_paths(values, given, context.project_root)
    if "retries" in given:
        _settle_delays(values["retries"], "", given["retries"], "retries", findings)
    if "params" in given:
        values["params"] = build_params(given["params"], values, findings)
    settle_alerts(values, given, context.channels, findings)
    namespace = names.of(given["id"], values["renamed_from"])
    effort = check_schedule(given, values, namespace, findings)
    findings += _job_findings(values, context.pools)
    if values["type"] == JobType.SESSION:
        findings += session_findings(values, context)
    return BuiltJob(values, findings, effort, namespace)


def build_queue(
    given: Mapping[str, Any], context: ProjectContext, content: Content
) -> tuple[dict[str, Any], list[Finding]]:
    """The JSON values of a queue that meets the schema; and what is wrong with it. ``content`` reads the file
    that its payloads' schema may stand in."""
    findings: list[Finding] = []
    values = dict(_QUEUE_DEFAULTS)
    if "payload_schema" in given:
        schema, file = settle_schema(given["payload_schema"], context.project_root, content, findings)
        values["payload_schema"], values["payload_schema_file"] = schema, file
    for path, value in _leaves({key: value for key, value in given.items() if key != "payload_schema"}):
        field = "_".join(path)
        if f"{field}_ms" in QueueSpec._fields:
            values[f"{field}_ms"] = _milliseconds(value, path, findings)
        else:
            values[field] = value
    values["backoff_factor"] = float(values["backoff_factor"])
    values["on_failed"] = addresses(
        "on_failed", given, context.channels.on_failure, context.channels, findings
    )
    _settle_delays(values, "backoff_", given.get("backoff", {}), "backoff", findings)
    if values["lease_ms"] == 0:
        findings.append(
            Finding(
                path=("lease",),
                code="wrong_value",
                message="a lease of 0 ends at once",
                hint="give it the time one item may take, such as 5m",
            )
        )
    return values, findings


def build_node(given: Mapping[str, Any], project_root: str) -> tuple[dict[str, Any], list[Finding]]:
    """The JSON values of a node that meets the schema; and what is wrong with it. A path that is no address
    is resolved."""
    findings: list[Finding] = []
    values = dict(_NODE_DEFAULTS)
    for key, value in given.items():
        if f"{key}_ms" in values:
            values[f"{key}_ms"] = _milliseconds(value, (key,), findings)
        else:
            values[key] = value
    if values["path"] is not None and "://" not in values["path"]:
        values["path"] = _resolved(values["path"], project_root)
    return values, findings + list(_node_findings(values))


def _node_findings(values: Mapping[str, Any]) -> Iterator[Finding]:
    if values["expires"] is not None and not _is_day(values["expires"]):
        message = f"`expires` is {values['expires']}, which is no day of the calendar"
        yield Finding(path=("expires",), code="wrong_value", message=message, hint="write such as 2027-03-31")
    if values["fresh_within_ms"] == 0:
        message = "`fresh_within` of 0 is over at once"
        hint = "give it the time in which it is written again, such as 2h"
        yield Finding(path=("fresh_within",), code="wrong_value", message=message, hint=hint)
    if values["fresh_within_ms"] is not None and values["kind"] not in (NodeKind.DATASTORE, NodeKind.SINK):
        message = f"`fresh_within` is for what jobs write, and a {values['kind']} is none of that"
        hint = "take it away, or let `kind` be datastore or sink"
        yield Finding(path=("fresh_within",), code="conflicting_keys", message=message, hint=hint)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _job_findings(values: Mapping[str, Any], pools: frozenset[str]) -> list[Finding]:
    found = list(_code_findings(values)) if values["exit_codes"] or values["retries"] else []
    found += _earlier_id_findings(values["id"], values["renamed_from"])
    found += edge_findings(values)
    pool = values["pool"]
    if pool is not None and pool not in pools:
        known = (
            f"configured are {', '.join(sorted(pools))}" if pools else "add it under `pools:` in the config"
        )
        found.append(
            Finding(
                path=("pool",), code="unknown_pool", message=f"there is no pool `{brief(pool)}`", hint=known
            )
        )
    if values["timeout_ms"] == 0:
        found.append(
            Finding(
                path=("timeout",),
                code="wrong_value",
                message="a timeout of 0 ends every run at once",
                hint="give it the time a run may take, such as 1h, or leave it out for no limit",
            )
        )
    return found


def _earlier_id_findings(job_id: str, before: Sequence[str]) -> Iterator[Finding]:
    """Each names another job, once."""
    for n, name in enumerate(before):
        if name == job_id or name in before[:n]:
            what = "is the job's own id" if name == job_id else "stands there twice"
            message = f"`renamed_from` names `{name}`, which {what}"
            hint = "name the ids that the job had before, each once"
            yield Finding(path=("renamed_from",), code="wrong_value", message=message, hint=hint)


def _code_findings(values: Mapping[str, Any]) -> Iterator[Finding]:
    """An exit code has one meaning."""
    meant: dict[int, str] = {}
    for group, key in (("exit_codes", "ok"), ("exit_codes", "skip"), ("retries", "on_exit_codes")):
        for n, code in enumerate((values[group] or {}).get(key) or ()):
            name = f"{group}.{key}"
            other = meant.setdefault(code, name)
            if other != name:
                message = f"exit code {code} stands in `{other}` and in `{name}`"
                hint = "leave it in one of them: a code has one meaning"
                yield Finding(path=(group, key, n), code="conflicting_values", message=message, hint=hint)


def nul_findings(given: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with a job that has a NUL character somewhere."""
    return [
        Finding(
            path=path,
            code="wrong_value",
            message=f"{what} holds a NUL character, which no program can be given",
            hint="remove `\\0`",
        )
        for path, what, text in _texts_for_programs(given)
        if "\0" in text
    ]


def _texts_for_programs(given: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """``(path, name, text)`` of all that is passed to the operating system, where a NUL ends a text."""
    for place, whole in (((), given), (("precheck",), given.get("precheck", {}))):
        prefix = "".join(f"{key}." for key in place)
        for key in ("script", "run", "prompt", "prompt_file", "cwd"):
            if key in whole:
                yield (*place, key), f"`{prefix}{key}`", whole[key]
        for key in ("command", "args"):
            for n, text in enumerate(whole.get(key, ())):
                yield (*place, key, n), f"`{prefix}{key}[{n}]`", text
    for name, value in given.get("env", {}).items():
        for text in (value,) if isinstance(value, str) else value.values():
            yield ("env", name), f"`env.{name}`", text


def _set_source(values: dict[str, Any], given: Mapping[str, Any], project_root: str) -> None:
    if "run" in given:
        values["source_type"], values["script"] = SourceType.INLINE, given["run"]
    elif "script" in given:
        values["source_type"], values["script"] = SourceType.PATH, _resolved(given["script"], project_root)
    elif "prompt" in given:
        values["source_type"], values["script"] = SourceType.PROMPT, given["prompt"]
    elif "prompt_file" in given:
        path = _resolved(given["prompt_file"], project_root)
        values["source_type"], values["script"] = SourceType.PROMPT_FILE, path
    else:
        argv = json.dumps(given["command"], ensure_ascii=False, separators=(",", ":"))
        values["source_type"], values["script"] = SourceType.COMMAND, argv


def _resolve_paths(values: dict[str, Any], given: Mapping[str, Any], project_root: str) -> None:
    if "cwd" in given:
        values["cwd"] = _resolved(given["cwd"], project_root)
    if "script" in given.get("precheck", {}):
        values["precheck"]["script"] = _resolved(given["precheck"]["script"], project_root)


def _resolved(path: str, project_root: str) -> str:
    return posixpath.normpath(posixpath.join(project_root, path))


def _milliseconds(text: str | None, path: KeyPath, findings: list[Finding]) -> int | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        name = ".".join(map(str, path))
        hint = f"for example `{path[-1]}: 1h30m`"
        findings.append(Finding(path=path, code="wrong_value", message=f"`{name}`: {error}", hint=hint))
        return None


def _set_parts(values: dict[str, Any], given: Mapping[str, Any], findings: list[Finding]) -> None:
    for key in JOB_PARTS:
        if key in given:
            part = spelled_out(key, given[key]) if key in SHORT_FORMS else given[key]
            values[key] = _part(key, part, findings)
    if "needs" in given:
        values["needs"] = build_needs(given["needs"], findings)


def _part(key: str, given: Mapping[str, Any], findings: list[Finding]) -> dict[str, Any]:
    """The JSON values of a job's key that is a mapping, in the order of its fields."""
    values = _BLANK_PARTS[key].copy()
    for name, value in given.items():
        if f"{name}_ms" in values:
            values[f"{name}_ms"] = _milliseconds(value, (key, name), findings)
        else:
            values[name] = value
    return values


def _leaves(given: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """``(keys, value)`` of a mapping of values and of mappings of values."""
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from (((key, name), inner) for name, inner in value.items())
        else:
            yield (key,), value


def _settle_delays(
    values: dict[str, Any], prefix: str, given: Mapping[str, Any], group: str, findings: list[Finding]
) -> None:
    """A written delay raises the default of its maximum; where both are written, they must agree."""
    delay, longest = values[f"{prefix}delay_ms"], values[f"{prefix}max_delay_ms"]
    if "delay" not in given or delay is None or longest is None or delay <= longest:
        return
    if "max_delay" not in given:
        values[f"{prefix}max_delay_ms"] = delay
        return
    message = f"`{group}.max_delay` is {given['max_delay']}, shorter than `{group}.delay`, {given['delay']}"
    hint = f"write max_delay: {given['delay']} or more, or a shorter delay"
    findings.append(Finding(path=(group, "max_delay"), code="wrong_value", message=message, hint=hint))
