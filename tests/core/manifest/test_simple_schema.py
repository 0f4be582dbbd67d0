"""The quick check of simple schemas: what it lets pass, JSON Schema lets pass as well."""

from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.config import config_schema
from jeeves_runner.core.manifest.simple_schema import fits

SCHEMA = config_schema()
is_valid = jsonschema_rs.validator_for(SCHEMA).is_valid

words = st.sampled_from(["auto", "info", "json", "30s", "1h30m\n", "10MiB", "UTC", "", "0", "uv run"])
scalars = words | st.integers(-1, 70_000) | st.booleans() | st.none() | st.floats(0, 5) | st.text(max_size=3)
names = st.sampled_from(["mode", "interval", "level", "file", "format", "py", "web", "Web", "a\n"])
values = scalars | st.dictionaries(names, scalars, max_size=2) | st.lists(scalars, max_size=2)
configs = st.dictionaries(st.sampled_from([*SCHEMA["properties"], "colour"]), values, max_size=3)


@given(configs | values)
def test_what_fits_is_valid(value: Any) -> None:
    assert not fits(value, SCHEMA) or is_valid(value)


SECTIONS = {key: part for key, part in SCHEMA["properties"].items() if "properties" in part}


@pytest.mark.parametrize("key", SECTIONS)
def test_what_a_section_is_said_to_look_like_fits(key: str) -> None:
    example = yaml.safe_load(SECTIONS[key]["x-expected"].partition(" such as ")[2])
    assert example
    assert fits({key: example}, SCHEMA)


def test_a_config_with_all_settings_fits() -> None:
    config = {key: part["default"] for key, part in SCHEMA["properties"].items() if "default" in part}
    config |= {
        "db_path": "data/jobs.sqlite",
        "pools": {"web": 2},
        "runners": {"py": "uv run"},
        "inherit_env": ["HTTPS_PROXY", "APP_*"],
        "sync": {"mode": "manual", "interval": "30s"},
        "gateway": {
            "url": "http://127.0.0.1:18789",
            "token_path": "token",
            "timeout": "30s",
            "max_sessions": 6,
        },
        "log": {"level": "debug", "file": "runner.log", "format": "json"},
    }
    assert config.keys() | SECTIONS.keys() == SCHEMA["properties"].keys()
    assert fits(config, SCHEMA)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("port", 70_000),
        ("port", True),
        ("port", 80.0),
        ("port", "80"),
        ("max_concurrency", 0),
        ("run_retention", "30 days"),
        ("run_retention", "30d\n"),
        ("timezone", ""),
        ("sync", {"mode": "off"}),
        ("sync", {"colour": "red"}),
        ("pools", {"Web": 2}),
        ("pools", {"web": 0}),
        ("runners", {"py": ["uv", "run"]}),
        ("inherit_env", "PATH"),
        ("inherit_env", [""]),
        ("inherit_env", ["A=B"]),
        ("gateway", {"token_path": "token"}),
        ("log", None),
        ("colour", "red"),
    ],
)
def test_a_wrong_setting_does_not_fit(key: str, value: Any) -> None:
    assert not fits({key: value}, SCHEMA)
    assert not is_valid({key: value}) or value == 80.0


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"type": "string"}},
        {"type": "number"},
        {"type": "object", "required": ["id"], "minProperties": 1},
        {"minimum": 1},
    ],
)
def test_a_rule_that_is_not_known_lets_nothing_pass(schema: dict[str, Any]) -> None:
    assert not any(fits(value, schema) for value in (1.5, "text", {}, {"id": "a"}))
