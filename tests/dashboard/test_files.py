"""What pages load: each script comes with all that it imports. A browser need not find out one by one."""

import re
from importlib import resources

from jeeves_runner.dashboard.files import module

SCRIPTS = resources.files("jeeves_runner.dashboard").joinpath("static")


def loaded(name: str) -> list[str]:
    """The names of the files that a page loads for a module."""
    return re.findall(r'/static/[0-9a-f]+/([\w.]+)"', str(module(name)))


def test_what_follows_the_server_does_not_hold_up_a_page() -> None:
    frame = resources.files("jeeves_runner.dashboard").joinpath("templates", "frame.html").read_text()
    assert not {"live.js", "link.js", "idiomorph.js"} & {*loaded("app.js"), *re.findall(r"[\w.]+\.js", frame)}


def test_a_module_comes_with_what_its_imports_import() -> None:
    assert sorted(loaded("app.js")) == ["app.js", "keys.js", "theme.js", "times.js"]
    assert {"log_text.js", "log_sums.js", "times.js"} < set(loaded("log.js"))


def test_no_import_is_overlooked() -> None:
    for each in SCRIPTS.iterdir():
        if each.name.endswith(".js") and each.name != "idiomorph.js":
            text = each.read_text()
            at_once = re.sub(r'import\("[^"]*"\)|new URL\("[^"]*"', "", text)
            named = set(re.findall(r'["\']\./([\w.]+\.js)["\']', at_once))
            assert named <= set(loaded(each.name)), each.name
