"""A trouble is told when it comes, when it becomes another one, and when it is over."""

import logging

import pytest

from jeeves_runner.troubles import Trouble, Troubles

log = logging.getLogger("jeeves_runner.test")


def test_a_trouble_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    trouble = Trouble(log, over="the disk is well")
    trouble.over()
    for text in ("full", "full", "broken", "broken"):
        trouble.met(text)
        assert trouble.lasts
    for _ in range(2):
        trouble.over()
        assert not trouble.lasts
    trouble.met("broken", logging.ERROR)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "full"),
        ("WARNING", "broken"),
        ("INFO", "the disk is well"),
        ("ERROR", "broken"),
    ]


def test_each_of_many_has_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    troubles = Troubles(log, lambda name: f"{name} is well")
    for _ in range(2):
        troubles.met("one", "one is full")
        troubles.met("two", "two is full")
        troubles.over("three")
    for _ in range(2):
        troubles.over("two")
    troubles.met("one", "one is full")
    assert caplog.messages == ["one is full", "two is full", "two is well"]
