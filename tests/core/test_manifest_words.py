"""Specs in the words of a manifest."""

import json
from typing import Any

import pytest
from support.manifests import read

from jeeves_runner.core.manifest_words import QUEUE_SECTIONS, in_words
from jeeves_runner.schemas_text import manifest_schema

BASE = {"id": "a", "timeout": "1m"}
MANIFESTS = [
    BASE | {"run": "echo a\necho b\n"},
    BASE | {"script": "/opt/a.sh", "args": ["x"], "cwd": "/srv"},
    BASE | {"command": ["rsync", "-a"], "env": {"WAIT_ms": "5", "TOKEN": {"file": "t"}}},
    BASE | {"type": "session", "prompt": "hello", "session": {"max_tokens": 7}},
    BASE
    | {"run": "x", "kill_grace": "1m30s", "catch_up_window": "2d", "schedule": ["@daily", {"every": "11m"}]},
    BASE | {"run": "x", "retries": {"limit": 3, "delay": "1m", "max_delay": "2h"}},
    BASE | {"run": "x", "expect": {"start_within": "5m", "finish_by": "08:00"}, "keep": {"days": "30d"}},
    BASE | {"run": "x", "alert": {"after": 3, "remind": "1d"}, "exit_codes": {"skip": [78]}},
    BASE
    | {
        "run": "x",
        "params": {"wait_ms": {"type": "integer", "default": 5}, "pin": {"type": "string", "secret": True}},
    },
    BASE | {"run": "x", "precheck": {"command": ["test", "-s", "inbox"]}, "on_failure": ["C0ABCDEFG"]},
]
QUEUES = [
    {"id": "q"},
    {"id": "q", "lease": "1m", "dedup": {"key": "$.id", "scope": "all"}, "on_failed": ["C0ABCDEFG"]},
    {"id": "q", "backoff": {"delay": "10s", "factor": 3.0}, "retention": {"completed": "1d"}},
]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: str(list(manifest)[2:]))
def test_a_job_in_words_is_a_manifest_of_the_same_job(manifest: dict[str, object]) -> None:
    (entry,) = read(json.dumps(manifest)).entries
    words = _said(in_words(json.loads(entry.text)))
    if manifest.get("type") == "session":
        del words["cwd"]  # a session has none
    assert words.keys() >= manifest.keys()
    (again,) = read(json.dumps(words)).entries
    assert again.text == entry.text


@pytest.mark.parametrize("queue", QUEUES, ids=str)
def test_a_queue_in_words_is_a_manifest_of_the_same_queue(queue: dict[str, object]) -> None:
    (entry,) = read(json.dumps({"queues": [queue]})).entries
    words = _said(in_words(json.loads(entry.text)))
    if "key" not in words["dedup"]:
        del words["dedup"]
    (again,) = read(json.dumps({"queues": [words]})).entries
    assert again.text == entry.text


def test_the_sections_of_a_queue_are_those_of_the_schema() -> None:
    keys = manifest_schema()["$defs"]["queue"]["properties"]
    assert [key for key, part in keys.items() if part.get("type") == "object"] == list(QUEUE_SECTIONS)


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """What a manifest would have of them: no keys without a value."""
    said = {key: _said(each) if isinstance(each, dict) else each for key, each in values.items()}
    return {key: each for key, each in said.items() if each not in (None, [], {})}
