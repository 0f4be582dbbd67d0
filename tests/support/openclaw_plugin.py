"""The original's plugin for OpenClaw, as npm publishes it, under node."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

_SOURCE: Final = Path(__file__).parent / "openclaw"
_UNREACHED: Final = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")

Calls = Sequence[tuple[str, Mapping[str, object]]]


class Plugin:
    """The plugin in a folder of its own, which keeps it from one time to the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for program in ("node", "npm"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed: the plugin of OpenClaw cannot be tried")
        shutil.copytree(_SOURCE, folder, dirs_exist_ok=True)
        words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
        if not (folder / "node_modules" / "@karmaniverous" / "jeeves-runner-openclaw").exists():
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
            if any(word in done.stderr for word in _UNREACHED):
                pytest.skip("npm does not reach its registry: the plugin of OpenClaw cannot be tried")
            assert done.returncode == 0, done.stderr

    def call(self, url: str, calls: Calls) -> list[Any]:
        """What its tools answer, asked one after the other, with its ``apiUrl`` below ``url``."""
        done = subprocess.run(
            ["node", "play.mjs"],
            cwd=self._folder,
            input=json.dumps(calls),
            env={**os.environ, "API_URL": f"{url}/v0", "RUNNER_PORT": url.rpartition(":")[2]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers: list[Any] = json.loads(done.stdout)
        return answers
