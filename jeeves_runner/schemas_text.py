"""The JSON Schema of manifests as shipped: inside the package when installed, beside it in a source tree."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


@cache
def manifest_schema() -> dict[str, Any]:
    """The schema of manifests."""
    folder = _PACKAGE / "schemas"
    if not folder.is_dir():
        folder = _PACKAGE.parent / "schemas"
    schema: dict[str, Any] = json.loads((folder / "manifest.schema.json").read_text(encoding="utf-8"))
    return schema
