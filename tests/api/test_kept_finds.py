"""What took long to be found out is kept for the next one."""

import threading
from functools import partial

import pytest

from jeeves_runner.api.kept_finds import KeptFinds


def test_it_is_made_once_for_each_key() -> None:
    made: list[str] = []
    kept = KeptFinds()

    def make(key: str) -> str:
        made.append(key)
        return key.upper()

    assert [kept.find(key, partial(make, key)) for key in "abab"] == ["A", "B", "A", "B"]
    assert made == ["a", "b"]


def test_only_those_that_were_asked_for_last_are_kept() -> None:
    made: list[str] = []
    kept = KeptFinds()
    for key in "abcdaea":
        kept.find(key, partial(made.append, key))
    assert "".join(made) == "abcde"


def test_others_who_ask_meanwhile_wait_for_it() -> None:
    kept = KeptFinds()
    begun, goes_on = threading.Event(), threading.Event()

    def slowly() -> int:
        begun.set()
        assert goes_on.wait(10)
        return 1

    found: list[int] = []
    first = threading.Thread(target=lambda: found.append(kept.find("a", slowly)))
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=lambda: found.append(kept.find("a", lambda: 2)))
    second.start()
    goes_on.set()
    first.join(10)
    second.join(10)
    assert found == [1, 1]


def test_what_fails_is_tried_again() -> None:
    kept = KeptFinds()
    with pytest.raises(ZeroDivisionError):
        kept.find("a", lambda: 1 // 0)
    assert kept.find("a", lambda: 1) == 1
