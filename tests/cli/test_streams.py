"""The command line's words and streams: whatever they are made of, nothing of it is a bug."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Shell
from support.logs import log_file
from support.pipes import full_pipe

pytestmark = pytest.mark.service

TEXT = "Größe → 日本 😀"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shell = Shell(tmp_path)
    shell.ledger.add_job("a", name=TEXT)
    shell.ledger.add_run("a", stdout=f"{TEXT}\n")
    return tmp_path


def command(
    folder: Path, *words: str | bytes, shell_end: str = "", **env: str | bytes
) -> subprocess.CompletedProcess[bytes]:
    """A command line as a shell starts it, ``shell_end`` (such as ``>&-``) behind it."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {shell_end}', "sh", sys.executable, "-m", "jeeves_runner", *words],
        cwd=folder,
        env={**os.environb, **{os.fsencode(name): os.fsencode(value) for name, value in env.items()}},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["job", b"\xff"], 2),
        (["pause", "a", "--reason", b"\xff"], 4),
        (["trigger", "a", "--param", b"DAY=\xff"], 4),
        (["queue", "complete", "1", b"\xff"], 4),
        ([b"\xff"], 1),
    ],
)
def test_a_word_that_is_no_text_is_named(project: Path, words: list[str | bytes], number: int) -> None:
    answer = command(project, *words)
    assert (answer.returncode, answer.stdout) == (64, b"")
    message = answer.stderr.decode("ascii")
    assert message.startswith(f"jeeves-runner: error: word {number} of the command line is not UTF-8: ")
    assert message.endswith("\\xff\n")


def test_a_locale_without_the_words_characters_is_named(project: Path) -> None:
    answer = command(project, "job", "ü", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert answer.returncode == 64
    assert answer.stderr.decode().splitlines() == [
        "jeeves-runner: error: word 2 of the command line is not ASCII: ü",
        "hint: choose a locale of UTF-8, such as LC_ALL=C.UTF-8",
    ]


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_any_encoding_of_the_output_will_do(project: Path, encoding: str) -> None:
    told = command(project, "job", "a", PYTHONIOENCODING=encoding)
    assert (told.returncode, told.stderr) == (0, b"")
    if encoding == "latin-1":
        assert told.stdout.splitlines()[0] == b"a: Gr\xf6\xdfe \\u2192 \\u65e5\\u672c \\U0001f600"
    document = command(project, "job", "a", "--json", PYTHONIOENCODING=encoding)
    assert json.loads(document.stdout.decode(encoding))["job"]["name"] == TEXT
    assert command(project, "logs", "1", PYTHONIOENCODING=encoding).stdout.decode() == f"{TEXT}\n"


@pytest.mark.parametrize("words", [["job", "a"], ["job", "a", "--json"], ["jobs"], ["logs", "1"]])
def test_closed_output_is_output_nobody_reads(project: Path, words: list[str]) -> None:
    answer = command(project, *words, shell_end=">&-")
    assert (answer.returncode, answer.stderr) == (0, b"")


def test_an_error_ends_as_usual_with_every_stream_closed(project: Path) -> None:
    assert command(project, "job", "none", shell_end="<&- >&- 2>&-").returncode == 2


WRITTEN = b"\x1b[31mred\x1b]0;title\x07\r\n\xff"


@pytest.mark.parametrize(
    ("words", "color", "shown"),
    [
        (["logs"], "", rb"\x1b]0;title\x07" + b"\r\n" + rb"\xff"),
        (["logs"], "1", b"\x1b[31mred" + rb"\x1b]0;title\x07" + b"\r\n" + rb"\xff" + b"\x1b[0m"),
        (["logs", "--raw"], "1", WRITTEN.replace(b"\r\n", b"\r\r\n")),
    ],
    ids=["without colour", "with colour", "raw"],
)
def test_a_terminal_gets_of_a_log_its_lines_and_colours_unless_it_asks_for_the_bytes(
    project: Path, words: list[str], color: str, shown: bytes
) -> None:
    """The terminal makes two characters of a line break."""
    log_file(project / "data").write_bytes(WRITTEN)
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "" if color else "1", "PYTHONUTF8": "1"}
    reader, terminal = os.openpty()
    try:
        program = [sys.executable, "-m", "jeeves_runner", *words, "1"]
        subprocess.run(program, cwd=project, env=env, stdout=terminal, check=True, timeout=60)
        wanted, got = shown if color else b"red" + shown, b""
        while len(got) < len(wanted):  # a terminal hands it on in pieces
            got += os.read(reader, 4096)
        assert got == wanted
    finally:
        os.close(reader)
        os.close(terminal)


def test_closed_input_is_empty(project: Path) -> None:
    answer = command(project, "queue", "push", "mail", "-", "--json", shell_end="<&-")
    assert (answer.returncode, answer.stdout) == (0, b'{"ids": []}\n')


def test_no_file_takes_the_place_of_a_closed_stream(project: Path) -> None:
    """What is printed must not end up in the database."""
    before = command(project, "jobs").stdout
    assert command(project, "jobs", shell_end="<&- >&- 2>&-").returncode == 0
    assert command(project, "jobs").stdout == before


def test_an_environment_that_is_no_text_does_not_matter(project: Path) -> None:
    assert command(project, "jobs", ODD=b"\xff").returncode == 0


@pytest.mark.parametrize("words", [["validate"], ["apply"], ["status"], ["config", "show"]])
def test_a_folder_that_is_no_text_is_refused(tmp_path: Path, words: list[str]) -> None:
    folder = tmp_path / os.fsdecode(b"project \xff")
    folder.mkdir()
    answer = command(folder, *words)
    assert answer.returncode == 2
    message, hint = answer.stderr.decode("ascii").splitlines()
    assert message.startswith("jeeves-runner: error: the name of the project's folder is not UTF-8: ")
    assert hint == "hint: rename the folder"


LAST_WORDS = """
import sys
from jeeves_runner.cli.streams import give_up_broken_streams, prepare_streams
prepare_streams()
give_up_broken_streams()
print("last words", flush=True)
print("last words", file=sys.stderr)
"""


@pytest.mark.parametrize("stuck", ["stdout", "stderr"])
def test_streams_that_are_given_up_keep_nobody_who_still_writes(stuck: str) -> None:
    with full_pipe() as (_, full):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stuck: full}
        with subprocess.Popen([sys.executable, "-c", LAST_WORDS], **streams) as process:  # type: ignore[call-overload]
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0
    assert (out or err) == b"last words\n"
