"""Of a config of the plainest form the same is read as of any other; of any other, nothing."""

import os
from pathlib import Path
from typing import Final
from zoneinfo import available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jeeves_runner.config import SETTINGS, load_config
from jeeves_runner.config_plain import PlainConfig, plain_config
from jeeves_runner.config_zone import is_known_zone
from jeeves_runner.core.schedule.schedule import parse_schedule

_WORDS: Final = (
    "data", "../var/lib", "/srv/jr", "./x", "a/b-c_d.sqlite", "null", "True", "~", ".5", "..", "", "a b",
    "a: b", "0", "1", "007", "65535", "65536", "1000", "1001", "-1", "0x10", "1e3", "٣", "0s", "5s", "999d",
    "1000d", "500ms", "1h30m", "0KiB", "10MiB", "1.5GiB", "0700", "0770", "0777", "UTC", "Europe/Berlin",
    "Europe/None",
    "posix/UTC", "right/UTC", "Europe", "Etc/GMT+1", "America/Argentina/Salta", "Europe/../UTC", "127.0.0.1",
    "0.0.0.0", "localhost", "::1", "*a", "&a b", "!t x", "[a]", "{a: 1}", "|", "a#b", "a #b", "'a'", '"a"',
    '"80"', '"a', "\"a\\tb\"", "x" * 300, "x/" * 2500, "a\tb", "ä", "\ufeff", "info", "auto",
)  # fmt: skip
_KEYS: Final = (*(setting.key for setting in SETTINGS), "data-dir", "Port", "<<", '"port"', "")

_settings = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "", "", " ", "  ", "\t", "- "]),
    st.sampled_from(_KEYS),
    st.sampled_from([": ", ": ", ": ", ":", ":  ", " : ", ":\t"]),
    st.sampled_from(_WORDS) | st.text(max_size=5),
    st.sampled_from(["", "", " ", " # why", "# why", "\t# why", " #"]),
)
_others = st.sampled_from(["", " ", "  # ä …", "#\x07", "---", "...", "%YAML 1.2", "- a", "a", "\t"])
_texts = st.lists(_settings | _others, max_size=4).map("\n".join)


def read_both(folder: Path, text: str) -> PlainConfig | None:
    """What is read of the plain form, which the whole config has been found to say too."""
    (folder / "jeeves-runner.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    plain = plain_config(folder, None)
    if plain is not None:
        config = load_config(folder, None)
        assert plain == (config.path, config.db_path)
    return plain


@given(text=_texts)
@example(text='port: "80"')
@example(text="data_dir: a\ndata_dir: b")
def test_of_each_text_the_same_is_read_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    read_both(tmp_path_factory.mktemp("plain"), text)


@pytest.mark.parametrize("key", _KEYS)
def test_of_each_setting_the_same_is_read_or_nothing(tmp_path: Path, key: str) -> None:
    for value in _WORDS:
        read_both(tmp_path, f"{key}: {value}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "port: 0\n",
        "# the whole\n\ntimezone: Europe/Berlin   # ours, for now …\nport: 1938\nmax_concurrency: 8",
        'data_dir: "../var"\nrun_retention: 7d\nlog_max_size: 1MiB\nhost: 127.0.0.1\ndata_mode: "0770"\n',
        "data_dir: var\ndb_path: db/my.sqlite\njobs_dir: jobs\n",
    ],
)
def test_what_most_projects_have_is_of_the_plain_form(tmp_path: Path, text: str) -> None:
    assert read_both(tmp_path, text) is not None


def test_the_config_of_a_new_project_is_of_the_plain_form(tmp_path: Path) -> None:
    import jeeves_runner.templates

    template = Path(jeeves_runner.templates.__file__).with_name("jeeves-runner.yaml")
    assert read_both(tmp_path, template.read_text()) is not None


def test_the_file_is_found_as_for_the_whole_config(tmp_path: Path) -> None:
    (tmp_path / "jeeves-runner.yaml").write_text("data_dir: var\n")
    below = tmp_path / "a/b"
    below.mkdir(parents=True)
    found = PlainConfig(tmp_path / "jeeves-runner.yaml", tmp_path / "var/runner.sqlite")
    assert plain_config(below, None) == found
    assert plain_config(Path("/"), tmp_path) == found
    assert plain_config(Path("/"), tmp_path / "none.yaml") is None
    (below / "jeeves-runner.yaml").symlink_to(tmp_path / "jeeves-runner.yaml")
    assert plain_config(below, None) == found


def test_a_zone_that_is_known_at_once_is_one_of_schedules() -> None:
    known = [name for name in available_timezones() if is_known_zone(name)]
    assert {"Europe/Berlin", "America/Argentina/Salta", "Etc/GMT+1"} <= set(known)
    assert all(parse_schedule((), name, "config") for name in known)
    assert not any(
        map(is_known_zone, ["UTC", "posix/Europe/Berlin", "Europe/", "Europe/None", "Europe/../UTC"])
    )


@pytest.mark.parametrize("kind", ["folder", "dangling link", "pipe", "loop"])
def test_of_what_is_no_file_nothing_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "jeeves-runner.yaml"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case _:
            path.symlink_to("nowhere")
    assert plain_config(tmp_path, None) is None
