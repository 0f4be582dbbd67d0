"""A reader who does what a page of the documentation says: files written, commands run, answers compared.

A block's first line says more than a reader sees: ``python scripts/a.py`` is that file's new content,
``sh exits 1`` ends with that code, ``sh until WORD`` is repeated until WORD shows, ``sh background``
goes on, and what stands ``apart`` is left out. A ``text`` block holds lines the commands before it print, in
order; ``…`` stands for anything. One that ``arrives`` holds what people get, as it shows sooner or later.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from support.docs import DOCS, ROOT, Block, blocks
from support.server import until

PATIENCE = 60.0


class Learner:
    """Follows a page in a folder.

    ``reads``: what stands in its blocks is read as this instead, such as the address of what is doubled here.
    ``types``: what each command finds as its standard input. ``arrives``: all that people have got.
    """

    def __init__(
        self,
        folder: Path,
        *,
        reads: Mapping[str, str] | None = None,
        types: str = "",
        arrives: Callable[[], str] | None = None,
    ) -> None:
        self.here = folder
        self._reads = reads or {}
        self._types = types
        self._arrives = arrives
        self.output = ""
        self.servers: list[subprocess.Popen[str]] = []
        self._where = folder / ".where"
        programs = folder / ".bin"
        programs.mkdir()
        command = programs / "jeeves-runner"
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m jeeves_runner "$@"\n')
        command.chmod(0o755)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self._env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}

    def do(self, block: Block) -> None:
        for shown, instead in self._reads.items():
            block = replace(block, text=block.text.replace(shown, instead))
        match block.info:
            case ("sh", "background"):
                self._start(block.text)
            case ("sh", "until", *wanted):
                self._repeat(block.text, " ".join(wanted))
            case ("sh", "exits", code):
                assert self._run(block.text) == int(code), f"{block}: {self.output}"
            case ("sh",):
                assert self._run(block.text) == 0, f"{block}: {self.output}"
            case ("text",):
                self._compare(block)
            case (_, "arrives"):
                self._wait_for(block)
            case ("yaml", "shows", name):
                assert block.text in (self.here / name).read_text(), f"{block}"
            case (_, *_, name):
                (self.here / name).write_text(block.text)
            case _:
                raise AssertionError(f"{block}: it is not known what this block is")

    def stop(self) -> None:
        """Ctrl-C in the other terminal."""
        for server in self.servers:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=PATIENCE)

    def _run(self, text: str) -> int:
        """Run in the current folder, which `cd` changes; the output of the block replaces the last one's."""
        done = subprocess.run(
            ["sh", "-e", "-c", f"trap 'pwd > {shlex.quote(str(self._where))}' EXIT\n{text}"],
            cwd=self.here,
            env=self._env,
            input=self._types,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.output = done.stdout
        self.here = Path(self._where.read_text().strip())
        return done.returncode

    def _take_any_port(self) -> None:
        """Another runner of this machine may have the usual one, such as that of `make run`."""
        config = self.here / "jeeves-runner.yaml"
        if "\nport: 0\n" not in f"\n{config.read_text()}":
            with config.open("a") as file:
                file.write("\nport: 0\n")

    def _repeat(self, text: str, word: str) -> None:
        until(lambda: self._run(text) == 0 and word in self.output, PATIENCE)

    def _start(self, text: str) -> None:
        self._take_any_port()
        server = subprocess.Popen(
            shlex.split(text), cwd=self.here, env=self._env, stdout=subprocess.PIPE, text=True
        )
        self.servers.append(server)
        assert server.stdout is not None
        assert "answers on" in server.stdout.readline()

    def _compare(self, block: Block) -> None:
        printed = _spaced(self.output)
        assert _is_in(block, printed), f"{block} is not what was printed:\n{printed}"

    def _wait_for(self, block: Block) -> None:
        assert self._arrives is not None
        arrives = self._arrives
        try:
            until(lambda: _is_in(block, _spaced(arrives())), PATIENCE)
        except AssertionError:
            raise AssertionError(f"{block} is not what arrived:\n{arrives()}") from None


def followed(
    page: str,
    folder: Path,
    *,
    reads: Mapping[str, str] | None = None,
    types: str = "",
    arrives: Callable[[], str] | None = None,
) -> list[int | None]:
    """Do all that a page below docs/ says: the exit codes of the servers that were started on the way."""
    learner = Learner(folder, reads=reads, types=types, arrives=arrives)
    try:
        for block in blocks(DOCS / page):
            if block.info[1:] != ("apart",):
                learner.do(block)
    finally:
        learner.stop()
    return [server.returncode for server in learner.servers]


def _spaced(text: str) -> str:
    """With one blank where there are several, and none at the ends of lines."""
    return "".join(f"{' '.join(line.split())}\n" for line in text.splitlines())


def _is_in(block: Block, text: str) -> bool:
    lines = (re.escape(" ".join(line.split())).replace("…", ".*") for line in block.text.splitlines())
    pattern = r"(?:.*\n)*?".join(f" ?{line} ?\n" for line in lines)
    return re.search(f"^{pattern}", text, re.MULTILINE) is not None
