"""An upgrade may replace the files of pages while a server runs: it goes on with those of its own version."""

import subprocess
import sys

_LOADED = """
import importlib.resources, pathlib
from jeeves_runner.dashboard import files, render, routes

def gone(*_values, **_more):
    raise AssertionError("a file is read after the code was loaded")

importlib.resources.files = pathlib.Path.read_bytes = pathlib.Path.read_text = gone
print(files.place_of("style.css+jobs.css"), files._file("copy.js").text[:2].decode())
print("block" in render._templates().loader.get_source(None, "frame.html")[0])
"""


def test_no_file_of_pages_is_read_after_the_code_was_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first.startswith("/static/")
    assert first.endswith("/style.css+jobs.css //")
    assert second == "True"
