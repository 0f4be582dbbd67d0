"""How a page is made of its template."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from support.api import Api, shell_job, with_api
from support.ledger import Ledger
from support.pages import page

from jeeves_runner.api.kept_pages import Made
from jeeves_runner.dashboard import render as room
from jeeves_runner.dashboard import showing
from jeeves_runner.dashboard.look import path
from jeeves_runner.dashboard.pages import jobs
from jeeves_runner.dashboard.theme import Theme

PROBLEM = {"status": 404, "detail": "there is no `job`", "hint": "`jobs` lists them"}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the templates, as each is compiled. The time stands still but for that."""
    found: list[str] = []
    really = Environment.compile

    def compiling(self: Environment, source: Any, name: str | None = None, *rest: Any) -> Any:
        found.append(str(name))
        return really(self, source, name, *rest)

    monkeypatch.setattr(Environment, "compile", compiling)
    monkeypatch.setattr(room, "thread_seconds", lambda: float(len(found)))
    kept = (room._compiled, room._templates, jobs._row)
    for each in kept:
        each.cache_clear()
    yield found
    for each in kept:
        each.cache_clear()


def test_a_path_may_be_broken_behind_its_slashes() -> None:
    assert path("/srv/<b>/copy.log") == "/<wbr>srv/<wbr>&lt;b&gt;/<wbr>copy.log"


def test_to_compile_its_templates_is_not_counted(compiled: list[str]) -> None:
    """By what pages take it is decided how often open ones come again. The first takes far longer."""
    made = room.render("problem.html", theme=Theme.SYSTEM, problem=PROBLEM, may_log_in=False, way=None)
    assert {"problem.html", "colours.html"} <= set(compiled)
    assert made.took == 0


def test_nor_is_that_of_rows_that_are_kept(
    compiled: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    shell_job(ledger, "greet", "true")
    seen: list[Made] = []

    def rendering(template: str, **values: object) -> Made:
        seen.append(room.render(template, **values))
        return seen[-1]

    monkeypatch.setattr(showing, "render", rendering)

    async def scenario(api: Api) -> None:
        assert "greet" in (await page(api, "/jobs")).text

    with_api(ledger, scenario)
    assert {"jobs.html", "jobs_row.html"} <= set(compiled)
    assert [made.took for made in seen] == [0]
