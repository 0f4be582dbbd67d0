"""From a job's spec to the program that is started."""

import asyncio
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from jeeves_runner.core.model import JobSpec, Secret, SourceType
from jeeves_runner.core.outcome import Exited
from jeeves_runner.errors import InvalidValue, StartFailed
from jeeves_runner.execute.local.executor import LocalExecutor
from jeeves_runner.execute.local.prepare import Prepared, RunFacts, prepare
from jeeves_runner.execute.output.sink import Output

BASE = {"PATH": "/usr/bin:/bin", "HOME": "/home/somebody", "SECRET_IN_ENV": "swordfish"}


@pytest.fixture
def facts(tmp_path: Path) -> RunFacts:
    return RunFacts(
        run_id=12,
        mark="f" * 32,
        attempt=2,
        trigger="retry",
        scheduled_for="2026-11-24T03:00:00.000Z",
        namespace="digest",
        project_dir=str(tmp_path),
        data_dir=str(tmp_path / "data"),
        db_path=str(tmp_path / "data" / "runner.sqlite"),
        api_url=None,
        params={},
    )


def job(**changes: object) -> JobSpec:
    return JobSpec(id="digest", name="Digest")._replace(**changes)  # type: ignore[arg-type]


def inline(text: str, **changes: object) -> JobSpec:
    return job(source_type=SourceType.INLINE, script=text, **changes)


def script(facts: RunFacts, name: str, content: str = "", mode: int = 0o644) -> Path:
    path = Path(facts.project_dir, name)
    path.write_text(content)
    path.chmod(mode)
    return path


def argv_of(facts: RunFacts, path: Path, runners: Mapping[str, str] | None = None) -> tuple[str, ...]:
    return prepare(job(script=str(path)), facts, runners or {}, BASE).launch.argv


def output_of(prepared: Prepared) -> str:
    """What the prepared launch prints when it really runs."""

    async def scenario() -> str:
        output = Output(prepared.secrets, None, 0)
        executor = LocalExecutor()
        handle = await executor.start(prepared.launch, output)
        ending = await executor.wait(handle, output)
        output.close()
        assert ending == Exited(code=0), output.stderr_tail
        return output.stdout_tail or ""

    return asyncio.run(scenario())


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
    facts: RunFacts, name: str, command: list[str], mode: int
) -> None:
    path = script(facts, name, mode=mode)
    assert argv_of(facts, path) == (*command, str(path))


def test_executable_bit_and_shebang_come_before_the_extension(facts: RunFacts) -> None:
    path = script(facts, "a.py", "#!/usr/bin/python2\n", 0o755)
    assert argv_of(facts, path) == (str(path),)


def test_a_shebang_without_executable_bit_does_not(facts: RunFacts) -> None:
    path = script(facts, "a.py", "#!/usr/bin/python2\n", 0o644)
    assert argv_of(facts, path) == (sys.executable, str(path))


@pytest.mark.parametrize("key", ["py", ".py"])
def test_configured_runners_come_first(facts: RunFacts, key: str) -> None:
    path = script(facts, "a.py", "#!/bin/sh\n", 0o755)
    assert argv_of(facts, path, {key: "uv run 'my tool'"}) == ("uv", "run", "my tool", str(path))


def test_a_program_of_any_name_runs_by_its_executable_bit(facts: RunFacts) -> None:
    true = shutil.which("true")
    assert true is not None
    assert argv_of(facts, Path(true)) == (true,)


def test_neither_executable_nor_known_is_refused_with_a_hint(facts: RunFacts) -> None:
    path = script(facts, "my script")
    with pytest.raises(InvalidValue, match="not executable") as caught:
        argv_of(facts, path)
    assert caught.value.hint == f"chmod +x '{path}'"


def test_a_missing_script_is_named(facts: RunFacts) -> None:
    with pytest.raises(InvalidValue, match="the script does not exist: /nowhere/a"):
        argv_of(facts, Path("/nowhere/a"))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_script_that_is_no_file_is_refused(facts: RunFacts, make: object) -> None:
    path = Path(facts.project_dir, "thing.py")
    assert callable(make)
    make(path)
    with pytest.raises(InvalidValue, match="the script is not a file"):
        argv_of(facts, path)


# The three sources


def test_a_script_gets_its_arguments(facts: RunFacts) -> None:
    path = script(facts, "a.sh", 'printf "%s|" "$@"')
    prepared = prepare(job(script=str(path), args=("a b", "*", "")), facts, {}, BASE)
    assert output_of(prepared) == "a b|*||"


def test_a_command_is_its_argv(facts: RunFacts) -> None:
    spec = job(source_type=SourceType.COMMAND, script=json.dumps(["printf", "%s|", "a b"]), args=("$HOME",))
    assert output_of(prepare(spec, facts, {}, BASE)) == "a b|$HOME|"


def test_inline_text_runs_in_sh(facts: RunFacts) -> None:
    prepared = prepare(inline('echo "$1" | tr a-z A-Z\necho $#', args=("abc", "d")), facts, {}, BASE)
    assert prepared.launch.temporaries == ()
    assert output_of(prepared) == "ABC\n2\n"


@pytest.mark.parametrize("first_line", ["#!/usr/bin/env python3", f"#! {sys.executable} -u"])
def test_inline_text_may_name_its_interpreter(facts: RunFacts, first_line: str) -> None:
    text = f"{first_line}\nimport sys; print(sys.argv[1:], 'ü')\n"
    prepared = prepare(inline(text, args=("a b",)), facts, {}, BASE)
    (file,) = [Path(name) for name in prepared.launch.temporaries]
    assert file.parent == Path(facts.data_dir, "tmp")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert output_of(prepared) == "['a b'] ü\n"
    assert not file.exists()


def test_text_too_long_for_an_argument_runs_from_a_file(facts: RunFacts) -> None:
    text = "# " + "x" * 200_000 + "\necho long $1"
    prepared = prepare(inline(text, args=("way",)), facts, {}, BASE)
    assert output_of(prepared) == "long way\n"
    assert list(Path(facts.data_dir, "tmp").iterdir()) == []


def test_a_data_folder_that_cannot_be_written_is_told(facts: RunFacts) -> None:
    Path(facts.data_dir).write_text("a file")
    with pytest.raises(StartFailed, match="the inline script cannot be written"):
        prepare(inline("#!/bin/sh\n"), facts, {}, BASE)


def test_the_folder_is_the_declared_one_or_the_projects(facts: RunFacts) -> None:
    assert prepare(inline("pwd"), facts, {}, BASE).launch.cwd == facts.project_dir
    assert output_of(prepare(inline("pwd", cwd="/usr"), facts, {}, BASE)) == "/usr\n"


# Digests


def blake2b(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@pytest.mark.parametrize("size", [0, 100, 5000, 3_000_000])
def test_the_digest_is_that_of_the_file(facts: RunFacts, size: int) -> None:
    path = script(facts, "a.py", "#" * size)
    spec = job(script=str(path))
    assert prepare(spec, facts, {}, BASE).script_hash == blake2b(b"#" * size)
    path.write_text("#" * size + "\n")
    assert prepare(spec, facts, {}, BASE).script_hash == blake2b(b"#" * size + b"\n")


def test_text_and_argv_have_their_digests_too(facts: RunFacts) -> None:
    assert prepare(inline("echo ü"), facts, {}, BASE).script_hash == blake2b("echo ü".encode())
    spec = job(source_type=SourceType.COMMAND, script='["true"]')
    assert prepare(spec, facts, {}, BASE).script_hash == blake2b(b'["true"]')


# Environment


def environment(facts: RunFacts, base: Mapping[str, str] = BASE, **changes: object) -> Mapping[str, str]:
    return prepare(inline("true", **changes), facts, {}, base).launch.env


def test_the_environment_tells_the_run_about_itself(facts: RunFacts) -> None:
    found = environment(replace(facts, api_url="http://127.0.0.1:1937", params={"day": "monday", "a-b": ""}))
    assert {name: value for name, value in found.items() if name.startswith("JR_")} == {
        "JR_JOB_ID": "digest",
        "JR_RUN_ID": "12",
        "JR_RUN_MARK": "f" * 32,
        "JR_ATTEMPT": "2",
        "JR_TRIGGER": "retry",
        "JR_SCHEDULED_FOR": "2026-11-24T03:00:00.000Z",
        "JR_NAMESPACE": "digest",
        "JR_PROJECT_DIR": facts.project_dir,
        "JR_DATA_DIR": facts.data_dir,
        "JR_DB_PATH": facts.db_path,
        "JR_API_URL": "http://127.0.0.1:1937",
        "JR_PARAM_DAY": "monday",
        "JR_PARAM_A_B": "",
    }


def test_what_is_unknown_is_absent(facts: RunFacts) -> None:
    found = environment(replace(facts, scheduled_for=None))
    assert "JR_SCHEDULED_FOR" not in found
    assert "JR_API_URL" not in found


def test_the_facts_of_an_outer_run_are_not_inherited(facts: RunFacts) -> None:
    found = environment(facts, {**BASE, "JR_RUN_MARK": "outer", "JR_API_URL": "outer", "JR_TOKEN": "outer"})
    assert "outer" not in found.values()


def test_declared_variables_come_over_inherited_ones(facts: RunFacts) -> None:
    found = environment(facts, env=(("HOME", "/tmp"), ("NEW", "1")))
    assert (found["HOME"], found["NEW"]) == ("/tmp", "1")


def test_path_begins_with_the_runners_own_folder_once(facts: RunFacts) -> None:
    own = str(Path(sys.executable).parent)
    assert environment(facts)["PATH"] == f"{own}:/usr/bin:/bin"
    assert environment(facts, {"PATH": f"/bin:{own}"})["PATH"] == f"{own}:/bin"
    assert environment(facts, env=(("PATH", "/opt"),))["PATH"] == f"{own}:/opt"
    assert environment(facts, {})["PATH"].startswith(f"{own}:")


def test_a_python_script_finds_the_runners_python(facts: RunFacts) -> None:
    path = script(facts, "a", "#!/usr/bin/env python3\nimport sys; print(sys.prefix)\n", 0o755)
    assert output_of(prepare(job(script=str(path)), facts, {}, BASE)).strip() == sys.prefix


def test_parameters_that_would_be_one_variable_are_refused(facts: RunFacts) -> None:
    with pytest.raises(InvalidValue, match="JR_PARAM_A_B"):
        environment(replace(facts, params={"a-b": "1", "A_b": "2"}))


# Secrets


def test_secrets_are_resolved_and_masked(facts: RunFacts) -> None:
    script(facts, "token.txt", "tök-en-123\n")
    secrets = (
        ("TOKEN", Secret(kind="file", ref="token.txt")),
        ("FISH", Secret(kind="from_env", ref="SECRET_IN_ENV")),
    )
    prepared = prepare(inline('echo "$TOKEN/$FISH" ${#FISH}', env=secrets), facts, {}, BASE)
    assert prepared.secrets == ("tök-en-123", "swordfish")
    assert output_of(prepared) == "***/*** 9\n"


def test_secrets_are_in_no_repr(facts: RunFacts) -> None:
    secret = (("FISH", Secret(kind="from_env", ref="SECRET_IN_ENV")),)
    assert "swordfish" not in repr(prepare(inline("true", env=secret), facts, {}, BASE))


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (Secret(kind="file", ref="gone.txt"), "env KEY: the secret file does not exist: .*/gone.txt"),
        (Secret(kind="file", ref="."), "env KEY: the secret file cannot be read"),
        (Secret(kind="from_env", ref="UNSET"), "env KEY: the runner's environment has no variable UNSET"),
    ],
)
def test_a_secret_that_cannot_be_had_stops_the_run(facts: RunFacts, secret: Secret, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        environment(facts, env=(("KEY", secret),))


def test_a_pipe_or_a_device_is_no_secret_file_and_is_not_waited_for(facts: RunFacts) -> None:
    os.mkfifo(Path(facts.project_dir, "pipe"))
    for ref in ("pipe", "/dev/zero", "."):
        with pytest.raises(InvalidValue, match=r"cannot be read: .*: it is not a regular file"):
            environment(facts, env=(("KEY", Secret(kind="file", ref=ref)),))


def test_a_secret_file_holds_64_kib_at_most(facts: RunFacts) -> None:
    secret = (("KEY", Secret(kind="file", ref="big")),)
    script(facts, "big", "x" * 64 * 1024)
    environment(facts, env=secret)
    script(facts, "big", "x" * (64 * 1024 + 1))
    with pytest.raises(InvalidValue, match="it holds over 64 KiB"):
        environment(facts, env=secret)
