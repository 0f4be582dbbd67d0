"""The guide to where values come from shows what the command prints of the files it shows."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from support.cli import words
from support.docs import DOCS, blocks

from jeeves_runner.cli.main import main

GUIDE = list(blocks(DOCS / "how-to/find-where-a-value-comes-from.md"))


def test_the_guide_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {block.info[-1]: block.text for block in GUIDE if block.info[0] == "yaml"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text.replace("timeout: 3m", "timeout: 2m"))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/imap").write_text("a password")
    assert CliRunner().invoke(main, ["apply"]).exit_code == 0
    job = "jobs.d/mail/fetch-mail.yaml"
    (tmp_path / job).write_text(files[job])
    (shown,) = [block.text for block in GUIDE if block.info == ("text", "explained")]
    command, _, answer = shown.partition("\n")
    printed = CliRunner().invoke(main, command.split()[2:]).stdout
    printed, answer = (
        words(_at_any_time(printed)),
        words(_at_any_time(answer)).replace("/srv/jobs", str(tmp_path)),
    )
    assert answer.endswith("…")
    assert printed.startswith(answer.removesuffix("…"))


def _at_any_time(text: str) -> str:
    """What is printed, without how long ago the apply was."""
    return "\n".join(line.partition(", ")[0] if "revision 1" in line else line for line in text.splitlines())
