"""From a job's spec to the program that is started."""

import asyncio
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from jeeves_runner.core.inheritance import OF_THE_RUNNER
from jeeves_runner.core.model import JobSpec, Secret, SourceType
from jeeves_runner.core.outcome import Exited
from jeeves_runner.errors import InvalidValue, StartFailed
from jeeves_runner.execute.contract import Order, RunFacts
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.prepare import Prepared, prepare
from jeeves_runner.execute.local.temporaries import clear_temporaries, remove_temporary
from jeeves_runner.execute.output.sink import Output

BASE = {"PATH": "/usr/bin:/bin", "HOME": "/home/somebody", "SECRET_IN_ENV": "swordfish"}


class Facts(NamedTuple):
    """What a run is told, and the project it runs in."""

    run: RunFacts
    around: Surroundings

    @property
    def project_dir(self) -> str:
        return self.around.project_dir

    @property
    def data_dir(self) -> str:
        return self.around.data_dir

    def but(self, **changes: object) -> "Facts":
        return self._replace(run=self.run._replace(**changes))  # type: ignore[arg-type]


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    run = RunFacts(
        run_id=12,
        job_id="digest",
        mark="f" * 32,
        attempt=2,
        trigger="retry",
        scheduled_for="2026-11-24T03:00:00.000Z",
        namespace="digest",
        params={},
        api_url=None,
    )
    around = Surroundings(
        project_dir=str(tmp_path),
        data_dir=str(tmp_path / "data"),
        db_path=str(tmp_path / "data" / "runner.sqlite"),
        runners={},
        base_env=BASE,
    )
    return Facts(run, around)


def prepared_for(
    spec: JobSpec, facts: Facts, *, runners: Mapping[str, str] | None = None, base: Mapping[str, str] = BASE
) -> Prepared:
    return prepare(Order(spec, facts.run), facts.around._replace(runners=runners or {}, base_env=base))


def job(**changes: object) -> JobSpec:
    return JobSpec(id="digest", name="Digest")._replace(**changes)  # type: ignore[arg-type]


def inline(text: str, **changes: object) -> JobSpec:
    return job(source_type=SourceType.INLINE, script=text, **changes)


def script(facts: Facts, name: str, content: str = "", mode: int = 0o644) -> Path:
    path = Path(facts.project_dir, name)
    path.write_text(content)
    path.chmod(mode)
    return path


def argv_of(facts: Facts, path: Path, runners: Mapping[str, str] | None = None) -> tuple[str, ...]:
    return prepared_for(job(script=str(path)), facts, runners=runners).launch.argv


def output_of(prepared: Prepared) -> str:
    """What the prepared launch prints when it really runs."""

    async def scenario() -> str:
        output = Output(None, 0)
        await output.prepared(secrets=prepared.secrets, script_hash=prepared.script_hash)
        executor = Launcher()
        handle = await executor.start(prepared.launch, output)
        ending = await executor.wait(handle.run_id)
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


# Environment


def environment(facts: Facts, base: Mapping[str, str] = BASE, **changes: object) -> Mapping[str, str]:
    found = prepared_for(inline("true", **changes), facts, base=base).launch.env
    return {name.decode(): value.decode() for name, value in found.items()}


def test_the_environment_tells_the_run_about_itself(facts: Facts) -> None:
    found = environment(facts.but(api_url="http://127.0.0.1:1937", params={"day": "monday", "a-b": ""}))
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
        "JR_DB_PATH": facts.around.db_path,
        "JR_API_URL": "http://127.0.0.1:1937",
        "JR_PARAM_DAY": "monday",
        "JR_PARAM_A_B": "",
    }


def test_a_secret_parameter_is_masked_as_a_secret_of_the_environment_is(facts: Facts) -> None:
    given = facts.but(params={"day": "monday", "token": "hunter2"}, secret_params=frozenset({"token"}))
    prepared = prepared_for(inline("true"), given)
    assert prepared.launch.env[b"JR_PARAM_TOKEN"] == b"hunter2"
    assert prepared.secrets == ("hunter2",)


def test_what_is_unknown_is_absent(facts: Facts) -> None:
    found = environment(facts.but(scheduled_for=None))
    assert "JR_SCHEDULED_FOR" not in found
    assert "JR_API_URL" not in found


def test_the_facts_of_an_outer_run_are_not_inherited(facts: Facts) -> None:
    found = environment(facts, {**BASE, "JR_RUN_MARK": "outer", "JR_API_URL": "outer", "JR_TOKEN": "outer"})
    assert "outer" not in found.values()


@pytest.mark.parametrize("name", sorted(OF_THE_RUNNER))
def test_what_belongs_to_the_runner_itself_is_not_inherited_but_can_be_asked_for(
    facts: Facts, name: str
) -> None:
    base = {**BASE, name: "its own"}
    assert name not in environment(facts, base)
    assert environment(facts, base, env=((name, "set"),))[name] == "set"
    asked = environment(facts, base, env=((name, Secret("from_env", name)),))
    assert asked[name] == "its own"


def test_what_a_live_job_takes_as_a_secret_no_job_inherits(facts: Facts) -> None:
    secret = (("FISH", Secret("from_env", "SECRET_IN_ENV")),)
    taken = frozenset({"SECRET_IN_ENV", "HOME"})
    for env, given in (((), None), (secret, b"swordfish")):
        found = prepare(Order(inline("true", env=env), facts.run), facts.around, taken=taken).launch.env
        assert (found.get(b"SECRET_IN_ENV"), found.get(b"FISH")) == (None, given)
        assert found[b"HOME"] == b"/home/somebody"


def test_a_config_may_narrow_what_is_inherited_but_not_what_can_be_asked_for(facts: Facts) -> None:
    base = {**BASE, "APP_URL": "u", "APPLE": "a", "LC_ALL": "C", "TZ": "UTC"}
    around = facts.around._replace(base_env=base, inherit_env=("APP_*",))
    spec = inline("true", env=(("KEY", Secret("from_env", "APPLE")),))
    found = prepare(Order(spec, facts.run), around).launch.env
    names = {name for name in found if not name.startswith(b"JR_")}
    assert names == {b"PATH", b"HOME", b"LC_ALL", b"TZ", b"APP_URL", b"KEY"}
    assert found[b"KEY"] == b"a"


def test_declared_variables_come_over_inherited_ones(facts: Facts) -> None:
    found = environment(facts, env=(("HOME", "/tmp"), ("NEW", "1")))
    assert (found["HOME"], found["NEW"]) == ("/tmp", "1")


def test_path_begins_with_the_runners_own_folder_once(facts: Facts) -> None:
    own = str(Path(sys.executable).parent)
    assert environment(facts)["PATH"] == f"{own}:/usr/bin:/bin"
    assert environment(facts, {"PATH": f"/bin:{own}"})["PATH"] == f"{own}:/bin"
    assert environment(facts, env=(("PATH", "/opt"),))["PATH"] == f"{own}:/opt"
    assert environment(facts, {})["PATH"].startswith(f"{own}:")


def test_a_python_script_finds_the_runners_python(facts: Facts) -> None:
    path = script(facts, "a", "#!/usr/bin/env python3\nimport sys; print(sys.prefix)\n", 0o755)
    assert output_of(prepared_for(job(script=str(path)), facts)).strip() == sys.prefix


def test_parameters_that_would_be_one_variable_are_refused(facts: Facts) -> None:
    with pytest.raises(InvalidValue, match="JR_PARAM_A_B"):
        environment(facts.but(params={"a-b": "1", "A_b": "2"}))


def test_what_no_variable_can_carry_is_refused(facts: Facts) -> None:
    with pytest.raises(InvalidValue, match="holds a lone surrogate"):
        environment(facts.but(params={"a": "\ud800"}))
    with pytest.raises(InvalidValue, match="environment cannot be passed on"):
        prepared_for(job(env=(("A", "\ud800"),)), facts)


# Secrets


def test_secrets_are_resolved_and_masked(facts: Facts) -> None:
    script(facts, "token.txt", "tök-en-123\n")
    secrets = (
        ("TOKEN", Secret(kind="file", ref="token.txt")),
        ("FISH", Secret(kind="from_env", ref="SECRET_IN_ENV")),
    )
    prepared = prepared_for(inline('echo "$TOKEN/$FISH" ${#FISH}', env=secrets), facts)
    assert prepared.secrets == ("tök-en-123", "swordfish")
    assert output_of(prepared) == "***/*** 9\n"


def test_secrets_that_the_output_will_show_are_named(facts: Facts) -> None:
    script(facts, "pin", "1234\n")
    secrets = (("PIN", Secret("file", "pin")), ("FISH", Secret("from_env", "SECRET_IN_ENV")))
    prepared = prepared_for(inline("true", env=secrets), facts)
    assert prepared.unmasked == (
        "env PIN: the secret is too short to be masked in the output; take one of 6 characters or more",
    )


def test_what_is_wrong_with_a_secret_tells_nothing_of_it(facts: Facts) -> None:
    Path(facts.project_dir, "key").write_bytes(b"hunter2\xff-secret")
    with pytest.raises(InvalidValue) as caught:
        environment(facts, env=(("KEY", Secret("file", "key")),))
    assert (
        caught.value.message
        == f"env KEY: the secret file cannot be read: {facts.project_dir}/key: it is not UTF-8"
    )


def test_secrets_are_in_no_repr(facts: Facts) -> None:
    secret = (("FISH", Secret(kind="from_env", ref="SECRET_IN_ENV")),)
    assert "swordfish" not in repr(prepared_for(inline("true", env=secret), facts))


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (Secret(kind="file", ref="gone.txt"), "env KEY: the secret file does not exist: .*/gone.txt"),
        (Secret(kind="file", ref="."), "env KEY: the secret file is not a file"),
        (Secret(kind="from_env", ref="UNSET"), "env KEY: the environment has no variable UNSET"),
    ],
)
def test_a_secret_that_cannot_be_had_stops_the_run(facts: Facts, secret: Secret, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        environment(facts, env=(("KEY", secret),))


def test_a_pipe_or_a_device_is_no_secret_file_and_is_not_waited_for(facts: Facts) -> None:
    os.mkfifo(Path(facts.project_dir, "pipe"))
    for ref in ("pipe", "/dev/zero", "."):
        with pytest.raises(InvalidValue, match="the secret file is not a file"):
            environment(facts, env=(("KEY", Secret(kind="file", ref=ref)),))


def test_a_secret_file_holds_64_kib_at_most(facts: Facts) -> None:
    secret = (("KEY", Secret(kind="file", ref="big")),)
    script(facts, "big", "x" * 64 * 1024)
    environment(facts, env=secret)
    script(facts, "big", "x" * (64 * 1024 + 1))
    with pytest.raises(InvalidValue, match="it holds over 64 KiB"):
        environment(facts, env=secret)


def test_the_secrets_of_a_run_hold_256_kib_together_at_most(facts: Facts) -> None:
    script(facts, "full", "x" * 64 * 1024)
    script(facts, "more", "\xe9")
    full = tuple((f"KEY{n}", Secret(kind="file", ref="full")) for n in range(4))
    environment(facts, env=full)
    with pytest.raises(InvalidValue, match="env: its secrets have 257 KiB together") as refused:
        environment(facts, env=(*full, ("MORE", Secret(kind="file", ref="more"))))
    assert refused.value.hint is not None
    assert "at most 256 KiB" in refused.value.hint
