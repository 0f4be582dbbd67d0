"""The JSON Schemas as files. ``make schemas`` writes them; a test compares them with what they are made from.

Made are the whole of the config's schema and of the API's description, and in the schema of manifests the
part ``defaults``. The other parts of that one are written by hand.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from support import http_pages

from jeeves_runner import __version__
from jeeves_runner.api.openapi import openapi
from jeeves_runner.api.routes import SUBJECTS
from jeeves_runner.config import config_schema

Schema = dict[str, Any]

FOLDER: Final = Path(__file__).parents[2] / "schemas"
CONFIG: Final = FOLDER / "config.schema.json"
OPENAPI: Final = FOLDER / "openapi.json"
MANIFEST: Final = FOLDER / "manifest.schema.json"


def texts() -> dict[Path, str]:
    """What each file should hold: the schemas, and the pages that are made of them."""
    described = openapi(SUBJECTS, __version__)
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    parts = manifest["$defs"]
    parts["defaults"]["properties"] = defaults_of(parts["job"]["properties"])
    return {
        CONFIG: _text(config_schema()),
        MANIFEST: _text(manifest),
        OPENAPI: _text(described),
        **http_pages.pages(SUBJECTS, described),
    }


def defaults_of(job_keys: Mapping[str, Schema]) -> dict[str, Schema]:
    """The keys that defaults may set: a job's, less those marked ``x-own``. Null takes a default away.

    A key that a mapping requires may stand in another layer, or in the job itself.
    """
    return {key: _value_or_null(part) for key, part in job_keys.items() if not part.get("x-own")}


def _value_or_null(part: Schema) -> Schema:
    value = deepcopy(part)
    value.pop("required", None)
    expected = part.get("x-expected") or "one of " + ", ".join(part["enum"])
    return {
        "description": part["description"],
        "x-expected": expected,
        "anyOf": [value, {"type": "null"}],
    }


def _text(schema: Schema) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    for path, text in texts().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
