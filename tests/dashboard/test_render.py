"""How a page is made of its template."""

from typing import Any

import pytest
from jinja2 import Environment

from jeeves_runner.dashboard import render as room
from jeeves_runner.dashboard.theme import Theme

PROBLEM = {"status": 404, "detail": "there is no `job`", "hint": "`jobs` lists them"}


def test_to_compile_its_templates_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what pages take it is decided how often open ones come again. The first takes far longer."""
    compiled: list[str] = []
    really = Environment.compile

    def compiling(self: Environment, source: Any, name: str | None = None, *rest: Any) -> Any:
        compiled.append(str(name))
        return really(self, source, name, *rest)

    monkeypatch.setattr(Environment, "compile", compiling)
    monkeypatch.setattr(room, "thread_seconds", lambda: float(len(compiled)))
    for each in (room._compiled, room._templates):
        each.cache_clear()
    made = room.render("problem.html", theme=Theme.SYSTEM, problem=PROBLEM, may_log_in=False, way=None)
    assert {"problem.html", "colours.html"} <= set(compiled)
    assert made.took == 0
