"""What importing the client loads: every run of a script pays for it."""

import subprocess
import sys

import pytest
from support.db import ROOT


def test_leaves_the_heavy_libraries_alone() -> None:
    loaded = loaded_by("import jeeves_runner.client, jeeves_runner.client.database")
    heavy = {
        "aiohttp",
        "click",
        "yaml",
        "asyncio",
        "dataclasses",
        "jsonschema",
        "rich",
        "sqlite3",
        "zoneinfo",
    }
    assert "apsw" in loaded
    assert loaded & heavy == set()


@pytest.mark.parametrize(("way", "library"), [("database", "apsw"), ("http", "http.client")])
def test_loads_little_besides_what_any_client_needs(way: str, library: str) -> None:
    """Counted in modules: the time that they take is another from one moment to the next."""
    any_client = loaded_by(f"import {library}, contextlib, datetime, json, pathlib")
    more = loaded_by(f"import jeeves_runner.client, jeeves_runner.client.{way}") - any_client
    own = {name for name in more if name.partition(".")[0] == "jeeves_runner"}
    others = {name.partition(".")[0] for name in more - own if not name.startswith("_")}
    assert others <= {"apsw", "fcntl", "threading", "typing"}
    assert len(own) < 40


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    return set(done.stdout.split())
