"""What differs between two specs, in the words of a manifest, and as earlier versions recorded it."""

import json

import pytest
from support.manifests import read
from support.specs import canonical

from jeeves_runner.core.field_changes import FieldChange, changed_fields, recorded_fields
from jeeves_runner.core.model import JobSpec, Param, Retries, Secret


def changes(old: str, new: str) -> dict[str, tuple[object, object]]:
    """What differs between two manifests."""
    texts = [read(f"id: a\n{text}").entries[0].text for text in (old, new)]
    return {change.path: (change.old, change.new) for change in changed_fields(*texts)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("run: x\ntimeout: 5m", "run: x\ntimeout: 10m", {"timeout": ("5m", "10m")}),
        ("run: x", "run: x\ntimeout: 90s", {"timeout": (None, "1m30s")}),
        ("run: x", "run: y", {"run": ("x", "y")}),
        ("run: x", "script: bin/y.sh", {"script": (None, "/p/bin/y.sh"), "run": ("x", None)}),
        ("command: [a, b]", "command: [a, c]", {"command": (["a", "b"], ["a", "c"])}),
        ("run: x", "run: x\nexpect: {finish_by: '08:00'}", {"expect.finish_by": (None, "08:00")}),
        (
            "run: x\nexpect: {finish_by: '08:00', start_within: 5m}",
            "run: x\nexpect: {start_within: 6m}",
            {"expect.start_within": ("5m", "6m"), "expect.finish_by": ("08:00", None)},
        ),
        ("run: x", "run: x\nretries: {limit: 3}", {"retries.limit": (None, 3)}),
        (
            "run: x\nretries: {limit: 3, delay: 1m}",
            "run: x",
            {"retries.limit": (3, None), "retries.delay": ("1m", None)},
        ),
        ("run: x", "run: x\nretries: {limit: 0}", {"retries.limit": (None, 0)}),
        ("run: x", "run: x\nkeep: {days: 30d}", {"keep.days": (None, "30d")}),
        ("run: x", "run: x\nprecheck: {run: y}", {"precheck.run": (None, "y")}),
        ("run: x", "run: x\nenv: {WAIT_ms: '5'}", {"env.WAIT_ms": (None, "5")}),
        (
            "run: x",
            "run: x\nparams: {day_ms: {type: integer, default: 5}}",
            {"params.day_ms.type": (None, "integer"), "params.day_ms.default": (None, 5)},
        ),
        (
            "run: x\nschedule: '@daily'",
            "run: x\nschedule: {every: 11m}",
            {"schedule": (["@daily"], [{"every": "11m"}])},
        ),
    ],
)
def test_changes_are_told_in_the_words_of_a_manifest(
    old: str, new: str, expected: dict[str, tuple[object, object]]
) -> None:
    assert changes(old, new) == expected


def test_a_queue_has_its_sections() -> None:
    old, new = (
        read(f"queues:\n  - {{id: q{keys}}}").entries[0].text
        for keys in ("", ", lease: 1m, dedup: {key: $.id}, backoff: {delay: 10s}, retention: {failed: 1d}")
    )
    assert changed_fields(old, new) == [
        FieldChange("dedup.key", None, "$.id"),
        FieldChange("lease", "5m", "1m"),
        FieldChange("backoff.delay", "0s", "10s"),
        FieldChange("retention.failed", "30d", "1d"),
    ]


def test_changes_are_named_by_path_with_both_values() -> None:
    old = JobSpec(id="a", name="a", env=(("A", "1"), ("B", "2")), retries=Retries(limit=1))
    new = JobSpec(id="a", name="a", env=(("A", "1"), ("C", "3")), retries=Retries(limit=2), priority=5)
    assert changed_fields(canonical(old), canonical(new)) == [
        FieldChange(path="env.C", old=None, new="3"),
        FieldChange(path="env.B", old="2", new=None),
        FieldChange(path="retries.limit", old=1, new=2),
        FieldChange(path="priority", old=0, new=5),
    ]
    assert changed_fields(canonical(old), canonical(old)) == []


def test_a_text_that_becomes_a_secret_or_was_one_is_not_shown() -> None:
    plain = JobSpec(id="a", name="a", env=(("TOKEN", "hunter2"),))
    secret = JobSpec(id="a", name="a", env=(("TOKEN", Secret(kind="file", ref="token")),))
    assert changed_fields(canonical(plain), canonical(secret)) == [
        FieldChange(path="env.TOKEN", old="***", new={"file": "token"})
    ]
    assert changed_fields(canonical(secret), canonical(plain)) == [
        FieldChange(path="env.TOKEN", old={"file": "token"}, new="***")
    ]


def test_a_heartbeat_that_becomes_a_secret_or_was_one_is_not_shown() -> None:
    plain = JobSpec(id="a", name="a", heartbeat="https://box/hunter2")
    secret = JobSpec(id="a", name="a", heartbeat=Secret(kind="from_env", ref="PING"))
    assert changed_fields(canonical(plain), canonical(secret)) == [
        FieldChange(path="heartbeat", old="***", new={"from_env": "PING"})
    ]
    assert changed_fields(canonical(secret), canonical(plain)) == [
        FieldChange(path="heartbeat", old={"from_env": "PING"}, new="***")
    ]


def test_what_a_parameter_had_before_it_became_secret_is_not_shown() -> None:
    plain = JobSpec(id="a", name="a", params=(Param(name="pin", default="hunter2", enum=("hunter2", "x")),))
    secret = JobSpec(id="a", name="a", params=(Param(name="pin", secret=True),))
    becomes = [
        FieldChange(path="params.pin.enum", old="***", new=[]),
        FieldChange(path="params.pin.default", old="***", new=None),
        FieldChange(path="params.pin.secret", old=False, new=True),
    ]
    assert changed_fields(canonical(plain), canonical(secret)) == becomes
    assert changed_fields(canonical(secret), canonical(plain)) == [
        change._replace(old=change.new, new=change.old) for change in becomes
    ]
    other = plain._replace(params=(Param(name="pin", default="x"),))
    assert FieldChange(path="params.pin.default", old="hunter2", new="x") in changed_fields(
        canonical(plain), canonical(other)
    )


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ([("timeout_ms", 300_000, 600_000)], [("timeout", "5m", "10m")]),
        ([("timeout_ms", None, 60_000)], [("timeout", None, "1m")]),
        ([("retries.delay_ms", 1000, 2000)], [("retries.delay", "1s", "2s")]),
        (
            [("expect", None, {"start_within_ms": None, "finish_within_ms": 60_000, "finish_by": "08:00"})],
            [("expect.finish_within", None, "1m"), ("expect.finish_by", None, "08:00")],
        ),
        ([("retention_completed_ms", 86_400_000, 0)], [("retention.completed", "1d", "0s")]),
        ([("script", "echo a", "echo b")], [("run", "echo a", "echo b")]),
        ([("script", "/p/a.sh", "/p/b.sh")], [("script", "/p/a.sh", "/p/b.sh")]),
        ([("script", '["a"]', '["b"]')], [("command", ["a"], ["b"])]),
        ([("script", '["a', "b")], [("run", '["a', "b")]),
        (
            [("source_type", "inline", "prompt"), ("script", "x", "y")],
            [("prompt", None, "y"), ("run", "x", None)],
        ),
        ([("enabled", 0, 1)], [("enabled", False, True)]),
        ([("env.WAIT_ms", "5", None)], [("env.WAIT_ms", "5", None)]),
        ([("priority", 0, 1)], [("priority", 0, 1)]),
        ([("file", "a.yaml", "b.yaml")], [("file", "a.yaml", "b.yaml")]),
    ],
)
def test_what_earlier_versions_recorded_is_shown_in_the_same_words(
    recorded: list[tuple[str, object, object]], shown: list[tuple[str, object, object]]
) -> None:
    found = recorded_fields(FieldChange(*each) for each in recorded)
    assert found == [FieldChange(*each) for each in shown]
    assert recorded_fields(found) == found


def _as_earlier_versions_recorded(path: str, old: object, new: object) -> list[FieldChange]:
    """Mappings key by key, all under the names of the spec."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [FieldChange(path, old, new)]
    return [
        change
        for name in [*new, *(name for name in old if name not in new)]
        for change in _as_earlier_versions_recorded(
            f"{path}.{name}" if path else name, old.get(name), new.get(name)
        )
    ]


@pytest.mark.parametrize(
    "manifest",
    [
        "run: x\ntimeout: 5m\nkill_grace: 1s",
        "command: [a, b]\nretries: {limit: 1, delay: 5s}\nkeep: {days: 3d}",
        "script: a.sh\nexpect: {finish_by: '08:00', finish_within: 1h}\nschedule: ['@daily', {every: 11m}]",
        "run: y\nretries: {limit: 2, max_delay: 2h}\nalert: {remind: 1d, after: 2}\nenv: {A: b}",
        "type: session\nprompt: hello\nsession: {max_tokens: 5}\nenabled: false\npriority: 5",
        "run: x\nprecheck: {run: y}\nexit_codes: {ok: [1]}\nexpect: {start_within: 1m}\ntags: [a]",
    ],
)
@pytest.mark.parametrize("other", ["run: x", "run: z\nretries: {limit: 1}\nexpect: {finish_within: 2h}"])
def test_what_earlier_versions_recorded_says_what_is_said_now(manifest: str, other: str) -> None:
    texts = [read(f"id: a\n{text}").entries[0].text for text in (manifest, other)]
    for old, new in (texts, texts[::-1]):
        recorded = _as_earlier_versions_recorded("", json.loads(old), json.loads(new))
        assert sorted(recorded_fields(recorded), key=str) == sorted(changed_fields(old, new), key=str)
