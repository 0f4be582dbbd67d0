"""From a job's spec to the program that is started."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.preparing import Facts, argv_of, facts_in, inline, job, output_of, prepared_for, script

from jeeves_runner.core.model import SourceType
from jeeves_runner.errors import InvalidValue, StartFailed
from jeeves_runner.execute.local.temporaries import clear_temporaries, remove_temporary


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return facts_in(tmp_path)


# Interpreters


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("a.py", [sys.executable]),
        ("a.js", ["node"]),
        ("a.mjs", ["node"]),
        ("a.cjs", ["node"]),
        ("a.ts", ["node", "--experimental-strip-types"]),
        ("a.sh", ["sh"]),
        ("a.ps1", ["pwsh", "-File"]),
        ("a.cmd", ["cmd", "/c"]),
        ("a.BAT", ["cmd", "/c"]),
    ],
)
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_without_a_shebang_the_extension_decides(
    facts: Facts, name: str, command: list[str], mode: int
) -> None:
    path = script(facts, name, mode=mode)
    assert argv_of(facts, path) == (*command, str(path))


def test_executable_bit_and_shebang_come_before_the_extension(facts: Facts) -> None:
    path = script(facts, "a.py", "#!/usr/bin/python2\n", 0o755)
    assert argv_of(facts, path) == (str(path),)


def test_a_shebang_without_executable_bit_does_not(facts: Facts) -> None:
    path = script(facts, "a.py", "#!/usr/bin/python2\n", 0o644)
    assert argv_of(facts, path) == (sys.executable, str(path))


@pytest.mark.parametrize("key", ["py", ".py"])
def test_configured_runners_come_first(facts: Facts, key: str) -> None:
    path = script(facts, "a.py", "#!/bin/sh\n", 0o755)
    assert argv_of(facts, path, {key: "uv run 'my tool'"}) == ("uv", "run", "my tool", str(path))


def test_a_program_of_any_name_runs_by_its_executable_bit(facts: Facts) -> None:
    true = shutil.which("true")
    assert true is not None
    assert argv_of(facts, Path(true)) == (true,)


def test_neither_executable_nor_known_is_refused_with_a_hint(facts: Facts) -> None:
    path = script(facts, "my script")
    with pytest.raises(InvalidValue, match="not executable") as caught:
        argv_of(facts, path)
    assert caught.value.hint == f"chmod +x '{path}'"


def test_a_missing_script_is_named(facts: Facts) -> None:
    with pytest.raises(InvalidValue, match="the script does not exist: /nowhere/a"):
        argv_of(facts, Path("/nowhere/a"))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_script_that_is_no_file_is_refused(facts: Facts, make: object) -> None:
    path = Path(facts.project_dir, "thing.py")
    assert callable(make)
    make(path)
    with pytest.raises(InvalidValue, match="the script is not a file"):
        argv_of(facts, path)


# The three sources


def test_a_script_gets_its_arguments(facts: Facts) -> None:
    path = script(facts, "a.sh", 'printf "%s|" "$@"')
    prepared = prepared_for(job(script=str(path), args=("a b", "*", "")), facts)
    assert output_of(prepared) == "a b|*||"


def test_a_command_is_its_argv(facts: Facts) -> None:
    spec = job(source_type=SourceType.COMMAND, script=json.dumps(["printf", "%s|", "a b"]), args=("$HOME",))
    assert output_of(prepared_for(spec, facts)) == "a b|$HOME|"


def test_inline_text_runs_in_sh(facts: Facts) -> None:
    prepared = prepared_for(inline('echo "$1" | tr a-z A-Z\necho $#', args=("abc", "d")), facts)
    assert prepared.launch.temporaries == ()
    assert output_of(prepared) == "ABC\n2\n"


@pytest.mark.parametrize("padding", ["", "# " + "x" * 200_000 + "\n"], ids=["short", "in a file"])
def test_inline_text_ends_at_the_first_command_that_fails(facts: Facts, padding: str) -> None:
    prepared = prepared_for(inline(f"{padding}false || echo one\nfalse\necho two"), facts)
    ended = subprocess.run(prepared.launch.argv, stdout=subprocess.PIPE, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("one\n", 1)


@pytest.mark.parametrize("first_line", ["#!/usr/bin/env python3", f"#! {sys.executable} -u"])
def test_inline_text_may_name_its_interpreter(facts: Facts, first_line: str) -> None:
    text = f"{first_line}\nimport sys; print(sys.argv[1:], 'ü')\n"
    prepared = prepared_for(inline(text, args=("a b",)), facts)
    (file,) = [Path(name) for name in prepared.launch.temporaries]
    assert file.parent == Path(facts.data_dir, "tmp")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert output_of(prepared) == "['a b'] ü\n"
    assert not file.exists()


def test_text_too_long_for_an_argument_runs_from_a_file(facts: Facts) -> None:
    text = "# " + "x" * 200_000 + "\necho long $1"
    prepared = prepared_for(inline(text, args=("way",)), facts)
    assert output_of(prepared) == "long way\n"
    assert list(Path(facts.data_dir, "tmp").iterdir()) == []


def test_a_data_folder_that_cannot_be_written_is_told(facts: Facts) -> None:
    Path(facts.data_dir).write_text("a file")
    with pytest.raises(StartFailed, match="the inline script cannot be written"):
        prepared_for(inline("#!/bin/sh\n"), facts)


def test_a_link_in_place_of_the_folder_of_texts_leads_nowhere(facts: Facts, tmp_path: Path) -> None:
    """A script may put it there. Beyond it a file is named as those of texts are."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "run-1-0123abcd").write_text("precious")
    Path(facts.data_dir).mkdir()
    Path(facts.data_dir, "tmp").symlink_to(other)
    with pytest.raises(StartFailed, match=r"cannot be written to .*: it is a symbolic link"):
        prepared_for(inline("#!/bin/sh\n"), facts)
    clear_temporaries(facts.data_dir)
    with pytest.raises(OSError, match="it is a symbolic link"):
        remove_temporary(f"{facts.data_dir}/tmp/run-1-0123abcd")
    assert [path.read_text() for path in other.iterdir()] == ["precious"]


def test_the_folder_is_the_declared_one_or_the_projects(facts: Facts) -> None:
    assert prepared_for(inline("pwd"), facts).launch.cwd == facts.project_dir
    assert output_of(prepared_for(inline("pwd", cwd="/usr"), facts)) == "/usr\n"


# Digests


def blake2b(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@pytest.mark.parametrize("size", [0, 100, 5000, 3_000_000])
def test_the_digest_is_that_of_the_file(facts: Facts, size: int) -> None:
    path = script(facts, "a.py", "#" * size)
    spec = job(script=str(path))
    assert prepared_for(spec, facts).script_hash == blake2b(b"#" * size)
    path.write_text("#" * size + "\n")
    assert prepared_for(spec, facts).script_hash == blake2b(b"#" * size + b"\n")


def test_text_and_argv_have_their_digests_too(facts: Facts) -> None:
    assert prepared_for(inline("echo ü"), facts).script_hash == blake2b("echo ü".encode())
    spec = job(source_type=SourceType.COMMAND, script='["true"]')
    assert prepared_for(spec, facts).script_hash == blake2b(b'["true"]')
