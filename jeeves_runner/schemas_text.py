"""The JSON Schemas as shipped: inside the package when installed, beside it in a source tree."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


def manifest_schema() -> dict[str, Any]:
    """The schema of manifests."""
    return _schema("manifest.schema.json")


def config_schema() -> dict[str, Any]:
    """The schema of the config file."""
    return _schema("config.schema.json")


@cache
def _schema(name: str) -> dict[str, Any]:
    folder = _PACKAGE / "schemas"
    if not folder.is_dir():
        folder = _PACKAGE.parent / "schemas"
    schema: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return schema
