"""The map names what is there: each file, and each class and function of the modules it points into."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEW = re.compile(r"\|[^|\n]*\*\(new\)\*[^|\n]*(?=\|)")
"""A cell that names what is yet to be made."""

PAGE = NEW.sub("", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
SPANS = sorted(
    {span for span in re.findall(r"`([^`\n]+)`", PAGE) if re.fullmatch(r"[\w./*-]+(:[\w.]+)?", span)}
)
PLACES = [span for span in SPANS if "/" in span or span.partition(":")[0].endswith(".py")]


def test_the_map_names_places() -> None:
    assert len(PLACES) > 30


@pytest.mark.parametrize("place", PLACES)
def test_each_place_on_the_map_is_there(place: str) -> None:
    path, _, name = place.partition(":")
    outside = path.startswith(("docs/", "schemas/", "tests/", "benchmarks/", "examples/"))
    base = ROOT if outside else ROOT / "jeeves_runner"
    assert list(base.glob(path)), f"{path} is not there"
    if name:
        assert name in names_in(base / path), f"{path} has no {name}"


@pytest.mark.parametrize("room", ["core/alerts", "notify"])
def test_each_module_of_what_people_are_told_is_on_the_map(room: str) -> None:
    modules = [f"{room}/{path.name}" for path in sorted((ROOT / "jeeves_runner" / room).glob("*.py"))]
    assert modules
    named = {place.partition(":")[0] for place in PLACES}
    assert [module for module in modules if module not in named and not module.endswith("__init__.py")] == []


def names_in(path: Path) -> set[str]:
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{part.name}"
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found
