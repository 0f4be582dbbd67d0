"""The picture of a terminal in the README, which ``make screenshots`` takes: real commands of a real project,
shown in one font by headless Chromium. So its columns stand under one another wherever it is seen."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text
from support.browser import browsing
from support.server import Server, command, new_project, save, serving, until

FILE: Final = Path(__file__).parents[2] / "docs" / "images" / "terminal.png"
LARGEST: Final = 200_000
"""Bytes, at most: it is part of the repository."""
COLUMNS: Final = 92

JOBS: Final = {
    "backup": "schedule: '30 2 * * *'\nrun: cp -a photos copy\ntimeout: 20m\n",
    "mail": "schedule: '*/5 * * * *'\nrun: echo 3 mails filed\ntimeout: 2m\n",
    "prices": "schedule: '7 * * * *'\nrun: cat prices.csv\ntimeout: 1m\nalert: {after: 9}\n",
    "crawl": "schedule: '15 * * * *'\nrun: exec sleep 300\ntimeout: 10m\nkill_grace: 1s\n",
}
BROKEN: Final = JOBS["backup"].replace("timeout", "timout")

PAGE: Final = """<meta charset="utf-8"><style>
  body {{ margin: 0; background: #1b1d23; color: #d5d8de; display: inline-block; padding: 18px 22px; }}
  pre {{ margin: 0; font: 14px/1.45 "DejaVu Sans Mono", "Liberation Mono", monospace; }}
</style><pre>{code}</pre>"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "my-jobs"
        root.mkdir()
        new_project(root)
        (root / "photos").mkdir()
        for name, text in JOBS.items():
            save(root, f"{name}.yaml", text)
        assert command(root, "apply").returncode == 0
        with serving(root) as server:
            _work(server)
            save(root, "backup.yaml", BROKEN)
            until(lambda: server.get("/sync")["held"])
            _take([(words, typed(root, words)) for words in ("validate", "status")])


def _work(server: Server) -> None:
    for job in ("backup", "mail", "prices", "prices"):
        server.post(f"/jobs/{job}/run?wait=30s")
    server.post("/jobs/crawl/run?wait=0s")
    until(lambda: server.get("/runs?status=running")["runs"])


def typed(root: Path, words: str) -> str:
    """What a command shows on a terminal, with its colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    program = subprocess.Popen(
        [sys.executable, "-m", "jeeves_runner", *words.split()],
        cwd=root,
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:  # so Linux tells that the other end is closed
        pass
    os.close(ours)
    program.wait()
    return shown.decode().replace("\r\n", "\n")


def _take(shown: list[tuple[str, str]]) -> None:
    text = "\n\n".join(f"\x1b[1m$ jeeves-runner {words}\x1b[0m\n{output.rstrip()}" for words, output in shown)
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(Text.from_ansi(text), soft_wrap=True)
    code = console.export_html(theme=MONOKAI, code_format="{code}", inline_styles=True).strip()
    with browsing() as browser:
        page = browser.new_page(device_scale_factor=1.75, viewport={"width": 1000, "height": 300})
        page.set_content(PAGE.format(code=code))
        page.locator("body").screenshot(path=FILE)
    size = FILE.stat().st_size
    assert size <= LARGEST, f"{FILE} has {size:,} bytes"
    print(f"{FILE.name}: {size:,} bytes")


if __name__ == "__main__":
    main()
