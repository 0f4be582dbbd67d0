"""A script of a page is sent as one file, with the modules of its folder in it."""

import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

import pytest

from jeeves_runner.dashboard.scripts import whole

TEXTS = {
    "a.js": """// What it does.
import { one, two as second } from "./a/first.js";
import * as last from "./a/last.js";
import { far } from "./b.js";
export { one } from "./a/first.js";

use(one, second, last.third(), far);
""",
    "a/first.js": """export const one = 1;
let seen = 0;
export function two() { return seen += 1; }
""",
    "a/last.js": """import { one } from "./first.js";
import { near } from "../b.js";
export async function third() { return one + near; }
export class Fourth {}
""",
    "b.js": 'export const far = 1;\nexport { third as near } from "./a.js";\n',
}

WHOLE = """import * as $b from "./b.js";
const $a_first = (() => {
const one = 1;
let seen = 0;
function two() { return seen += 1; }
return { one, two };
})();
const $a_last = (() => {
const { one } = $a_first;
const { near } = $b;
async function third() { return one + near; }
class Fourth {}
return { third, Fourth };
})();
// What it does.
const { one, two: second } = $a_first;
const last = $a_last;
const { far } = $b;
export const { one } = $a_first;

use(one, second, last.third(), far);
"""


def shipped_scripts(folder: Traversable, path: str = "") -> Iterator[tuple[str, str]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from shipped_scripts(each, f"{path}{each.name}/")
        elif each.name.endswith(".js") and each.name != "idiomorph.js":
            yield path + each.name, each.read_text()


SHIPPED = dict(shipped_scripts(resources.files("jeeves_runner.dashboard").joinpath("static")))
SCRIPTS = [name for name in SHIPPED if "/" not in name]


def test_modules_stand_before_what_takes_from_them_and_once() -> None:
    assert whole("a.js", TEXTS) == WHOLE


def test_a_script_without_modules_is_sent_as_it_is() -> None:
    assert whole("c.js", {"c.js": "use();\n"}) == "use();\n"


@pytest.mark.parametrize(
    ("path", "line", "said"),
    [
        ("a/first.js", 'import { four } from "./last.js";', "a/first.js takes four from a/last.js"),
        ("a/first.js", 'import { close } from "../b.js";', "a/first.js takes close from b.js"),
        ("a.js", 'export { four as one } from "./a/last.js";', "a.js takes four from a/last.js"),
        ("a/first.js", 'import "./last.js";', 'cannot be part of a script: import "./last.js";'),
        ("a/first.js", "export let two = 1;", "cannot be part of a script: export let two = 1;"),
        ("a/first.js", "export default 1;", "cannot be part of a script: export default 1;"),
        ("a/first.js", 'const far = () => import("./b.js");', "cannot be part of a script: import("),
        ("a/first.js", "use(import.meta.url);", "cannot be part of a script: import.meta"),
        ("a/first.js", "export const one = await late();", "cannot be part of a script: const one = await"),
        ("a.js", 'import "./a/first.js";', "a.js takes a module in a way that is not known"),
        ("a.js", 'const late = await import("./a/first.js");', "a.js takes a module in a way that is not"),
    ],
)
def test_what_would_mean_another_thing_there_is_refused(path: str, line: str, said: str) -> None:
    texts = {**TEXTS, "a/last.js": "export const third = 1;\n", path: f"{line}\n"}
    with pytest.raises(RuntimeError, match=re.escape(said)):
        whole("a.js", texts)


def test_a_module_may_end_without_a_newline() -> None:
    texts = {"a.js": 'import { one } from "./a/b.js";\n', "a/b.js": "export const one = 1; // it ends"}
    assert "// it ends\nreturn { one };" in whole("a.js", texts)


def test_every_module_is_in_the_script_of_its_folder_once() -> None:
    for path, text in SHIPPED.items():
        if "/" in path:
            begin = text.splitlines()[0]
            assert whole(f"{path.partition('/')[0]}.js", SHIPPED).count(begin) == 1, path


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_takes_from_a_module_of_another(name: str) -> None:
    """It would be there twice, each with what it remembers."""
    text = whole(name, SHIPPED)
    left = re.findall(r"^(?:import|export) .*\bfrom\b.*$", text, re.MULTILINE)
    for line in left:
        assert re.fullmatch(r'import \* as \$\w+ from "\./\w+\.js";', line), line


@pytest.mark.parametrize("path", SHIPPED)
def test_what_is_exported_stays_what_it_is(path: str) -> None:
    """A module hands its exports on once it has run: a variable that changes would not be seen to."""
    exports = re.findall(r"^export\b.*$", SHIPPED[path], re.MULTILINE)
    for line in exports:
        assert re.match(r"export (?:(?:async )?(?:function|const|class) \w|\{ .+ \} from )", line), line
