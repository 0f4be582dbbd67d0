"""What importing the client costs: every run of a script pays for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.db import ROOT


def test_leaves_the_heavy_libraries_alone() -> None:
    code = "import sys, jeeves_runner.client, jeeves_runner.client.database; print(*sys.modules)"
    loaded = set(run(code).split())
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
def test_costs_little(tmp_path: Path, way: str, library: str) -> None:
    """Processor time: little more than that of the libraries that any client needs, in one of many pairs. A
    slow or busy machine counts more for both."""
    code = f"import jeeves_runner.client, jeeves_runner.client.{way}"
    floor = f"import {library}, contextlib, datetime, json, pathlib"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(tmp_path)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    for each in (code, floor):
        processor_ms(each, env)  # it is compiled
    pairs = (processor_ms(code, env) / processor_ms(floor, env) for _ in range(40))
    assert any(times < 1.4 for times in pairs)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True)
    return done.stdout


def processor_ms(code: str, env: dict[str, str]) -> float:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], env)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return (usage.ru_utime + usage.ru_stime) * 1000
