"""The styles of pages: what several of them show is set once, and what one page shows, in its own file."""

import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import resources

import pytest

from jeeves_runner.dashboard.render import render
from jeeves_runner.dashboard.theme import Theme

FOLDER = resources.files("jeeves_runner.dashboard")

STYLES = [each for each in FOLDER.joinpath("static").iterdir() if each.name.endswith(".css")]

_SELECTORS = re.compile(r"([^{}]+)\{[^{}]*\}")
_NO_RULE = re.compile(r"/\*.*?\*/|@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", re.DOTALL)
"""Comments, and what is otherwise on a phone or on paper."""


def test_a_class_is_set_in_one_file() -> None:
    """A page may say more of it where it says whose it is: `.jobs .filter`."""
    places = defaultdict(set)
    for each in STYLES:
        for selectors in _SELECTORS.findall(_NO_RULE.sub("", each.read_text())):
            for selector in map(str.strip, selectors.split(",")):
                if re.fullmatch(r"\.[\w-]+", selector):
                    places[selector].add(each.name)
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}


def _rules() -> Iterator[tuple[str, str, str]]:
    """The name of the file, a selector, and what is set for it: of each rule, also those within another."""
    for each in STYLES:
        text = re.sub(r"/\*.*?\*/", "", each.read_text(), flags=re.DOTALL)
        for selectors, declared in re.findall(r"([^{};]+)\{([^{}]*)\}", text):
            for selector in re.split(r",(?![^(]*\))", selectors):
                yield each.name, " ".join(selector.split()), declared


def test_what_scrolls_holds_what_is_placed_in_it() -> None:
    """Words for those who hear a page are placed: outside of what scrolls they would make the page wider."""
    placed = {selector for _, selector, declared in _rules() if re.search(r"\bposition:", declared)}
    loose = [
        f"{name}: {selector}"
        for name, selector, declared in _rules()
        if re.search(r"\boverflow(-[xy])?: (auto|scroll)", declared)
        and not any(selector == each or selector.endswith(f" {each}") for each in placed)
        and not _ONLY_TEXT.search(selector)
    ]
    assert loose == []


_ONLY_TEXT = re.compile(r"(^| )(pre(\.\w+)?|\.result|\.log-tail|dialog\.acting)$")
"""What holds nothing but text; a dialog is placed by browsers."""


def test_no_style_takes_the_names_of_columns_from_those_who_hear_them() -> None:
    """A head goes only with its column."""
    gone = [
        (name, selector)
        for name, selector, declared in _rules()
        if re.search(r"\bvisibility: (hidden|collapse)|\bdisplay: none", declared)
    ]
    wrong = [
        (name, selector)
        for name, selector in gone
        if re.search(r"\bthead\b", selector)
        or (_HEAD.search(selector) and (name, _HEAD.sub("td", selector)) not in gone)
    ]
    assert wrong == []


_HEAD = re.compile(r"(?<![\w.(-])th\b")


@pytest.mark.parametrize("theme", Theme)
def test_a_page_has_the_colours_that_its_viewer_has_chosen_without_a_script(theme: Theme) -> None:
    """One that has to come first holds the page up, and one that comes later lets it shine up in others."""
    problem = {"status": 404, "detail": "there is no `job`", "hint": "`jobs` lists them"}
    page = render("problem.html", theme=theme, problem=problem, may_log_in=False, way=None).body.decode()
    assert f'media="{theme.media}"' in page
    assert re.findall(r"<script(?! type=.module)", page) == []
    for each in FOLDER.joinpath("templates").iterdir():
        if "<head>" in each.read_text():
            assert '{% include "colours.html" %}' in each.read_text(), each.name


def test_the_way_out_is_drawn_also_for_who_may_not_act() -> None:
    """The style of acting is on pages of those who may act, and the button of logging out on all."""
    button = re.search(r"<button[^>]*>Log out", FOLDER.joinpath("templates", "frame.html").read_text())
    assert button
    assert "class" not in button[0]
    assert "background:" in {selector: set_ for name, selector, set_ in _rules() if name == "style.css"}.get(
        ".who button", ""
    )


def test_what_a_page_is_drawn_with_is_asked_for_before_what_it_listens_with() -> None:
    frame = FOLDER.joinpath("templates", "frame.html").read_text()
    assert frame.index("colours.html") < frame.index("block head") < frame.index("module('app.js'")
