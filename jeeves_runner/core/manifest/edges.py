"""The keys by which a job follows others: their short forms, and what the schema cannot say of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jeeves_runner.core.durations import parse_duration
from jeeves_runner.core.edge_spec import Need
from jeeves_runner.core.model import OverlapPolicy
from jeeves_runner.core.problem import Finding, KeyPath

SHORT_FORMS: Final = {"after": "jobs", "on_change": "of"}
"""The keys whose value may be one entry or a list: then that is the value of this key of their mapping, which
may be either itself."""

_FREE_OF_OCCURRENCES: Final = "`needs` holds back occurrences and runs at a start, and the job has neither"


def spelled_out(key: str, value: Any) -> Any:
    """The value of ``after`` or ``on_change`` as a mapping, in which that value is a list."""
    inner = SHORT_FORMS[key]
    given = value if isinstance(value, dict) else {inner: value}
    one_or_more = given[inner]
    return {**given, inner: one_or_more if isinstance(one_or_more, list) else [one_or_more]}


def build_needs(given: Any, findings: list[Finding]) -> list[dict[str, Any]]:
    """The JSON values of ``needs``, in the order of their fields."""
    return [
        _need(("needs", n) if isinstance(given, list) else ("needs",), each, findings)
        for n, each in enumerate(given if isinstance(given, list) else [given])
    ]


def _need(path: KeyPath, given: Any, findings: list[Finding]) -> dict[str, Any]:
    keys: Mapping[str, Any] = given if isinstance(given, Mapping) else {"job": given}
    values: dict[str, Any] = {"job": keys["job"], **Need._field_defaults}
    for name in ("within", "wait"):
        if name in keys:
            try:
                values[f"{name}_ms"] = parse_duration(keys[name])
            except ValueError as error:
                message = f"`{'.'.join(map(str, (*path, name)))}`: {error}"
                hint = f"for example `{name}: 1h30m`"
                findings.append(Finding(path=(*path, name), code="wrong_value", message=message, hint=hint))
    return values


def edge_findings(values: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the edges of a job, as far as it can be told without other jobs."""
    yield from _named_twice_or_itself(values)
    if (on_queue := values["on_queue"]) is not None and values["overlap_policy"] == OverlapPolicy.REPLACE:
        yield Finding(
            path=("on_queue",),
            code="conflicting_keys",
            message=f"items of `{on_queue['queue']}` would end the run that works on those before",
            hint="take `overlap_policy: skip`: while a run is active, items wait in the queue",
        )
    for node in (values["on_change"] or {}).get("of", ()):
        if node in values["writes"]:
            message = f"the job writes `{node}`, which starts it: each run would start the next one"
            hint = "let another job write it, or start this one by its `schedule`"
            yield Finding(path=("on_change",), code="starts_itself", message=message, hint=hint)


def _named_twice_or_itself(values: Mapping[str, Any]) -> Iterator[Finding]:
    needed = [each["job"] for each in values["needs"]]
    for key, names in (
        ("after", (values["after"] or {}).get("jobs", ())),
        ("needs", needed),
        ("triggers", values["triggers"]),
    ):
        for name in _twice(names):
            message = f"`{key}` names `{name}` twice"
            yield Finding(path=(key,), code="wrong_value", message=message, hint="remove one of them")
        if key != "triggers" and values["id"] in names:
            message = f"`{key}` names the job itself, so it would never start"
            yield Finding(path=(key,), code="cycle", message=message, hint="name other jobs")


def _twice(names: Sequence[str]) -> Iterator[str]:
    yield from dict.fromkeys(name for n, name in enumerate(names) if name in names[:n])


def edge_warnings(values: Mapping[str, Any], place: KeyPath) -> Iterator[Finding]:
    """What is right, and without effect."""
    if values["needs"] and not (values["schedule"] or values["on_start"]):
        yield Finding(
            path=(*place, "needs"),
            code="no_effect",
            message=_FREE_OF_OCCURRENCES,
            hint="give it a `schedule`, or let `after` start it",
        )
