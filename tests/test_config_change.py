"""What counts as a change of the config file since a server read it."""

from pathlib import Path

import pytest

from jeeves_runner.config import load_config
from jeeves_runner.config_change import ConfigChange, change_of

READ = "timezone: Europe/Vienna\npools: {database: 1}\nlog: {level: debug}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "jeeves-runner.yaml"
    path.write_text(READ)
    return path


def change(file: Path, now: str) -> ConfigChange | None:
    """What has changed once the file says ``now``."""
    config = load_config(file.parent, None)
    file.write_text(now)
    return change_of(config)


@pytest.mark.parametrize(
    ("now", "settings"),
    [
        (READ.replace("Vienna", "Berlin"), ("timezone",)),
        (READ.replace("debug", "info") + "port: 1938\n", ("port", "log.level")),
        ("pools: {database: 2}\nlog: {level: debug, format: json}\n", ("timezone", "pools", "log.format")),
        ("", ("timezone", "pools", "log.level")),
        ("data_dir: elsewhere\n" + READ, ("data_dir", "db_path")),
    ],
)
def test_the_settings_that_differ_are_named_as_the_file_names_them(
    file: Path, now: str, settings: tuple[str, ...]
) -> None:
    found = change(file, now)
    assert found == ConfigChange(file, settings, None)
    assert f"has changed since the server started: {', '.join(settings)}; restart the server" in str(found)


@pytest.mark.parametrize("now", [READ, f"# noted\n{READ}", f"{READ}port: 1937\nmax_concurrency: 4\n"])
def test_what_says_the_same_is_no_change(file: Path, now: str) -> None:
    assert change(file, now) is None


def test_a_file_that_cannot_be_used_says_why_and_where(file: Path) -> None:
    found = change(file, "timezone: UTC\nprot: 1\n")
    assert found is not None
    assert found.settings == ()
    assert found.problem == str(found)
    assert str(found) == (
        f"{file}:2:1: unknown key `prot`; did you mean `port`?;"
        " the server goes on with the settings it has, and would not start again"
    )


def test_one_that_is_gone_says_what_a_restart_would_do(file: Path) -> None:
    config = load_config(file.parent, None)
    file.unlink()
    found = change_of(config)
    assert found is not None
    assert found.problem == str(found)
    assert str(found) == (
        f"the config file {file} is gone: put it back; the server goes on with the settings it has,"
        " but would start again with the defaults, or not at all if --config names the file"
    )


def test_a_file_where_there_was_none_counts(file: Path) -> None:
    file.unlink()
    config = load_config(file.parent, None)
    assert change_of(config) is None
    file.write_text(READ)
    assert change_of(config) == ConfigChange(file, ("timezone", "pools", "log.level"), None)
