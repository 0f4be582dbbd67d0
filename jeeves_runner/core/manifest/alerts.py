"""What a manifest says about telling people: what the schema cannot say of it is checked here."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.alerts.channels import Channels, fault
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.urls import PING_EXAMPLE, url_fault

_SHORTEST_REMIND_MS: Final = 60_000
_PATIENCE: Final = ("start_within", "finish_within")
_SAYS: Final = frozenset({"on_failure", "on_success", "output_channel", "alert", "expect", "heartbeat"})
_AS_USUAL: Final = Alert()._asdict()


def settle_alerts(
    values: dict[str, Any], given: Mapping[str, Any], channels: Channels, findings: list[Finding]
) -> None:
    """Complete the JSON values of a job that meets the schema; what is wrong goes to ``findings``."""
    if _SAYS.isdisjoint(given):  # as nearly all do; what is not asked here costs a first apply nothing
        values["on_failure"], values["on_success"] = channels.on_failure, channels.on_success
        return
    values["on_failure"] = addresses("on_failure", given, channels.on_failure, channels, findings)
    values["on_success"] = addresses("on_success", given, channels.on_success, channels, findings)
    if "output_channel" in given:
        values["output_channel"] = addresses("output_channel", given, (), channels, findings)
    if "alert" in given:
        findings += _alert_findings(values["alert"], given["alert"])
        if values["alert"] | {"on": tuple(values["alert"]["on"])} == _AS_USUAL:
            values["alert"] = None  # equal specs give equal texts
    if "expect" in given:
        findings += _expect_findings(values["expect"])
    if isinstance(url := values["heartbeat"], str):
        findings += _heartbeat_findings(url)


def addresses(
    key: str,
    given: Mapping[str, Any],
    fallback: Sequence[str],
    channels: Channels,
    findings: list[Finding],
) -> Sequence[str]:
    """The addresses under a key that holds one, a list of them, or null for none; ``fallback`` without it."""
    if key not in given:
        return fallback
    written = given[key]
    if written is None:
        return ()
    places: list[tuple[KeyPath, str]] = [((key,), written)]
    if not isinstance(written, str):
        places = [((key, n), each) for n, each in enumerate(written)]
    for path, text in places:
        if (wrong := fault(text, channels)) is not None:
            message = f"`{key}`: {wrong.message}"
            findings.append(Finding(path=path, code=wrong.code, message=message, hint=wrong.hint))
    return list(dict.fromkeys(text for _, text in places))


def _alert_findings(alert: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Finding]:
    remind = alert["remind_ms"]
    if remind is not None and remind < _SHORTEST_REMIND_MS:
        yield Finding(
            path=("alert", "remind"),
            code="wrong_value",
            message=f"`alert.remind` is {given['remind']}, and the shortest is 1m",
            hint="write 1m or more, or null for no reminders",
        )


def _expect_findings(expect: Mapping[str, Any]) -> Iterator[Finding]:
    for key in _PATIENCE:
        if expect[f"{key}_ms"] == 0:
            yield Finding(
                path=("expect", key),
                code="wrong_value",
                message=f"no run keeps `expect.{key}: 0`",
                hint="give it the time that is all right, such as 5m, or leave it out",
            )


def _heartbeat_findings(url: str) -> Iterator[Finding]:
    credentials = "take it out; a URL that is a secret stands in a file: `heartbeat: {file: PATH}`"
    wrong = url_fault(url, PING_EXAMPLE, credentials)
    if wrong is not None:
        reason, hint = wrong
        yield Finding(path=("heartbeat",), code="wrong_value", message=f"`heartbeat` {reason}", hint=hint)


def unmeant_in(values: Mapping[str, Any], place: KeyPath) -> Iterator[Finding]:
    """What is to be warned about in what a job at ``place`` expects, by its JSON values, which are right."""
    if values["expect"]["start_within_ms"] is not None and not values["schedule"]:
        yield Finding(
            path=(*place, "expect", "start_within"),
            code="no_schedule",
            message=f"`expect.start_within` of job `{values['id']}` has no effect: without a schedule no run"
            " has a time to be late for",
            hint="add a `schedule`, or take it out",
        )
