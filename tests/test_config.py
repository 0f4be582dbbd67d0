"""The config file: found, read, checked."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from support.configs import assert_refused, config_of

from jeeves_runner.config import (
    SETTINGS,
    Config,
    GatewayConfig,
    check_config,
    config_schema,
    load_config,
    warnings_of,
)
from jeeves_runner.config_file import _LATER
from jeeves_runner.config_kinds import Choice, Duration
from jeeves_runner.config_settings import Given, findings_in, read_settings, schema_of, settings_of
from jeeves_runner.errors import ConfigError


def test_without_a_file_every_setting_has_a_default(tmp_path: Path) -> None:
    config = load_config(tmp_path, None)
    assert (config.path, config.root) == (None, tmp_path)
    assert (config.jobs_dir, config.db_path) == (tmp_path / "jobs.d", tmp_path / "data" / "runner.sqlite")
    assert (config.host, config.port, config.max_concurrency) == ("127.0.0.1", 1937, 4)


@pytest.mark.parametrize("kind", ["folder", "dangling link", "pipe"])
def test_a_config_that_is_no_file_is_an_error_and_hides_none_above(tmp_path: Path, kind: str) -> None:
    (tmp_path / "jeeves-runner.yaml").write_text("port: 4711\n")
    path = tmp_path / "sub" / "jeeves-runner.yaml"
    path.parent.mkdir()
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to("nowhere")
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        load_config(path.parent, None)


def test_the_nearest_file_above_counts_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "jeeves-runner.yaml").write_text(
        "data_dir: ../var\njobs_dir: jobs\nrun_retention: 7d\nlog_max_size: 1MiB\npools: {db: 2}\n"
        "sync: {mode: manual, interval: 5s}\nlog: {file: runner.log}\n"
    )
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    config = load_config(below, None)
    assert config.root == tmp_path
    assert config.db_path == tmp_path / "../var" / "runner.sqlite"
    assert (config.run_retention_ms, config.log_max_size, config.pools) == (604_800_000, 1024**2, {"db": 2})
    assert (config.sync.mode, config.sync.interval_ms, config.log.file) == (
        "manual",
        5_000,
        tmp_path / "runner.log",
    )


def test_the_shortest_interval_is_a_second_however_it_is_written(tmp_path: Path) -> None:
    for text in ("1s", "1000ms", "0m1s", "1m0s"):
        config = config_of(tmp_path, f"state_cleanup_interval: {text}\n")
        assert config.state_cleanup_interval_ms in (1_000, 60_000)


def test_an_empty_file_is_a_config(tmp_path: Path) -> None:
    assert config_of(tmp_path, "# nothing yet\n").port == 1937


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("prot: 1\n", "1:1", "unknown key `prot`", "`port`"),
        ("port: high\n", "1:7", "port number", ""),
        ("max_concurrency: 0\n", "1:18", "1 to 1000", ""),
        ("timezone: Mars\n", "1:11", "not known", ""),
        ("run_retention: 5m7d\n", "1:16", "from large to small", ""),
        ("sync:\n  mode: sometimes\n", "2:9", "auto, manual", ""),
        ("host: box\n", "1:7", "`host` must be an address of this machine, not box", "0.0.0.0 for all"),
        ("port: 80\nhost: 1.2.3\n", "2:7", "must be an address of this machine", "127.0.0.1"),
        ("api: {trusted_proxies: [proxy]}\n", "1:25", "`api.trusted_proxies` has proxy", "192.168.0.0/16"),
        ("api: {trusted_proxies: [10.0.0.1/8]}\n", "1:25", "has host bits set", "192.168.0.0/16"),
        ("a: [\n", "2:1", "YAML", ""),
        ("- 1\n", "1:1", "mapping of settings", ""),
        ('db_path: "a\\0b"\n', "1:10", "`db_path` cannot be a path: it holds a NUL", "another place"),
        (f"data_dir: {'x' * 300}\n", "1:11", "File name too long", "another place"),
        (f"db_path: {'x' * 250}\n", "1:10", "File name too long", "another place"),
        (f"log: {{file: {'x/' * 3000}}}\n", "1:13", "`log.file` cannot be a path: File name too", ""),
        ("jobs_dir: loop\n", "1:11", "symbolic links", "another place"),
        ('runners: {sh: "sh \'"}\n', "1:15", "`runners.sh` cannot be run: no closing quotation", "uv run"),
        ('runners: {sh: " "}\n', "1:15", "it is blank", "uv run"),
        ("port: 2.0213e4\n", "1:7", "port number", "without point and exponent: 20213"),
        ("min_free: 10\n", "1:11", "must be a size", "10MiB?"),
        ("run_retention: 90\n", "1:16", "must be a duration", "its unit: 90s, 90m, 90h or 90d"),
        ("sync: {interval: 0s}\n", "1:18", "`sync.interval` must be a duration of 1s or more", ""),
        ("sync: {interval: 0m999ms}\n", "1:18", "must be a duration of 1s or more", ""),
        ("state_cleanup_interval: 0ms\n", "1:25", "must be a duration of 1s or more", ""),
        ("inherit_env: PATH\n", "1:14", "must be a list of names", ""),
        ('inherit_env: [A, "B=C"]\n', "1:18", "must be a variable's name", ""),
        (
            "inherit_env: [A, JR_TOKEN]\n",
            "1:18",
            "JR_TOKEN, which belongs to the runner itself",
            "take it out",
        ),
        (
            "inherit_env: [NOTIFY_SOCKET]\n",
            "1:15",
            "NOTIFY_SOCKET, which belongs to the runner",
            "take it out",
        ),
        ("gateway: {timeout: 5s}\n", "1:10", "needs `url`", ""),
        ("gateway: {url: 'ftp://box'}\n", "1:16", "`gateway.url` does not begin with http://", "127.0.0.1"),
        ("gateway: {url: 'http://'}\n", "1:16", "names no host", "127.0.0.1"),
        ("gateway: {url: 'http://gate..way'}\n", "1:16", "a part of its name is empty", "127.0.0.1"),
        ("gateway: {url: 'http://.:80'}\n", "1:16", "a part of its name is empty", "127.0.0.1"),
        (f"gateway: {{url: 'http://{'a' * 64}.x'}}\n", "1:16", "more than 63 characters", "127.0.0.1"),
        ("gateway: {url: 'http://box:99999'}\n", "1:16", "is no URL", "127.0.0.1"),
        ("gateway: {url: 'http://[::1'}\n", "1:16", "is no URL", "127.0.0.1"),
        ("gateway: {url: 'http://box/ a'}\n", "1:16", "has a character that no URL holds", ""),
        ("gateway: {url: 'http://box?token=1'}\n", "1:16", "has a query or fragment", "end it before"),
        ("gateway: {url: 'http://box', timeout: 0s}\n", "1:39", "must be a duration of 1s or more", ""),
        ("gateway: {url: 'http://box', max_sessions: 0}\n", "1:44", "1 to 1000", ""),
        ("timezone: localtime\n", "1:11", "'localtime' is not known", "IANA"),
        ("max_concurrency: 0x" + "f" * 50_000 + "\n", "1:18", "too large", ""),
    ],
)
def test_faults_name_file_line_and_column(
    tmp_path: Path, text: str, place: str, message: str, hint: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert_refused(tmp_path, text, place, message, hint)


@pytest.mark.parametrize("key", sorted(_LATER))
def test_a_key_that_is_still_to_come_is_not_taken_for_a_misspelt_one(tmp_path: Path, key: str) -> None:
    within = key.replace(".", ": {")
    with pytest.raises(ConfigError, match="is not supported by this version"):
        config_of(tmp_path, f"{within}: {{}}{'}' * key.count('.')}\n")


MISTAKEN = """\
prot: 1
max_concurrency: 0
sync: {mode: sometimes}
run_retention: 5m7d
timezone: Mars
"""


def test_all_mistakes_are_found_at_once_in_the_files_order(tmp_path: Path) -> None:
    path = tmp_path / "jeeves-runner.yaml"
    path.write_text(MISTAKEN)
    found, problems = check_config(tmp_path, None)
    assert found == path
    assert [(p.file, p.line, p.column) for p in problems] == [
        (str(path), 1, 1),
        (str(path), 2, 18),
        (str(path), 3, 14),
        (str(path), 4, 16),
        (str(path), 5, 11),
    ]


def test_whoever_needs_the_config_stops_at_the_first_mistake_and_tells_of_the_rest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape("jeeves-runner.yaml:1:1: unknown key `prot`")) as caught:
        config_of(tmp_path, MISTAKEN)
    assert caught.value.hint == (
        "did you mean `port`? (the first of 5 mistakes; `jeeves-runner config validate` shows all)"
    )


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, tmp_path / "nowhere.yaml")


def test_every_field_but_the_files_own_place_is_a_setting() -> None:
    assert [setting.field for setting in SETTINGS] == [
        field for field in Config._fields if field not in ("path", "root")
    ]


class Oven(NamedTuple):
    """Settings of another program."""

    warm_up_ms: Annotated[int, Duration("How long it is heated before.")] = 600_000
    door: Annotated[Literal["left", "right"], Choice(Literal["left", "right"], "Where it opens.")] = "left"


def test_a_setting_is_declared_once(tmp_path: Path) -> None:
    settings = settings_of(Oven)
    properties = schema_of(settings)["properties"]
    assert (properties["warm_up"]["default"], properties["door"]["enum"]) == ("10m", ["left", "right"])
    assert Oven(**read_settings(settings, Given({"warm_up": "5m"}, tmp_path))) == Oven(warm_up_ms=300_000)
    (finding,) = findings_in(settings, Given({"warm_up": "5m1h"}, tmp_path))
    assert finding.path == ("warm_up",)


@pytest.mark.parametrize("url", ["https://me:hunter2@box", "ftp://hunter2@box", "http://:hunter2@box:1/x"])
def test_a_password_in_the_gateways_url_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="user name or password") as caught:
        config_of(tmp_path, f"gateway: {{url: '{url}'}}\n")
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
    assert "gateway.token_path" in (caught.value.hint or "")


def test_the_gateway_has_its_defaults_and_an_address_without_a_final_slash(tmp_path: Path) -> None:
    assert load_config(tmp_path, None).gateway == GatewayConfig()
    gateway = config_of(tmp_path, "gateway: {url: 'https://box/agents/', token_path: token}\n").gateway
    assert gateway == GatewayConfig("https://box/agents", tmp_path / "token", 30_000, 6)


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("http://127.0.0.1:18789", False),
        ("http://127.9.9.9", False),
        ("http://[::1]:18789", False),
        ("http://localhost", False),
        ("http://gateway.localhost", False),
        ("http://localhost.:18789", False),
        ("http://[::ffff:127.0.0.1]", False),
        ("http://[::ffff:10.0.0.1]", True),
        ("http://localhost.example.org.", True),
        ("https://box", False),
        ("http://box", True),
        ("http://10.0.0.1", True),
        ("http://127.0.0.1.example.org", True),
    ],
)
def test_plain_http_beyond_this_machine_is_warned_about(
    tmp_path: Path, url: str, is_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", "a-token")
    (tmp_path / "jeeves-runner.yaml").write_text(f"gateway:\n  url: '{url}'\n")
    problems = check_config(tmp_path, None)[1]
    assert [(p.severity, p.line, p.column) for p in problems] == [("warning", 2, 8)] * is_open
    assert all("token can be read on the way" in p.message and p.hint for p in problems)
    config = load_config(tmp_path, None)
    assert len(warnings_of(config)) == is_open


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (b"a-token\n", 0o600, None),
        (b"a-token\n", 0o640, "others may use"),
        (b"a-token\n", 0o604, "others may use"),
        (None, 0o600, "No such file"),
        (b"\n", 0o600, "it is blank"),
        (b"two\nlines", 0o600, "what no token can"),
        (b"\xff", 0o600, "it is not UTF-8"),
        (b"x" * 5000, 0o600, "over 4 KiB"),
    ],
)
def test_a_token_that_cannot_be_read_or_that_others_can_is_warned_about(
    tmp_path: Path, content: bytes | None, mode: int, message: str | None
) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
        token.chmod(mode)
    (tmp_path / "jeeves-runner.yaml").write_text("gateway:\n  url: 'http://[::1]'\n  token_path: token\n")
    problems = check_config(tmp_path, None)[1]
    if message is None:
        assert not problems
        return
    (problem,) = problems
    assert (problem.severity, problem.line, problem.column) == ("warning", 3, 15)
    assert message in problem.message
    assert str(token) in f"{problem.message} {problem.hint}"
    assert "a-token" not in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize("value", ["12", "-1", "1.5", "true", "banana", "[banana, 5]", "{a: 1}", "[]", "''"])
def test_each_wrong_value_has_a_hint(tmp_path: Path, value: str) -> None:
    file = tmp_path / "jeeves-runner.yaml"
    for place in _places(config_schema(), ()):
        text = value
        for key in reversed(place):
            text = f"{{{key}: {text}}}"
        file.write_text(f"{text}\n")
        for problem in check_config(tmp_path, file)[1]:
            assert problem.hint, (text, problem.message)


def _places(schema: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, part in schema.get("properties", {}).items():
        yield (*above, key)
        yield from _places(part, (*above, key))


def test_a_token_that_is_no_file_is_warned_about_once_and_the_hint_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "jeeves-runner.yaml").write_text("gateway: {url: 'http://[::1]', token_path: /dev/null}\n")
    (problem,) = check_config(tmp_path, None)[1]
    assert "it is not a regular file" in problem.message
    assert "chmod" not in (problem.hint or "")


def test_the_hint_about_a_token_that_others_can_read_is_a_command_of_the_shell(tmp_path: Path) -> None:
    (tmp_path / "my token").write_text("a-token")
    (tmp_path / "my token").chmod(0o644)
    (tmp_path / "jeeves-runner.yaml").write_text("gateway: {url: 'http://[::1]', token_path: my token}\n")
    (problem,) = check_config(tmp_path, None)[1]
    assert problem.hint == f"chmod 600 '{tmp_path}/my token'"


def test_a_gateway_without_a_token_is_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENCLAW_GATEWAY_TOKEN", raising=False)
    (tmp_path / "jeeves-runner.yaml").write_text("gateway: {url: 'http://[::1]'}\n")
    (problem,) = check_config(tmp_path, None)[1]
    assert (problem.severity, problem.message) == ("warning", "there is no token for `gateway.url`")
    assert "`gateway.token_path` in the config, or set OPENCLAW_GATEWAY_TOKEN" in (problem.hint or "")


@pytest.mark.parametrize(
    ("token", "fault"), [(" ", "it is blank"), ("hunter two", "it holds what no token can")]
)
def test_a_variable_with_no_token_that_can_be_used_is_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str, fault: str
) -> None:
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", token)
    (tmp_path / "jeeves-runner.yaml").write_text("gateway:\n  url: 'http://[::1]'\n")
    (problem,) = check_config(tmp_path, None)[1]
    assert (problem.severity, problem.line, problem.column) == ("warning", 2, 8)
    said = "`gateway.url`: the gateway's token in OPENCLAW_GATEWAY_TOKEN cannot be used: "
    assert problem.message.startswith(said + fault)
    assert "hunter" not in f"{problem.message} {problem.hint}"
    assert problem.hint == "set it to the token"


def test_a_path_below_which_people_would_reach_the_server_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "jeeves-runner.yaml").write_text('api: {public_url: "https://example.org/runner/"}\n')
    (problem,) = check_config(tmp_path, None)[1]
    assert problem.severity == "warning"
    assert problem.message == "`api.public_url` has a path: pages of the dashboard do not work below /runner"
