"""What a run finds in its environment: what it inherits, what its job declares, and its secrets."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.preparing import BASE, Facts, facts_in, inline, job, output_of, prepared_for, script

from jeeves_runner.core.inheritance import OF_THE_RUNNER
from jeeves_runner.core.model import Secret
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.contract import Order
from jeeves_runner.execute.local.prepare import prepare


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return facts_in(tmp_path)


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
    with pytest.raises(InvalidValue, match="the secrets of the run have 257 KiB together") as refused:
        environment(facts, env=(*full, ("MORE", Secret(kind="file", ref="more"))))
    assert refused.value.hint is not None
    assert "at most 256 KiB" in refused.value.hint
