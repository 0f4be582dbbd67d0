"""A program of ours that is killed at a named step of its work, as a crash would end it."""

import subprocess
import sys
from pathlib import Path
from typing import Literal, NamedTuple

from support.server import PATIENCE

_PROGRAM = """
import inspect, os, signal, sys
from importlib import import_module
from jeeves_runner.__main__ import main

place, when, left, *words = sys.argv[1:]
module, _, way = place.partition(":")
*outer, name = way.split(".")
holder, left = import_module(module), int(left)
for part in outer:
    holder = getattr(holder, part)
whole = getattr(holder, name)

def is_now(moment):
    return left == 0 and when == moment and os.kill(os.getpid(), signal.SIGKILL)

def step(*args, **kwargs):
    global left
    left -= 1
    is_now("before")
    found = whole(*args, **kwargs)
    is_now("after")
    return found

async def awaited(*args, **kwargs):
    global left
    left -= 1
    is_now("before")
    found = await whole(*args, **kwargs)
    is_now("after")
    return found

setattr(holder, name, awaited if inspect.iscoroutinefunction(whole) else step)
sys.argv = ["jeeves-runner", *words]
main()
"""


class Step(NamedTuple):
    """A moment of a program's life."""

    place: str
    """The function that is called then, as ``module:name`` or ``module:Class.name``."""
    when: Literal["before", "after"]
    """On which side of the call."""
    time: int = 1
    """Which of its calls."""

    def program(self, *words: str) -> list[str]:
        """The command line of ours with these words, killed there by SIGKILL."""
        return [sys.executable, "-c", _PROGRAM, self.place, self.when, str(self.time), *words]

    def __str__(self) -> str:
        return f"{self.when} {self.place.rpartition(':')[2]} {self.time}"


def killed(root: Path, step: Step, *words: str) -> None:
    """A program of ours with these words, in this project, that ends at its step."""
    done = subprocess.run(
        step.program(*words), cwd=root, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == -9, done.stdout + done.stderr
