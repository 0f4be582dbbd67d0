"""The settings in force."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from jeeves_runner.config import Config


def config_view(config: Config) -> dict[str, Any]:
    """Every setting by the name of its field: paths as text, durations in ms, sizes in bytes."""
    return {field.name: _value(getattr(config, field.name)) for field in fields(config)}


def _value(setting: Any) -> Any:
    if is_dataclass(setting):
        return {field.name: _value(getattr(setting, field.name)) for field in fields(setting)}
    if isinstance(setting, Mapping):
        return {str(key): _value(item) for key, item in setting.items()}
    if isinstance(setting, list | tuple | set | frozenset):
        return [_value(item) for item in setting]
    return str(setting) if isinstance(setting, PurePath) else setting
