"""What manifests say of whom to tell, and what is said of those that say it wrong."""

from typing import Any

import pytest
from support.manifests import assert_error, error_of, job, read
from support.specs import queue_from_text

from jeeves_runner.core.alert_spec import Alert, Expect
from jeeves_runner.core.alerts.channels import Channels
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.model import Secret
from jeeves_runner.core.specs import job_from_text
from jeeves_runner.schemas_text import manifest_schema

DEFAULTS = Channels(slack=True, on_failure=("C0FAILED",), on_success=("C0SUCCESS", "C0PEOPLE"))
ADDRESSED = ("on_failure", "on_success", "output_channel")


def of_config(channels: Channels) -> ManifestReader:
    """A reader of manifests of a project with these channels."""
    return ManifestReader(manifest_schema(), ProjectContext(project_root="/p", channels=channels))


def test_a_job_names_one_channel_or_several_each_once() -> None:
    spec = job(
        "run: x\non_failure: C0123ABCDEF\non_success: [webhook:ops, webhook:ops, 'email:a@example.org']\n"
        "output_channel: [D0123ABCDEF]\n"
    )
    assert spec.on_failure == ("C0123ABCDEF",)
    assert spec.on_success == ("webhook:ops", "email:a@example.org")
    assert spec.output_channel == ("D0123ABCDEF",)


@pytest.mark.parametrize("kind", ["run: x\n", "type: session\nprompt: x\n"])
def test_jobs_of_all_types_say_what_people_are_told(kind: str) -> None:
    spec = job(
        f"{kind}schedule: '@daily'\n"
        "alert: {on: [failure, late], after: 3, remind: 1d, on_recovery: false}\n"
        "expect: {start_within: 5m, finish_within: 1h, finish_by: 08:00}\nheartbeat: 'https://box/ping?a=1'\n"
    )
    assert spec.alert == Alert(on=("failure", "late"), after=3, remind_ms=86_400_000, on_recovery=False)
    assert spec.expect == Expect(start_within_ms=300_000, finish_within_ms=3_600_000, finish_by="08:00")
    assert spec.heartbeat == "https://box/ping?a=1"


def test_a_heartbeat_may_be_a_secret_which_must_be_there() -> None:
    text = "run: x\ntimeout: 1m\nheartbeat: {file: secrets/ping}\n"
    assert job(text).heartbeat == Secret(kind="file", ref="secrets/ping")
    (entry,) = read(text).entries
    assert [(each.kind, each.ref, each.key) for each in entry.requires] == [
        ("file", "/p/secrets/ping", "heartbeat")
    ]
    (entry,) = read("run: x\ntimeout: 1m\nheartbeat: {from_env: PING}\n").entries
    assert [(each.kind, each.ref) for each in entry.requires] == [("from_env", "PING")]


def test_what_a_job_does_not_say_the_config_says() -> None:
    (entry,) = of_config(DEFAULTS).read("jobs.d/a.yaml", b"run: x\n").entries
    spec = job_from_text(entry.text)
    assert [getattr(spec, key) for key in ADDRESSED] == [("C0FAILED",), ("C0SUCCESS", "C0PEOPLE"), ()]


@pytest.mark.parametrize("key", ADDRESSED)
def test_null_is_nobody_whatever_defaults_and_config_say(key: str) -> None:
    read_by_config = of_config(DEFAULTS)
    layer, problems = read_by_config.read_defaults(
        "jobs.d/_defaults.yaml", b"defaults: {%s: C0NEARER}" % key.encode()
    )
    assert layer is not None
    assert not problems
    for text, expected in ((f"run: x\n{key}: null\n", ()), ("run: x\n", ("C0NEARER",))):
        (entry,) = read_by_config.read("jobs.d/a.yaml", text.encode(), [layer]).entries
        assert getattr(job_from_text(entry.text), key) == expected
    nobody, problems = read_by_config.read_defaults(
        "jobs.d/_defaults.yaml", b"defaults: {%s: null}" % key.encode()
    )
    assert nobody is not None
    (entry,) = read_by_config.read("jobs.d/a.yaml", b"run: x\n", [layer, nobody]).entries
    assert getattr(job_from_text(entry.text), key) == ()


def test_of_two_layers_an_alert_is_merged_key_by_key() -> None:
    outer: dict[str, Any] = {"alert": {"after": 2, "remind": "1d"}}
    assert job("run: x\n", outer, {"alert": {"remind": None}}).alert == Alert(after=2, remind_ms=None)
    assert job("run: x\nalert: {after: 5}\n", outer).alert == Alert(after=5, remind_ms=86_400_000)
    assert job("run: x\nalert: null\n", outer).alert is None


def test_an_alert_that_is_as_usual_makes_no_other_spec() -> None:
    usual = "on: [failure, missed, interrupted, late, overrun, outlasts, stale]"
    texts = [read(f"run: x\n{more}").entries[0].text for more in ("", "alert: {}\n", f"alert: {{{usual}}}\n")]
    assert len(set(texts)) == 1


def test_a_queue_says_where_its_dead_letters_are_told() -> None:
    text = b"queues: [{id: a}, {id: b, on_failed: null}, {id: c, on_failed: [C0QUEUE]}]"
    entries = of_config(DEFAULTS).read("jobs.d/a.yaml", text).entries
    assert [queue_from_text(entry.text).on_failed for entry in entries] == [("C0FAILED",), (), ("C0QUEUE",)]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("'#alerts'", "write its id, such as C0123ABCDEF"),
        ("c0123abcdef", "write C0123ABCDEF"),
        ("'#C0123ABCDEF'", "write C0123ABCDEF"),
        ("slack:C0123ABCDEF", "write C0123ABCDEF"),
        ("'https://x.slack.com/archives/C0123ABCDEF'", "write C0123ABCDEF"),
        ("'https://hooks.slack.com/services/T0/hunter2'", "name it in the config"),
        ("U0123ABCDEF", "write the id of their conversation with the app"),
        ("webhook:Ops", "write webhook:ops"),
        ("webhook:night shift", "write webhook:night-shift"),
        ("webhooks:ops", "write webhook:ops"),
        ("ops", "write webhook:ops"),
        ("a@example.org", "write email:a@example.org"),
        ("email:a", "the whole address, such as email:ops@example.org"),
        ("slack:general", "write its id, such as C0123ABCDEF"),
        ("mailto:a@example.org", "write email:a@example.org"),
        ("none", "write null, without quotes, for none"),
        ("everybody", "write a Slack channel's id such as C0123ABCDEF, webhook:NAME or email:ADDRESS"),
    ],
)
def test_what_is_no_channel_is_told_with_what_is_probably_meant(written: str, hint: str) -> None:
    line, column, message, found = error_of(f"run: x\non_failure: {written}\n")
    assert (line, column) == (2, 13)
    assert message.startswith("`on_failure`: ")
    assert message.endswith(" is no channel")
    assert hint in found
    assert "hunter2" not in message + found


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("on_success: [C0123ABCDEF, '#a']\n", 2, 27, "`on_success`: `#a` is no channel", "its id"),
        ("output_channel: webhook:opps\n", 2, 17, "there is no webhook `opps`", "did you mean ops?"),
        ("output_channel: webhook:x\n", 2, 17, "there is no webhook `x`", "config are night, ops"),
        ("on_failure: []\n", 2, 13, "`on_failure` must be a Slack channel's id", "write null for none"),
        ("on_failure: ''\n", 2, 13, "`on_failure` must be a Slack channel's id", "write null for none"),
        ("on_success: false\n", 2, 13, "`on_success` must be a Slack channel's id", "write null for none"),
        ("on_failure: [null]\n", 2, 14, "`on_failure[0]` must be a Slack channel's id", "or remove it"),
        ("alert: {on: [failures]}\n", 2, 14, "must be one of failure, missed,", "did you mean failure?"),
        ("alert: {on: []}\n", 2, 13, "stale; to tell of none, `on_failure: null`, not []", "it is empty"),
        ("alert: {on: late}\n", 2, 13, "must be a list of failure, missed,", "write `on: [late]`"),
        ("alert: {after: 0}\n", 2, 16, "a whole number from 1 to 1000, not 0", ""),
        ("alert: {remind: 30s}\n", 2, 17, "`alert.remind` is 30s, and the shortest is 1m", "or null"),
        ("alert: {remind: 1s}\n", 2, 17, "`alert.remind` is 1s, and the shortest is 1m", "1m or more"),
        ("alert: {remind: 0}\n", 2, 17, "must be a duration", "write null for none"),
        ("alert: {remind: never}\n", 2, 17, "must be a duration", "write null"),
        ("alert: {remnd: 1h}\n", 2, 9, "unknown key `remnd`", "`remind`"),
        ("expect: {}\n", 2, 9, "`expect` must be a mapping", ""),
        ("expect: {finish_by: '25:00'}\n", 2, 21, "a time from 00:00 to 23:59, such as", ""),
        (
            "expect: {finish_by: 8:00}\n",
            2,
            21,
            "a time from 00:00 to 23:59",
            "write it with two digits: 08:00",
        ),
        ("expect: {finish_within: 0s}\n", 2, 25, "no run keeps `expect.finish_within: 0`", "such as 5m"),
        ("expect: {start_within: 5}\n", 2, 24, "must be a duration", "5m"),
        ("heartbeat: ftp://box\n", 2, 12, "`heartbeat` does not begin with http://", "https://hc-ping.com/"),
        ("heartbeat: box\n", 2, 12, "`heartbeat` does not begin with http://", "https://hc-ping.com/"),
        ("heartbeat: 'https://me:hunter2@box'\n", 2, 12, "a user name or password", "{file: PATH}"),
        ("heartbeat: 'https://box/#hunter2'\n", 2, 12, "has a fragment", "before the `#`"),
        ("heartbeat: {url: x}\n", 2, 12, "`heartbeat` must be a URL such as", ""),
    ],
)
def test_mistakes_have_their_place_and_a_hint(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    said = assert_error(f"run: x\n{text}", line, column, message, hint)
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        ("C0123ABCDEF", "C0123ABCDEF is in Slack, and the config names none", "notifications: {slack: {"),
        ("email:a@example.org", "needs a mail server, and the config names none", "notifications: {email: {"),
        ("webhook:ops", "there is no webhook `ops`", "notifications: {webhooks: {ops: {url: URL}}}"),
    ],
)
@pytest.mark.parametrize("key", [*ADDRESSED, "on_failed"])
def test_a_channel_that_the_config_lacks_is_an_error_that_names_what_to_add(
    key: str, address: str, message: str, hint: str
) -> None:
    job_or_queue = (
        f"queues: [{{id: a, {key}: '{address}'}}]" if key == "on_failed" else f"run: x\n{key}: '{address}'"
    )
    (problem,) = [
        p for p in of_config(Channels()).read("jobs.d/a.yaml", job_or_queue.encode()).problems if p.is_error
    ]
    assert message in problem.message
    assert hint in (problem.hint or "")


def test_a_number_is_no_channel_by_quotes() -> None:
    problem = next(p for p in read("run: x\non_failure: 5\n").problems if p.is_error)
    assert problem.message.endswith("or a list of these; null for none, not 5")
    assert problem.hint == "for example `on_failure: C0123ABCDEF`"


def test_to_expect_a_start_without_a_schedule_is_warned_about() -> None:
    text = "run: x\ntimeout: 1m\nexpect: {start_within: 1m, finish_by: '08:00'}\n"
    (problem,) = read(text).problems
    assert (problem.severity, problem.line, problem.column) == ("warning", 3, 24)
    assert "without a schedule no run has a time to be late for" in problem.message
    assert not read(f"{text}schedule: '@daily'\n").problems
    assert not read(text.replace("start_within", "finish_within")).problems
