"""What names a session, and where it was started."""

import json
import shutil
from pathlib import Path

from jeeves_runner.execute.contract import Handle
from jeeves_runner.execute.session.handle import Origin, SessionHandle
from jeeves_runner.execute.session.label import label_of, parent_of, search_for, tail_of
from jeeves_runner.execute.session.poller import common_search

MARK = "0123456789abcdef"


def test_a_label_is_one_run_s_and_no_other_s() -> None:
    assert label_of(None, "mail.sort", 12, MARK) == "jr-mail.sort-12-01234567"
    assert label_of("ops", "mail.sort", 12, MARK) == "ops" + tail_of("mail.sort", 12, MARK)
    assert parent_of("mail.sort") == "agent:main:runner-mail.sort"
    assert search_for("agent:main:subagent:c79e4a52-2759") == "c79e4a52-2759"


def test_sessions_of_all_jobs_are_listed_by_what_their_labels_have_in_common() -> None:
    assert common_search(label_of(None, "a-1-b", 1, MARK), "a-1-b", 1) == "jr-"
    assert common_search(label_of("my-team", "a", 7, MARK), "a", 7) == "my-team-"
    assert common_search(tail_of("a", 7, MARK), "a", 7) == tail_of("a", 7, MARK)


def test_a_handle_comes_back_from_the_database(tmp_path: Path) -> None:
    whole = SessionHandle(
        3, "l", "p", key="k", run="r", origin=Origin.here(tmp_path), expected="json", max_tokens=5
    )
    short = SessionHandle(3, "l", "p")
    for handle in (whole, short):
        assert SessionHandle.of(Handle.from_json(3, handle.opaque().as_json())) == handle


def test_what_is_no_handle_is_none() -> None:
    for text in ("{}", '{"executor": "session"}', '{"executor": "session", "label": 3, "parent": "p"}'):
        assert SessionHandle.of(Handle.from_json(1, text)) is None
    odd = {"executor": "session", "label": "l", "parent": "p", "key": 1, "origin": [], "max_tokens": True}
    assert SessionHandle.of(Handle.from_json(1, json.dumps(odd))) == SessionHandle(1, "l", "p")


def test_a_copy_of_a_database_has_another_origin(tmp_path: Path) -> None:
    original, copy = tmp_path / "db", tmp_path / "copy"
    original.write_text("x")
    origin = Origin.here(original)
    assert Origin.here(original) == origin
    (tmp_path / "link").symlink_to(original)
    assert Origin.here(tmp_path / "link") == origin
    shutil.copy(original, copy)
    assert Origin.here(copy) != origin
    copy.replace(original)
    assert Origin.here(original) != origin
    assert str(original) in origin.words
