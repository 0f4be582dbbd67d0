"""``config``: what is in force, and everything that is wrong with the file."""

import json
from pathlib import Path
from typing import Annotated, NamedTuple

import pytest
from click.testing import CliRunner, Result
from support.docs import PAGES, blocks

from jeeves_runner.cli.commands.config import _setting_rows
from jeeves_runner.cli.formats import NONE
from jeeves_runner.cli.main import main
from jeeves_runner.config_kinds import Text
from jeeves_runner.config_settings import Section, settings_of


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def validate(text: str | None, *options: str) -> Result:
    if text is not None:
        Path("jeeves-runner.yaml").write_text(text)
    return CliRunner().invoke(main, ["config", "validate", *options])


def test_show_prints_what_is_in_force_as_the_file_would_say_it() -> None:
    Path("jeeves-runner.yaml").write_text("timezone: Europe/Vienna\nrun_retention: 2h\n")
    answer = CliRunner().invoke(main, ["config", "show"])
    lines = [line.split() for line in answer.stdout.splitlines()]
    assert ["timezone", "Europe/Vienna"] in lines
    assert ["run_retention", "2h"] in lines
    assert ["min_free", "256", "MiB"] in lines


class Inner(NamedTuple):
    url: Annotated[str, Text("Where it is.")]


class Outer(NamedTuple):
    far: Annotated[Inner | None, Section(Inner, "What may be left out.", "{url: …}")] = None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(block.text, id=str(block))
        for page in PAGES
        for block in blocks(page)
        if "config" in block.info
    ],
)
def test_what_the_pages_set_is_shown_in_both_forms(text: str) -> None:
    Path("jeeves-runner.yaml").write_text(text)
    for options in ([], ["--json"]):
        answer = CliRunner().invoke(main, ["config", "show", *options])
        assert answer.exit_code == 0, answer.output


def test_a_network_is_shown_as_it_is_written() -> None:
    Path("jeeves-runner.yaml").write_text("api: {trusted_proxies: [127.0.0.1, 10.0.0.0/8, '::1']}\n")
    rows = [
        line.split(maxsplit=1) for line in CliRunner().invoke(main, ["config", "show"]).stdout.splitlines()
    ]
    assert ["api.trusted_proxies", "[127.0.0.1, 10.0.0.0/8, ::1]"] in rows
    shown = json.loads(CliRunner().invoke(main, ["config", "show", "--json"]).stdout)
    assert shown["api"]["trusted_proxies"] == ["127.0.0.1", "10.0.0.0/8", "::1"]


def test_a_section_that_is_left_out_is_shown_as_none() -> None:
    settings = settings_of(Outer)
    assert list(_setting_rows(settings, Outer())) == [("far", NONE)]
    assert list(_setting_rows(settings, Outer(Inner("there")))) == [("far.url", "there")]


def test_show_as_a_document_has_numbers_and_absolute_paths(tmp_path: Path) -> None:
    shown = json.loads(CliRunner().invoke(main, ["config", "show", "--json"]).stdout)
    assert shown["run_retention_ms"] == 30 * 86_400_000
    assert shown["db_path"] == str(tmp_path / "data/runner.sqlite")
    assert shown["sync"] == {"mode": "auto", "interval_ms": 60_000}


def test_a_right_file_is_named() -> None:
    answer = validate("port: 4711\n")
    assert (answer.exit_code, answer.stdout) == (0, f"Valid: {Path('jeeves-runner.yaml').resolve()}\n")


def test_no_file_is_right_too() -> None:
    assert validate(None).stdout == "Valid: no config file here, so every setting is the default\n"


def test_every_mistake_has_its_line() -> None:
    answer = validate("prot: 1\nmax_concurrency: 0\n")
    path = Path("jeeves-runner.yaml").resolve()
    assert (answer.exit_code, answer.stderr) == (2, "")
    assert answer.stdout.splitlines() == [
        f"{path}:1:1: error: unknown key `prot`",
        "    hint: did you mean `port`?",
        f"{path}:2:18: error: `max_concurrency` must be a whole number from 1 to 1000, not 0",
        "    hint: for example `max_concurrency: 4`",
        "Invalid: 2 errors.",
    ]


def test_as_a_document_there_are_all_mistakes() -> None:
    answer = validate("prot: 1\ntimezone: Mars\n", "--json")
    document = json.loads(answer.stdout)
    assert (answer.exit_code, document["ok"]) == (2, False)
    assert [problem["line"] for problem in document["problems"]] == [1, 2]
    assert json.loads(validate("{}\n", "--json").stdout)["problems"] == []


def test_what_is_no_yaml_is_one_mistake() -> None:
    answer = validate("a: [\n")
    assert answer.exit_code == 2
    assert answer.stdout.splitlines()[-1] == "Invalid: 1 error."


def test_a_warning_leaves_the_file_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", "a-token")
    text = "gateway: {url: 'http://box'}\n"
    answer = validate(text)
    path = Path("jeeves-runner.yaml").resolve()
    assert answer.exit_code == 0
    why = "`gateway.url` is plain http beyond this machine: the token can be read on the way"
    assert answer.stdout.splitlines() == [
        f"{path}:1:16: warning: {why}",
        "    hint: use https, or a tunnel that ends on 127.0.0.1",
        f"Valid: {path}",
    ]
    document = json.loads(validate(text, "--json").stdout)
    assert document["ok"]
    assert [problem["severity"] for problem in document["problems"]] == ["warning"]
