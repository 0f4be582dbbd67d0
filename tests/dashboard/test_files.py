"""What pages load: scripts with all that they import, which a browser need not find out one by one, and the
styles of a page as one file."""

import gzip
import re
from importlib import resources
from itertools import product

import pytest

from jeeves_runner.dashboard import files
from jeeves_runner.dashboard.files import _file, _packed, module, place_of
from jeeves_runner.dashboard.shipped import TEMPLATES

SCRIPTS = resources.files("jeeves_runner.dashboard").joinpath("static")


def loaded(name: str) -> list[str]:
    """The names of the files that a page loads for a module."""
    return re.findall(r'/static/[0-9a-f]+/([\w.]+)"', str(module(name)))


def test_what_follows_the_server_does_not_hold_up_a_page() -> None:
    frame = resources.files("jeeves_runner.dashboard").joinpath("templates", "frame.html").read_text()
    assert not {"live.js", "idiomorph.js"} & {*loaded("app.js"), *re.findall(r"[\w.]+\.js", frame)}


def test_a_script_comes_with_what_its_imports_import() -> None:
    assert loaded("app.js") == ["app.js"]
    assert sorted(loaded("timeline.js")) == ["app.js", "live.js", "timeline.js"]


def test_no_import_is_overlooked() -> None:
    for each in SCRIPTS.iterdir():
        if each.name.endswith(".js") and each.name != "idiomorph.js":
            sent = _file(each.name)
            assert sent is not None
            at_once = re.sub(r'import\("[^"]*"\)|new URL\("[^"]*"', "", sent.text.decode())
            named = set(re.findall(r'["\']\.+/([\w./]+\.js)["\']', at_once))
            assert named <= set(loaded(each.name)), each.name


def test_another_way_of_joining_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers keep a version for good."""
    before = files._version()
    monkeypatch.setattr(files, "whole", lambda name, texts: f"{texts[name]}// joined")
    caches = (files._sent, files._version)
    for each in caches:
        each.cache_clear()
    try:
        assert files._version() != before
    finally:
        for each in caches:
            each.cache_clear()


def test_the_modules_of_a_script_are_no_files_of_their_own() -> None:
    for name in ("app/times.js", "times.js", "log/text.js"):
        assert _file(name) is None, name


def test_the_styles_of_a_page_come_as_one_file() -> None:
    found = _file("style.css+act.css")
    assert found is not None
    assert found.kind == "text/css"
    assert found.text == b"".join(SCRIPTS.joinpath(each).read_bytes() for each in ("style.css", "act.css"))
    assert gzip.decompress(found.packed) == found.text
    assert place_of("style.css+act.css").endswith("/style.css+act.css")


def test_what_a_page_names_is_there_before_any_page_was_shown() -> None:
    """One that was open across a restart of the server asks for it first."""
    named = [re.findall(r"[\w.]+\.css", said) for said in _STYLES_OF_ONE.findall(_all_templates())]
    assert ["run.css", "log.css"] in named
    for own in ([], *named):
        for first in (["style.css"], ["style.css", "act.css"]):
            assert _file("+".join(first + own)), own


_STYLES_OF_ONE = re.compile(r"set styles = (.*)")


def _all_templates() -> str:
    return "\n".join(text.decode() for text in TEMPLATES.values())


def test_of_what_any_client_may_ask_for_only_what_pages_name_is_kept() -> None:
    sheets = [each.name for each in SCRIPTS.iterdir() if each.name.endswith(".css")]
    _packed.cache_clear()
    found = [name for pair in product(sheets, sheets) if _file(name := "+".join(("style.css", *pair)))]
    assert 0 < len(found) < 20
    assert not any(_file(f"{each}.js") for each in range(100))
    assert _packed.cache_info().currsize == len(found)


@pytest.mark.parametrize(
    "name",
    [
        "style.css+app.js",
        "style.css+no.css",
        "style.css+",
        "+",
        "",
        "+".join(["style.css"] * 5),
        "jobs.css+style.css",
        "style.css+jobs.css+run.css",
    ],
)
def test_nothing_else_is_joined(name: str) -> None:
    assert _file(name) is None
    with pytest.raises(RuntimeError, match="pages name a file that is not there"):
        place_of(name)


def test_every_page_has_one_file_of_styles_beside_that_of_the_dark() -> None:
    for each in resources.files("jeeves_runner.dashboard").joinpath("templates").iterdir():
        if each.name != "colours.html":
            assert "stylesheet" not in each.read_text(), each.name


def test_a_browser_is_asked_to_show_a_page_with_the_times_of_its_viewer() -> None:
    frame = resources.files("jeeves_runner.dashboard").joinpath("templates", "frame.html").read_text()
    assert "module('app.js', is_drawn_with=True)" in frame
    assert 'blocking="render" src=' in module("app.js", is_drawn_with=True)
    assert "blocking" not in module("app.js")
