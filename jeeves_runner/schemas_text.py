"""The schemas as shipped: inside the package when installed, beside it in a source tree."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


@cache
def manifest_schema() -> dict[str, Any]:
    """The schema of manifests."""
    return _read("manifest.schema.json")


def openapi_document() -> dict[str, Any]:
    """What there is over HTTP, as OpenAPI; a new object each time."""
    return _read("openapi.json")


def _read(name: str) -> dict[str, Any]:
    folder = _PACKAGE / "schemas"
    if not folder.is_dir():
        folder = _PACKAGE.parent / "schemas"
    document: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return document
